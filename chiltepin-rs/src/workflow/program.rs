use std::error::Error;
use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use super::signals::Signals;
use super::{Workflow, WorkflowBuilder};
use crate::future::block_on;

/// What `#[chiltepin::main]` and `#[chiltepin::test]` say of the workflow they open.
#[derive(Clone, Copy, Debug, Default)]
pub struct MainOptions {
    /// The configuration file, instead of the one that `CHILTEPIN_CONFIG` names.
    pub config: Option<&'static str>,
}

impl MainOptions {
    fn builder(self) -> WorkflowBuilder {
        match self.config {
            Some(path) => Workflow::builder().config(path),
            None => Workflow::builder(),
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
            return Ok(ExitCode::FAILURE);
        };
        let main = session.handle().spawn(main(workflow.clone()));
        match block_on(main, None) {
            Some(Ok(result)) => result.outcome(),
            // It panicked, and the panic hook has said so.
            _ => Ok(ExitCode::from(101)),
        }
    })
}

/// Opens a workflow, runs a plain main function on this thread, and closes it.
pub fn run_main_blocking<R: MainOutcome>(
    options: MainOptions,
    main: impl FnOnce(Workflow) -> R,
) -> ExitCode {
    run(options, |workflow| main(workflow.clone()).outcome())
}

fn run(
    options: MainOptions,
    main: impl FnOnce(&Workflow) -> Result<ExitCode, Box<dyn Error + Send + Sync>>,
) -> ExitCode {
    let workflow = match options.builder().open() {
        Ok(workflow) => workflow,
        Err(error) => {
            report(&error);
            return ExitCode::FAILURE;
        }
    };
    let signals = Arc::new(Signals::new());
    if let Some(session) = workflow.session()
        && let Err(error) = signals.listen(session)
    {
        tracing::warn!(%error, "cannot listen for signals; Ctrl-C ends the program at once");
    }
    let code = match main(&workflow) {
        Ok(code) => {
            workflow.close_blocking();
            code
        }
        Err(error) => {
            report(error.as_ref());
            drop(workflow);
            ExitCode::FAILURE
        }
    };
    signals.exit_code().map_or(code, ExitCode::from)
}

/// Prints an error and what caused it.
fn report(error: &dyn Error) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  caused by: {error}");
        cause = error.source();
    }
}

/// Opens a workflow, runs an async test within its runtime, and closes it.
///
/// # Panics
/// If the workflow cannot be opened, and if the test panics.
pub fn run_test<R, F>(options: MainOptions, test: impl FnOnce(Workflow) -> F + Send + 'static) -> R
where
    R: Send + 'static,
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

/// Opens a workflow, runs a plain test on this thread, and closes it.
///
/// # Panics
/// If the workflow cannot be opened, and if the test panics.
#[expect(clippy::panic, reason = "a test fails by panicking")]
pub fn run_test_blocking<R>(options: MainOptions, test: impl FnOnce(Workflow) -> R) -> R {
    let workflow = match options.builder().open() {
        Ok(workflow) => workflow,
        Err(error) => panic!("cannot open the test's workflow: {error:?}"),
    };
    let result = test(workflow.clone());
    workflow.close_blocking();
    result
}
