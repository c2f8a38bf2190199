use std::path::PathBuf;
use std::sync::Arc;
#[cfg(feature = "records")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use chiltepin_executors::command::{CommandSpec, Stream};
use chiltepin_executors::mpi::Geometry;
use chiltepin_executors::registry::TaskInfo;
use chiltepin_executors::{
    Attempt, EncodedCall, EncodedValues, LossRule, OnLoss, Report, Resources, StopSignal, TaskId,
};
use parking_lot::Mutex;

#[cfg(feature = "records")]
use super::KeptArguments;
use super::Options;
use crate::TaskError;
#[cfg(feature = "records")]
use crate::cache::KeptAs;
use crate::call::Capture;
use crate::driver::Driver;
use crate::error::{ErrorKind, ErrorPlace};
use crate::future::{Account, AnyFuture, Decision, Status, TaskReport};
use crate::kernel::{ExecutorId, Scaled};
use crate::retries::Retries;

mod files;

/// What is known of a call whatever its types.
pub(crate) struct Header {
    info: &'static TaskInfo,
    options: Option<Box<Options>>,
    /// Set at submit, before anyone else sees the call.
    submitted: Option<Submitted>,
    decision: Decision,
    stop: StopSignal,
    /// The handles there are; the last one may take the value.
    handles: AtomicU32,
    /// The executor of the latest attempt, [`NOWHERE`] before the first.
    executor: AtomicU8,
    /// How many workers were lost under it.
    losses: AtomicU16,
    /// How many of its attempts were returned.
    returns: AtomicU8,
    /// The first of its executors, whose retries it has where nothing else says; [`NOWHERE`] until
    /// that is known.
    first_executor: AtomicU8,
    /// A lost worker is a failure at once, which the kernel counts.
    reports_losses: AtomicBool,
    /// What its next attempt gets that is other than the call says.
    scaled: Mutex<Option<Box<Scaled>>>,
    /// The account of the latest attempt that has ended, where its executor keeps one.
    account: Mutex<Option<Box<Account>>>,
    /// As what its result is kept, once it was looked for.
    #[cfg(feature = "records")]
    kept_as: OnceLock<Box<KeptAs>>,
    /// Its arguments, while it runs and the record may need them.
    #[cfg(feature = "records")]
    pub(super) arguments: Mutex<Option<Box<KeptArguments>>>,
}

/// No executor yet.
const NOWHERE: u8 = u8::MAX;

/// How long a command may take to end after TERM, where no executor says otherwise.
const DEFAULT_KILL_GRACE: Duration = Duration::from_secs(10);

struct Submitted {
    driver: Arc<Driver>,
    number: u64,
    /// Where the kernel's table keeps the task; [`UNPLACED`] until the kernel has it.
    index: AtomicU32,
    /// When it was submitted, where some executor keeps accounts.
    at: Option<Instant>,
}

/// Not in the kernel's table yet.
const UNPLACED: u32 = u32::MAX;

impl Submitted {
    fn id(&self) -> TaskId {
        TaskId::new(self.number, self.index.load(Ordering::Acquire))
    }
}

impl Header {
    pub(crate) const fn new(info: &'static TaskInfo) -> Self {
        Self {
            info,
            options: None,
            submitted: None,
            decision: Decision::new(),
            stop: StopSignal::new(),
            handles: AtomicU32::new(0),
            executor: AtomicU8::new(NOWHERE),
            losses: AtomicU16::new(0),
            returns: AtomicU8::new(0),
            first_executor: AtomicU8::new(NOWHERE),
            reports_losses: AtomicBool::new(false),
            scaled: Mutex::new(None),
            account: Mutex::new(None),
            #[cfg(feature = "records")]
            kept_as: OnceLock::new(),
            #[cfg(feature = "records")]
            arguments: Mutex::new(None),
        }
    }

    pub(crate) const fn info(&self) -> &'static TaskInfo {
        self.info
    }

    pub(crate) fn options(&self) -> Option<&Options> {
        self.options.as_deref()
    }

    pub(crate) fn options_mut(&mut self) -> &mut Options {
        self.options.get_or_insert_default()
    }

    pub(crate) fn set_submitted(&mut self, driver: Arc<Driver>, number: u64) {
        let index = AtomicU32::new(UNPLACED);
        // Reading the clock is a good part of what a task on threads costs.
        let at = driver.keeps_accounts().then(Instant::now);
        self.submitted = Some(Submitted {
            driver,
            number,
            index,
            at,
        });
    }

    /// Is told, under the lock, where the kernel keeps the task.
    pub(crate) fn set_placed(&self, id: TaskId) {
        if let Some(submitted) = &self.submitted {
            submitted.index.store(id.index(), Ordering::Release);
        }
    }

    /// The id with which the kernel finds the task; none before it has the task.
    pub(crate) fn placed(&self) -> Option<TaskId> {
        self.submitted
            .as_ref()
            .map(Submitted::id)
            .filter(|id| id.index() != UNPLACED)
    }

    /// The workflow's driver, once the call was submitted.
    pub(crate) fn driver(&self) -> Option<&Arc<Driver>> {
        self.submitted.as_ref().map(|submitted| &submitted.driver)
    }

    /// The id; 0 before the call was submitted.
    pub(crate) fn id(&self) -> TaskId {
        self.submitted
            .as_ref()
            .map_or(TaskId::new(0, 0), Submitted::id)
    }

    pub(crate) const fn decision(&self) -> &Decision {
        &self.decision
    }

    pub(crate) const fn stop(&self) -> &StopSignal {
        &self.stop
    }

    pub(crate) fn name(&self) -> &str {
        let given = self.options().and_then(|options| options.name.as_deref());
        given.unwrap_or_else(|| self.info.short_name())
    }

    pub(crate) fn resources(&self) -> Resources {
        let given = self.options().map(|options| options.resources);
        let given = given.unwrap_or_default();
        match self.scaled.lock().as_deref() {
            Some(&Scaled { memory, .. }) => Resources { memory, ..given },
            None => given,
        }
    }

    /// Is told, under the lock, what the next attempt gets that is other than the call says.
    pub(crate) fn set_scaled(&self, scaled: Scaled) {
        *self.scaled.lock() = Some(Box::new(scaled));
    }

    pub(crate) fn priority(&self) -> i32 {
        let given = self.options().and_then(|options| options.priority);
        given.unwrap_or(self.info.defaults.priority)
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        let scaled = self.scaled.lock().as_deref().copied();
        scaled
            .and_then(|scaled| scaled.timeout)
            .or_else(|| self.options()?.timeout)
            .or(self.info.defaults.timeout)
    }

    /// How often a failed attempt is repeated, if the call says so.
    pub(crate) fn retries(&self) -> Option<&Retries> {
        self.options()?.retries.as_ref()
    }

    /// The first of the executors that it may run on.
    pub(crate) fn first_executor(&self) -> ExecutorId {
        ExecutorId(self.first_executor.load(Ordering::Relaxed))
    }

    pub(crate) fn set_first_executor(&self, executor: ExecutorId) {
        self.first_executor.store(executor.0, Ordering::Relaxed);
    }

    /// Lets executors report every worker that is lost under the task: its retries are counted
    /// elsewhere.
    pub(crate) fn report_losses(&self) {
        self.reports_losses.store(true, Ordering::Relaxed);
    }

    /// What an executor is to do when the task's worker is lost.
    fn loss_rule(&self) -> LossRule {
        match self.on_loss() {
            OnLoss::Repeat if self.reports_losses.load(Ordering::Relaxed) => LossRule::Report,
            OnLoss::Repeat => LossRule::Repeat,
            _ => LossRule::Fail,
        }
    }

    /// What becomes of the task when its worker is lost.
    pub(crate) fn on_loss(&self) -> OnLoss {
        self.options()
            .and_then(|options| options.on_loss)
            .or(self.info.defaults.on_loss)
            .unwrap_or_default()
    }

    /// How many workers were lost under the task so far.
    pub(crate) fn losses(&self) -> u32 {
        u32::from(self.losses.load(Ordering::Relaxed))
    }

    /// Counts a worker that was lost under the task, and gives the count.
    pub(crate) fn count_loss(&self) -> u32 {
        let count = |losses: u16| Some(losses.saturating_add(1));
        let before = self
            .losses
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
        u32::from(before.unwrap_or_else(|losses| losses).saturating_add(1))
    }

    /// How many attempts were returned so far.
    pub(crate) fn returns(&self) -> u32 {
        u32::from(self.returns.load(Ordering::Relaxed))
    }

    /// Counts an attempt that is returned, up to 255.
    pub(crate) fn count_return(&self) {
        let count = |returns: u8| returns.checked_add(1);
        // Beyond that it stays as it is.
        let _ = self
            .returns
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, count);
    }

    /// Attempts that were returned so far count no more.
    pub(crate) fn forget_returns(&self) {
        self.returns.store(0, Ordering::Relaxed);
    }

    /// As what its result is kept; none before it was looked for.
    #[cfg(feature = "records")]
    pub(crate) fn kept_as(&self) -> Option<&KeptAs> {
        self.kept_as.get().map(|kept_as| &**kept_as)
    }

    #[cfg(feature = "records")]
    pub(crate) fn set_kept_as(&self, kept_as: KeptAs) {
        // It is looked for by one at a time, and is the same each time.
        let _ = self.kept_as.set(Box::new(kept_as));
    }

    /// Whether its result is to outlive the run.
    pub(crate) fn is_cached(&self) -> bool {
        let given = self.options().and_then(|options| options.cache);
        given.unwrap_or(self.info.defaults.cache)
    }

    /// The nodes and ranks that the call asks for; a contradiction was refused at submit.
    pub(crate) fn geometry(&self) -> Option<Geometry> {
        self.options()?.geometry?.resolve().ok()
    }

    /// The words for the MPI launcher.
    pub(crate) fn launcher_options(&self) -> &[String] {
        self.options()
            .map_or(&[], |options| &options.launcher_options)
    }

    /// The labels of the call and of its task.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        let given = self.options().map_or(&[][..], |options| &options.labels);
        given
            .iter()
            .map(String::as_str)
            .chain(self.info.defaults.labels.iter().copied())
    }

    pub(crate) fn add_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove_handle(&self) {
        self.handles.fetch_sub(1, Ordering::Release);
    }

    /// Whether the caller's handle is the only one: nobody can make another from it meanwhile.
    pub(crate) fn is_last_handle(&self) -> bool {
        self.handles.load(Ordering::Acquire) == 1
    }

    /// An error of this task, before it ran or beside its run.
    pub(crate) fn error(&self, kind: ErrorKind) -> TaskError {
        TaskError::new(kind, self.place(None, 0))
    }

    pub(crate) fn place(&self, executor: Option<Arc<str>>, attempt: u32) -> ErrorPlace {
        let id = self.submitted.as_ref().map(Submitted::id);
        ErrorPlace {
            task: self.name().to_owned(),
            id,
            workflow: self.driver().map_or(0, |driver| driver.number()),
            executor,
            attempt,
        }
    }

    /// Sees to it that the kernel has the task, for somebody who waits for it: the starter that
    /// is to hand it over may wait for a thread itself.
    pub(crate) fn see_placed(&self) {
        if self.placed().is_none()
            && let Some(driver) = self.driver()
        {
            driver.admit_all();
        }
    }

    pub(crate) fn cancel(&self) {
        if let Some(driver) = self.driver() {
            driver.cancel(self);
        }
    }

    pub(crate) fn status(&self) -> Status {
        let standing = || self.driver()?.status(self);
        // Where the kernel has let go of the task since the first look, the decision is there.
        self.ending()
            .or_else(standing)
            .or_else(|| self.ending())
            .unwrap_or(Status::Waiting { dependencies: 0 })
    }

    fn ending(&self) -> Option<Status> {
        Some(match self.decision.result()? {
            Ok(()) => Status::Succeeded,
            Err(error) if error.is_cancelled() => Status::Cancelled,
            Err(_) => Status::Failed,
        })
    }

    /// An attempt is started there.
    pub(crate) fn start_on(&self, executor: ExecutorId) {
        self.executor.store(executor.0, Ordering::Relaxed);
        #[cfg(feature = "records")]
        if let Some(kept_as) = self.kept_as() {
            *kept_as.started.lock() = Instant::now();
        }
    }

    pub(crate) fn executor_id(&self) -> Option<ExecutorId> {
        match self.executor.load(Ordering::Relaxed) {
            NOWHERE => None,
            executor => Some(ExecutorId(executor)),
        }
    }

    pub(crate) fn executor(&self) -> Option<String> {
        let name = self.driver()?.executor_name(self.executor_id()?)?;
        Some(name.to_string())
    }

    pub(crate) fn set_report(&self, report: Report) {
        let executor = self
            .executor_id()
            .and_then(|executor| self.driver()?.executor_name(executor));
        let account = Box::new(Account { executor, report });
        let before = self.account.lock().replace(account);
        drop(before);
    }

    pub(crate) fn report(&self) -> Option<TaskReport> {
        let submitted = self.submitted.as_ref().and_then(|submitted| submitted.at);
        let account = self.account.lock();
        account.as_ref().map(|account| account.report(submitted))
    }

    /// Reads the executor's own account of the latest attempt.
    pub(crate) fn read_report<R>(&self, read: impl FnOnce(&Report) -> Option<R>) -> Option<R> {
        let account = self.account.lock();
        read(&account.as_ref()?.report)
    }

    pub(crate) fn has_inputs(&self) -> bool {
        self.options()
            .is_some_and(|options| !options.inputs.lock().is_empty())
    }

    pub(crate) fn visit_inputs(&self, visit: &mut dyn FnMut(&dyn AnyFuture)) {
        if let Some(options) = self.options() {
            options
                .inputs
                .lock()
                .iter()
                .for_each(|input| visit(&**input));
        }
    }

    pub(crate) fn release_inputs(&self) {
        if let Some(options) = self.options() {
            let inputs = std::mem::take(&mut *options.inputs.lock());
            drop(inputs);
        }
    }

    /// The call, as it is sent to another process.
    pub(crate) fn encoded_call(&self, arguments: EncodedValues, attempt: u32) -> EncodedCall {
        let name = self.options().and_then(|options| options.name.clone());
        // The driver's working directory may be another one by the time the task runs.
        let directory = self
            .directory(attempt)
            .map(|directory| std::path::absolute(&directory).unwrap_or(directory));
        EncodedCall {
            info: self.info,
            name,
            directory,
            on_loss: self.loss_rule(),
            variables: Vec::new(),
            arguments,
        }
    }

    /// The command that a command task's body asked for, as its call wants it executed.
    pub(crate) fn command_spec(&self, script: String, attempt: &Attempt) -> CommandSpec {
        let stream = |capture: Option<&Capture>, path: Option<PathBuf>| match path {
            Some(path) => Stream::File {
                path,
                append: capture.is_some_and(Capture::is_append),
            },
            None => Stream::Discard,
        };
        let options = self.options();
        let mut environment = vec![
            ("CHILTEPIN_TASK_ID".to_owned(), attempt.id.task.to_string()),
            (
                "CHILTEPIN_ATTEMPT".to_owned(),
                attempt.id.attempt.to_string(),
            ),
        ];
        if let Some(deadline) = attempt.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            let unix = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default();
            let seconds = (unix + left).as_secs();
            environment.push(("CHILTEPIN_DEADLINE".to_owned(), seconds.to_string()));
        }
        CommandSpec {
            prefix: Vec::new(),
            script,
            directory: self.directory(attempt.id.attempt),
            stdout: stream(
                options.and_then(|options| options.stdout.as_ref()),
                self.stdout_file(),
            ),
            stderr: stream(
                options.and_then(|options| options.stderr.as_ref()),
                self.stderr_file(),
            ),
            environment,
            outputs: options
                .map(|options| options.outputs.clone())
                .unwrap_or_default(),
            allowed_exit_codes: options
                .map(|options| options.allowed_exit_codes.clone())
                .unwrap_or_default(),
            kill_grace: DEFAULT_KILL_GRACE,
        }
    }
}
