use std::error::Error;
use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use chiltepin_executors::start::Origin;

use super::init::let_in;
use super::signals::Signals;
use super::{Workflow, WorkflowBuilder};
use crate::config::Progress;
use crate::future::block_on;
use crate::report::make_way;

/// What `#[chiltepin::main]` and `#[chiltepin::test]` say of the workflow they open.
#[derive(Clone, Copy, Debug, Default)]
pub struct MainOptions {
    /// The configuration file, instead of the one that `CHILTEPIN_CONFIG` names.
    pub config: Option<&'static str>,
    /// The full path of the test, if it is one.
    pub test: Option<&'static str>,
}

impl MainOptions {
    /// Lets this process in, if it was started as a worker.
    fn enter(self) {
        let_in(self.test.map_or(Origin::Main, Origin::test));
    }

    fn builder(self) -> WorkflowBuilder {
        let builder = match self.config {
            Some(path) => Workflow::builder().config(path),
            None => Workflow::builder(),
        };
        // A test's run is no record of anything, and its runner shows what tests do.
        match self.test {
            Some(_) => builder.journal(false).progress(Progress::Off),
            None => builder,
        }
    }
}

/// What a program's main function may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what main returns",
    label = "not a main function's result",
    note = "return `()`, an `ExitCode`, or a `Result` of one with an error such as \
            `chiltepin::Error` or `anyhow::Error`"
)]
pub trait MainOutcome {
    /// The exit code, or the error to print.
    #[doc(hidden)]
    fn outcome(self) -> Result<ExitCode, Box<dyn Error + Send + Sync>>;
}

impl MainOutcome for () {
    fn outcome(self) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
        Ok(ExitCode::SUCCESS)
    }
}

impl MainOutcome for ExitCode {
    fn outcome(self) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
        Ok(self)
    }
}

impl<T: MainOutcome, E: Into<Box<dyn Error + Send + Sync>>> MainOutcome for Result<T, E> {
    fn outcome(self) -> Result<ExitCode, Box<dyn Error + Send + Sync>> {
        self.map_err(Into::into)?.outcome()
    }
}

/// Opens a workflow, runs an async main function within its runtime, and closes it.
pub fn run_main<R, F>(
    options: MainOptions,
    main: impl FnOnce(Workflow) -> F + Send + 'static,
) -> ExitCode
where
    R: MainOutcome + Send + 'static,
    F: Future<Output = R> + Send + 'static,
{
    run(options, |workflow| {
        let Some(session) = workflow.session() else {
            return Err(Failure::Panicked);
        };
        let main = session.handle().spawn(main(workflow.clone()));
        match block_on(main, None) {
            Some(Ok(result)) => result.outcome().map_err(Failure::Error),
            _ => Err(Failure::Panicked),
        }
    })
}

/// Opens a workflow, runs a plain main function on this thread, and closes it.
pub fn run_main_blocking<R: MainOutcome>(
    options: MainOptions,
    main: impl FnOnce(Workflow) -> R,
) -> ExitCode {
    run(options, |workflow| {
        main(workflow.clone()).outcome().map_err(Failure::Error)
    })
}

/// Why a main function is not happy.
enum Failure {
    Error(Box<dyn Error + Send + Sync>),
    /// The panic hook has said so.
    Panicked,
}

/// Ends, when it is dropped, what has not ended of a workflow, whoever else has handles to it: the
/// program or the test is over, and its commands must not outlive it.
struct Opened(Workflow);

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(session) = self.0.session() {
            session.kill_blocking();
        }
    }
}

fn run(
    options: MainOptions,
    main: impl FnOnce(&Workflow) -> Result<ExitCode, Failure>,
) -> ExitCode {
    options.enter();
    let opened = match options.builder().open() {
        Ok(workflow) => Opened(workflow),
        Err(error) => {
            report(&error);
            return ExitCode::FAILURE;
        }
    };
    let signals = Arc::new(Signals::new());
    let workflow = &opened.0;
    if let Some(session) = workflow.session()
        && let Err(error) = signals.listen(session)
    {
        tracing::warn!(%error, "cannot listen for signals; Ctrl-C ends the program at once");
    }
    let code = match main(workflow) {
        Ok(code) => {
            workflow.close_blocking();
            code
        }
        Err(Failure::Error(error)) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
        Err(Failure::Panicked) => ExitCode::from(101),
    };
    let interrupted = signals.exit_code();
    if interrupted.is_some() {
        // Main most likely failed because of that; what runs has the grace that it was promised.
        workflow.close_blocking();
    }
    drop(opened);
    interrupted.map_or(code, ExitCode::from)
}

/// Prints an error and what caused it; where nobody reads that, the exit code tells.
fn report(error: &dyn Error) {
    make_way();
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = writeln!(stderr, "  caused by: {error}");
        cause = error.source();
    }
}

/// What a test may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a test returns",
    label = "not a test's result",
    note = "return `()`, an `ExitCode`, or a `Result` of one"
)]
pub trait TestOutcome {
    /// Whether the test is passed.
    #[doc(hidden)]
    fn is_passed(&self) -> bool;
}

impl TestOutcome for () {
    fn is_passed(&self) -> bool {
        true
    }
}

impl TestOutcome for ExitCode {
    fn is_passed(&self) -> bool {
        *self == Self::SUCCESS
    }
}

impl<T: TestOutcome, E> TestOutcome for Result<T, E> {
    fn is_passed(&self) -> bool {
        self.as_ref().is_ok_and(T::is_passed)
    }
}

/// Opens a workflow, runs an async test within its runtime, and closes it.
///
/// # Panics
/// If the workflow cannot be opened, and if the test panics.
pub fn run_test<R, F>(options: MainOptions, test: impl FnOnce(Workflow) -> F + Send + 'static) -> R
where
    R: TestOutcome + Send + 'static,
    F: Future<Output = R> + Send + 'static,
{
    run_test_blocking(options, |workflow| {
        let runtime = workflow.session().map(|session| session.handle().clone());
        let body = test(workflow);
        let test = runtime.map(|runtime| runtime.spawn(body));
        match test.and_then(|test| block_on(test, None)) {
            Some(Ok(result)) => result,
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            _ => unreachable!("nothing cancels the test"),
        }
    })
}

/// Opens a workflow, runs a plain test on this thread, and closes it; what is pending when a test
/// fails is cancelled.
///
/// # Panics
/// If the workflow cannot be opened, and if the test panics.
#[expect(clippy::panic, reason = "a test fails by panicking")]
pub fn run_test_blocking<R: TestOutcome>(
    options: MainOptions,
    test: impl FnOnce(Workflow) -> R,
) -> R {
    options.enter();
    let opened = match options.builder().open() {
        Ok(workflow) => Opened(workflow),
        Err(error) => panic!("cannot open the test's workflow: {error:?}"),
    };
    let result = test(opened.0.clone());
    if result.is_passed() {
        opened.0.close_blocking();
    }
    result
}
