use chiltepin_executors::panic;
use chiltepin_executors::start::{Origin, enter};

use crate::config::LogLevel;
use crate::environment;

/// Lets this process be a worker, if it was started as one; then it never returns.
///
/// Worker processes are the program itself, started again without arguments. A program with
/// executors on worker processes that opens its workflow by itself calls this first in `main`:
/// before there are threads, before arguments are read and anything is printed, since a worker
/// needs none of that. `#[chiltepin::main]` and `#[chiltepin::test]` do it by themselves.
///
/// ```
/// use chiltepin::{Workflow, task};
///
/// #[task]
/// fn square(x: u64) -> u64 {
///     x * x
/// }
///
/// fn main() -> chiltepin::Result<()> {
///     chiltepin::init();
///     let workflow = Workflow::open()?;
///     assert_eq!(square(3).submit(&workflow).result()?, 9);
///     workflow.close_blocking();
///     Ok(())
/// }
/// ```
///
/// Elsewhere than on the thread of `main` it has no effect, and workers are refused with the reason:
/// a worker that is started from within a test would run all tests before it came there.
pub fn init() {
    if std::thread::current().name() == Some("main") {
        let_in(Origin::Main);
    } else {
        tracing::warn!(
            "`chiltepin::init()` counts in `main` alone; in tests use `#[chiltepin::test]`"
        );
    }
}

/// Lets this process be what it was started for.
pub(super) fn let_in(origin: Origin) {
    #[cfg(feature = "records")]
    if let Some(code) = crate::rerun::serve() {
        std::process::exit(code);
    }
    enter(origin, |log| {
        panic::install_hook(environment::backtrace());
        // Nobody else does: what the program sets up for itself comes after this.
        let level = environment::log_level().ok().flatten();
        let level = level.or_else(|| log?.parse().ok());
        crate::log::install(level.unwrap_or(LogLevel::Info));
    });
}
