use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chiltepin_executors::mpi::TaskGeometry;
use chiltepin_executors::{OnLoss, Resources};

use super::{Call, Capture, kind};
use crate::Value;
use crate::arg::{Inputs, IntoInputs};
use crate::retries::Retries;
use crate::task::{Directory, Options};

/// One name or several.
pub trait IntoNames {
    /// Adds the names to `names`.
    #[doc(hidden)]
    fn add_to(self, names: &mut Vec<String>);
}

impl IntoNames for &str {
    fn add_to(self, names: &mut Vec<String>) {
        names.push(self.to_owned());
    }
}

impl IntoNames for String {
    fn add_to(self, names: &mut Vec<String>) {
        names.push(self);
    }
}

impl IntoNames for &String {
    fn add_to(self, names: &mut Vec<String>) {
        names.push(self.clone());
    }
}

impl<N: IntoNames, const COUNT: usize> IntoNames for [N; COUNT] {
    fn add_to(self, names: &mut Vec<String>) {
        self.into_iter().for_each(|name| name.add_to(names));
    }
}

impl<N: IntoNames> IntoNames for Vec<N> {
    fn add_to(self, names: &mut Vec<String>) {
        self.into_iter().for_each(|name| name.add_to(names));
    }
}

impl<'n, N> IntoNames for &'n [N]
where
    &'n N: IntoNames,
{
    fn add_to(self, names: &mut Vec<String>) {
        self.iter().for_each(|name| name.add_to(names));
    }
}

impl<'n, N> IntoNames for &'n Vec<N>
where
    &'n N: IntoNames,
{
    fn add_to(self, names: &mut Vec<String>) {
        self.iter().for_each(|name| name.add_to(names));
    }
}

impl IntoNames for &&str {
    fn add_to(self, names: &mut Vec<String>) {
        names.push((*self).to_owned());
    }
}

impl<T: Value, K> Call<T, K> {
    fn set(mut self, set: impl FnOnce(&mut Options)) -> Self {
        // A call is the only owner of its task until it is submitted.
        if let Some(task) = Arc::get_mut(&mut self.task) {
            set(task.header_mut().options_mut());
        }
        self
    }

    /// Also waits for these futures, without taking their values.
    pub fn inputs(self, inputs: impl IntoInputs) -> Self {
        self.set(|options| inputs.add_to(&mut Inputs(options.inputs.get_mut())))
    }

    /// How long one attempt may take, from its start; then it is stopped.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.set(|options| options.timeout = Some(timeout))
    }

    /// How often a failed attempt is repeated, after a growing pause: a number, or [`Retries`] that
    /// tell causes apart.
    pub fn retries(self, retries: impl Into<Retries>) -> Self {
        let retries = retries.into();
        self.set(|options| options.retries = Some(retries))
    }

    /// Higher goes first among the tasks that are ready; 0 where nothing is said.
    pub fn priority(self, priority: i32) -> Self {
        self.set(|options| options.priority = Some(priority))
    }

    /// Adds one label or several; `[workflow.limits]` says how many tasks with a label may run at
    /// once, and all limits apply.
    pub fn label(self, labels: impl IntoNames) -> Self {
        self.set(|options| labels.add_to(&mut options.labels))
    }

    /// Whether its result is kept for later runs, and taken from an earlier one, whatever the task
    /// says of itself.
    ///
    /// A result is that of the same function, as it is written, with equal arguments. Failed tasks
    /// are not kept.
    ///
    /// ```
    /// # use chiltepin::{Workflow, task};
    /// # #[task]
    /// # fn simulate(steps: u64) -> u64 { steps }
    /// # let folder = std::env::temp_dir().join("chiltepin-doc-cache");
    /// # let workflow = Workflow::builder().run_dir(&folder).open()?;
    /// let first = simulate(1000).cache(true).submit(&workflow);
    /// assert_eq!(first.result()?, 1000);
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cache(self, is_cached: bool) -> Self {
        self.set(|options| options.cache = Some(is_cached))
    }

    /// The name of this call in errors and reports, instead of the function's.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.set(|options| options.name = Some(name.into()))
    }
}

// The bound stands on each method: there the compiler says what it means.
impl<T: Value, K> Call<T, K> {
    /// The executor to run on, by its name in the configuration; of several, the first that has
    /// room takes it.
    pub fn on(self, executors: impl IntoNames) -> Self
    where
        K: kind::Executed,
    {
        self.set(|options| {
            options.executors.clear();
            executors.add_to(&mut options.executors);
        })
    }

    /// The directory to work in, made if it is not there. A command starts in it; a function
    /// learns it from its context, for the process as a whole never changes its directory.
    pub fn directory(self, directory: impl Into<PathBuf>) -> Self
    where
        K: kind::Executed,
    {
        self.set(|options| options.directory = Some(Directory::At(directory.into())))
    }

    /// A new directory of the task's own to work in, empty at the start of each attempt: in the
    /// run's folder, and that of a [cached](Self::cache) task in the cache, where it is kept with
    /// the result.
    pub fn fresh_directory(self) -> Self
    where
        K: kind::Executed,
    {
        self.set(|options| options.directory = Some(Directory::Fresh))
    }

    /// What the task takes of its executor while it runs.
    ///
    /// ```
    /// # use chiltepin::{Resources, Workflow, task};
    /// # #[task]
    /// # fn solve() -> u8 { 1 }
    /// # let workflow = Workflow::open()?;
    /// let call = solve().resources(Resources { cores: 1, memory: 1 << 20, ..Resources::default() });
    /// assert_eq!(call.submit(&workflow).result()?, 1);
    /// # Ok::<(), chiltepin::Error>(())
    /// ```
    pub fn resources(self, resources: Resources) -> Self
    where
        K: kind::Executed,
    {
        self.set(|options| options.resources = resources)
    }

    /// What becomes of the task when the worker process that runs it is lost: it runs again, up to
    /// the executor's crash limit, or it fails at once, as work must that is not to be done twice.
    ///
    /// ```
    /// # use chiltepin::{OnLoss, Workflow, task};
    /// # #[task]
    /// # fn send_invoice(number: u32) -> u32 { number }
    /// # let workflow = Workflow::open()?;
    /// let sent = send_invoice(7).on_loss(OnLoss::Fail).submit(&workflow);
    /// assert_eq!(sent.result()?, 7);
    /// # Ok::<(), chiltepin::Error>(())
    /// ```
    pub fn on_loss(self, on_loss: OnLoss) -> Self
    where
        K: kind::Executed,
    {
        self.set(|options| options.on_loss = Some(on_loss))
    }

    /// The nodes and MPI ranks the task spans.
    pub fn geometry(self, geometry: TaskGeometry) -> Self
    where
        K: kind::Executed,
    {
        self.set(|options| options.geometry = Some(geometry))
    }
}

impl Call<i32, kind::Command> {
    /// Where the command's stdout goes; nowhere if nothing is said.
    pub fn stdout(self, capture: impl Into<Capture>) -> Self {
        self.set(|options| options.stdout = Some(capture.into()))
    }

    /// Where the command's stderr goes; if nothing is said its last lines are kept for the error.
    pub fn stderr(self, capture: impl Into<Capture>) -> Self {
        self.set(|options| options.stderr = Some(capture.into()))
    }

    /// Files the command makes: a missing one is an error. Relative paths are within its
    /// directory.
    pub fn outputs<P: Into<PathBuf>>(self, outputs: impl IntoIterator<Item = P>) -> Self {
        self.set(|options| options.outputs.extend(outputs.into_iter().map(Into::into)))
    }

    /// Words for the MPI launcher, behind those that the executor's configuration gives: they come
    /// before the command in `$CHILTEPIN_MPI_PREFIX`.
    ///
    /// ```
    /// # use chiltepin::{TaskGeometry, bash_task};
    /// #[bash_task]
    /// fn simulate(steps: u32) -> String {
    ///     chiltepin::sh!("$CHILTEPIN_MPI_PREFIX ./simulator --steps {steps}")
    /// }
    ///
    /// let call = simulate(100)
    ///     .on("mpi")
    ///     .geometry(TaskGeometry::nodes(2).ranks_per_node(4))
    ///     .launcher_options(["--mpi=pmix"]);
    /// # drop(call);
    /// ```
    pub fn launcher_options<S: Into<String>>(self, words: impl IntoIterator<Item = S>) -> Self {
        self.set(|options| {
            let words = words.into_iter().map(Into::into);
            options.launcher_options.extend(words);
        })
    }

    /// Exit codes other than 0 that are values and no errors.
    ///
    /// ```
    /// # use chiltepin::{Workflow, bash_task};
    /// #[bash_task]
    /// fn search(word: String) -> String {
    ///     chiltepin::sh!("grep -q {word} /etc/passwd")
    /// }
    ///
    /// # let workflow = Workflow::open()?;
    /// let found = search("no such user").allow_exit_codes([1]).submit(&workflow);
    /// assert_eq!(found.result()?, 1);
    /// # Ok::<(), chiltepin::Error>(())
    /// ```
    pub fn allow_exit_codes(self, codes: impl IntoIterator<Item = i32>) -> Self {
        self.set(|options| options.allowed_exit_codes.extend(codes))
    }
}
