//! Panics of task bodies: caught, with message and place, and not printed twice.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::PanicReport;

thread_local! {
    /// Whether this thread is inside a task's body.
    static IN_BODY: Cell<bool> = const { Cell::new(false) };
    /// Where the panic being unwound on this thread began.
    static PLACE: RefCell<Option<(String, u32)>> = const { RefCell::new(None) };
}

/// Makes panics of task bodies known by place; other panics go to the hook that was there before.
///
/// A panic in a body becomes the task's error, so the usual message on stderr is left out, unless
/// `print` asks for it, as `RUST_BACKTRACE` does. The first call counts.
pub fn install_hook(print: bool) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let in_body = IN_BODY.try_with(Cell::get).unwrap_or(false);
            if in_body {
                let place = info
                    .location()
                    .map(|place| (place.file().to_owned(), place.line()));
                // The thread may be past its locals' destruction; then the place stays unknown.
                let _ = PLACE.try_with(|cell| *cell.borrow_mut() = place);
            }
            if !in_body || print {
                before(info);
            }
        }));
    });
}

/// Runs a piece of a task's body.
///
/// # Errors
/// The panic's message and place, where it panics.
pub fn catch<R>(body: impl FnOnce() -> R) -> Result<R, PanicReport> {
    let outer = IN_BODY.replace(true);
    // What the body leaves half done stays with the failed attempt, nobody looks at it again.
    let result = catch_unwind(AssertUnwindSafe(body));
    IN_BODY.set(outer);
    result.map_err(|payload| report(payload.as_ref()))
}

fn report(payload: &(dyn Any + Send)) -> PanicReport {
    let message = if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a value that is no text".to_owned()
    };
    let (file, line) = PLACE.take().unzip();
    PanicReport {
        message,
        file,
        line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_with_message_and_place() {
        install_hook(false);
        let line = line!() + 1;
        let report = catch(|| panic!("number {}", 7)).unwrap_err();
        assert_eq!(report.message, "number 7");
        assert_eq!(report.file.as_deref(), Some(file!()));
        assert_eq!(report.line, Some(line));
    }

    #[test]
    fn what_returns_is_passed_on() {
        assert_eq!(catch(|| 3), Ok(3));
    }
}
