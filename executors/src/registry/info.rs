use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::{AnyError, Failure, OnLoss, ServedCall, TaskKind};

/// What is known of a task from its source: its name, its place, its attribute's defaults.
#[derive(Debug)]
pub struct TaskInfo {
    /// Gives the type name of an item within the task's function, from which its path is read.
    pub type_name: fn() -> &'static str,
    /// The function's own name.
    pub function: &'static str,
    /// The name given by the attribute, if any.
    pub name: Option<&'static str>,
    /// How the body runs.
    pub kind: TaskKind,
    /// Where the task is written.
    pub location: Location,
    /// What the attribute sets for every call.
    pub defaults: TaskDefaults,
    /// The arguments, in order; a method's `self` comes first.
    pub parameters: &'static [Parameter],
    /// The return type as it is written, `()` where none is.
    pub returns: &'static str,
    /// Whether the body asks for its context, and so can heed a request to stop.
    pub takes_context: bool,
    /// A number made of the parameters, the return type and the body: another one once any of them
    /// means something else, the same however they are formatted.
    pub body: u128,
    /// Runs the body on encoded arguments, in a process that never made the call.
    pub entry: Entry,
    /// How the body's error travels; none where it has none, or one of a type that cannot.
    pub error: fn() -> Option<ErrorCodec>,
}

/// One argument of a task, as its source has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Its type, as it is written.
    pub type_text: &'static str,
    /// Whether it is left out of the key under which results are kept.
    pub is_ignored: bool,
}

impl fmt::Display for Parameter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, self.type_text)
    }
}

/// An async body that runs, on its way to its encoded value.
pub type ServedFuture = BoxFuture<'static, Result<Vec<u8>, Failure>>;

/// Runs a task's body on encoded arguments. Panics are the caller's to catch.
#[derive(Clone, Copy)]
pub enum Entry {
    /// A synchronous function: adds the encoded value to the buffer. After a failure what it has
    /// added is of no use.
    Function(fn(&Arc<ServedCall>, &mut Vec<u8>) -> Result<(), Failure>),
    /// An async function: gives the encoded value.
    AsyncFunction(fn(Arc<ServedCall>) -> ServedFuture),
    /// A command: gives the script to execute.
    Command(fn(&Arc<ServedCall>) -> Result<String, Failure>),
    /// A join, whose body runs in the driver alone.
    Join,
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Function(_) => "Function",
            Self::AsyncFunction(_) => "AsyncFunction",
            Self::Command(_) => "Command",
            Self::Join => "Join",
        })
    }
}

/// How the value of a task's error travels.
#[derive(Clone, Copy, Debug)]
pub struct ErrorCodec {
    /// Encodes it; none if it is of another type, or cannot be encoded after all.
    pub encode: fn(&AnyError) -> Option<Vec<u8>>,
    /// Decodes it; none if the bytes are no such error.
    pub decode: fn(&[u8]) -> Option<Arc<AnyError>>,
}

/// A place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as the compiler was given it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What a task's attribute sets for every call of it.
#[derive(Clone, Copy, Debug)]
pub struct TaskDefaults {
    /// The executors a call may go to; empty for the workflow's own choice.
    pub executors: &'static [&'static str],
    /// How often a failed attempt is repeated.
    pub retries: Option<u32>,
    /// How long an attempt may take.
    pub timeout: Option<Duration>,
    /// Labels, each of which may be limited by the configuration.
    pub labels: &'static [&'static str],
    /// Higher goes first; 0 where nothing is said.
    pub priority: i32,
    /// Whether results are kept between runs.
    pub cache: bool,
    /// The version of the function's meaning, part of the cache key.
    pub version: Option<&'static str>,
    /// What becomes of a call whose worker is lost.
    pub on_loss: Option<OnLoss>,
}

impl TaskDefaults {
    /// Nothing set.
    pub const NONE: Self = Self {
        executors: &[],
        retries: None,
        timeout: None,
        labels: &[],
        priority: 0,
        cache: false,
        version: None,
        on_loss: None,
    };

    /// Whether nothing is set that decides where and when a call runs.
    #[must_use]
    pub const fn sets_nothing(&self) -> bool {
        self.executors.is_empty()
            && self.retries.is_none()
            && self.timeout.is_none()
            && self.labels.is_empty()
            && self.priority == 0
            && !self.cache
    }
}

impl TaskInfo {
    /// The task's full name, as `crate::module::Type::function`; a task that is local to a
    /// function carries that function in its name.
    #[must_use]
    pub fn path(&self) -> String {
        readable_path((self.type_name)())
    }

    /// The name under which the program knows the task: the one given by the attribute, else its
    /// [path](Self::path). No two tasks of a program share one.
    #[must_use]
    pub fn registered_name(&self) -> Cow<'static, str> {
        self.name.map_or_else(|| self.path().into(), Cow::Borrowed)
    }

    /// The types it is called with and gives, as they are written:
    /// `fn(x: i64, factor: i64) -> i64`.
    #[must_use]
    pub fn signature(&self) -> String {
        let parameters: Vec<_> = self.parameters.iter().map(ToString::to_string).collect();
        let parameters = parameters.join(", ");
        match self.returns {
            "()" => format!("fn({parameters})"),
            returns => format!("fn({parameters}) -> {returns}"),
        }
    }

    /// The name people see: the one given by the attribute, else the function's.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        self.name.unwrap_or(self.function)
    }
}

/// Reads a function's path out of the type name of an item within it.
///
/// `a::b::<impl a::Type>::load::Item` gives `a::Type::load`; the closures that async functions
/// are compiled into are left out, and so is the name under which the macros put a body into its
/// task: a task local to that body is local to the task.
fn readable_path(type_name: &str) -> String {
    let path = match (type_name.rfind("<impl "), type_name.rfind(">::")) {
        (Some(start), Some(end)) if start < end => {
            let type_path = &type_name[start + "<impl ".len()..end];
            format!("{type_path}::{}", &type_name[end + ">::".len()..])
        }
        _ => type_name.to_owned(),
    };
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split("::").filter(|segment| *segment != "{{closure}}") {
        let name = segment.strip_prefix("__chiltepin_");
        if name.is_none() || segments.last().copied() != name {
            segments.push(name.unwrap_or(segment));
        }
    }
    segments.pop();
    segments.join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_module_type_and_function() {
        assert_eq!(readable_path("a::m::multiply::Item"), "a::m::multiply");
        assert_eq!(
            readable_path("a::m::q::<impl a::m::P>::load::Item"),
            "a::m::P::load"
        );
        assert_eq!(
            readable_path("a::m::outer::{{closure}}::multiply::Item"),
            "a::m::outer::multiply"
        );
        assert_eq!(
            readable_path("a::main::__chiltepin_main::local::Item"),
            "a::main::local"
        );
        assert_eq!(
            readable_path("a::<impl a::P>::load::<impl a::P>::__chiltepin_load::local::Item"),
            "a::P::load::local"
        );
    }

    #[test]
    fn signatures_are_as_they_are_written() {
        let task = |parameters, returns| TaskInfo {
            parameters,
            returns,
            ..crate::registry::example("m::f", 1)
        };
        const X: Parameter = Parameter {
            name: "x",
            type_text: "i64",
            is_ignored: false,
        };
        const TABLE: Parameter = Parameter {
            name: "self",
            type_text: "Table<f64>",
            is_ignored: false,
        };
        assert_eq!(
            task(&[TABLE, X], "i64").signature(),
            "fn(self: Table<f64>, x: i64) -> i64"
        );
        assert_eq!(task(&[], "()").signature(), "fn()");
    }
}
