use std::borrow::Cow;
use std::fmt;

use chiltepin_executors::TaskKind;
use chiltepin_executors::registry::{Functions, Location, TaskInfo};

/// Lists the tasks that are linked into this program, in order of their names.
///
/// Only these can be called, here or in another process: no code travels.
///
/// ```
/// # use chiltepin::task;
/// #[task]
/// fn multiply(x: i64, factor: i64) -> i64 { x * factor }
///
/// let tasks = chiltepin::registry();
/// let multiply = tasks.iter().find(|task| task.name().ends_with("::multiply")).unwrap();
/// assert_eq!(multiply.signature(), "fn(x: i64, factor: i64) -> i64");
/// ```
#[must_use]
pub fn registry() -> Vec<TaskDescription> {
    let functions = Functions::of_program().iter();
    functions
        .map(|info| TaskDescription {
            name: info.registered_name(),
            info,
        })
        .collect()
}

/// A task of this program, as its source has it; see [`registry`].
#[derive(Clone)]
pub struct TaskDescription {
    name: Cow<'static, str>,
    info: &'static TaskInfo,
}

impl TaskDescription {
    /// The name under which the program knows it: `crate::module::Type::function`, or what the
    /// attribute's `name` says.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its arguments and what it returns, as they are written; a method's `self` comes first.
    #[must_use]
    pub fn signature(&self) -> String {
        self.info.signature()
    }

    /// How its body runs.
    #[must_use]
    pub fn kind(&self) -> TaskKind {
        self.info.kind
    }

    /// Where it is written.
    #[must_use]
    pub fn location(&self) -> Location {
        self.info.location
    }
}

impl fmt::Debug for TaskDescription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TaskDescription")
            .field("name", &self.name)
            .field("signature", &self.signature())
            .field("kind", &self.info.kind)
            .field("location", &self.info.location)
            .finish()
    }
}
