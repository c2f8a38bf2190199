//! The tasks of this program, collected at link time.
//!
//! ```text
//!   #[task] fn ..  ─► static TaskInfo ─► linker ─► tasks() ─┬─► check      no name twice
//!                                                           └─► Functions  place ◄─► TaskInfo
//! ```
//!
//! Each task macro writes one static [`TaskInfo`] and submits it; [`tasks`] lists them, [`check`]
//! refuses two of one name, with both places, and [`Functions`] numbers them for the wire.

mod check;
mod functions;
mod info;

pub use check::{DuplicateTask, NoTasks, Registration, check, tasks};
pub use functions::Functions;
pub use info::{Entry, ErrorCodec, Location, Parameter, ServedFuture, TaskDefaults, TaskInfo};

/// A task for the tests.
#[cfg(test)]
pub(crate) const fn example(name: &'static str, line: u32) -> TaskInfo {
    TaskInfo {
        type_name: || "a::f::Item",
        function: "f",
        name: Some(name),
        kind: crate::TaskKind::Join,
        location: Location {
            file: "a.rs",
            line,
            column: 1,
        },
        defaults: TaskDefaults::NONE,
        parameters: &[],
        returns: "()",
        takes_context: false,
        body: 0,
        entry: Entry::Join,
        error: || None,
    }
}
