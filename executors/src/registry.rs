//! The tasks of this program, collected at link time.
//!
//! Each task macro writes one static [`TaskInfo`] and submits it; [`tasks`] lists them and
//! [`check`] refuses two of one name, with both places.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::TaskKind;

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
    };

    /// Whether nothing is set that decides where and when a call runs.
    #[must_use]
    pub const fn sets_nothing(&self) -> bool {
        self.executors.is_empty()
            && self.retries.is_none()
            && self.timeout.is_none()
            && self.labels.is_empty()
            && self.priority == 0
    }
}

impl TaskInfo {
    /// The task's full name, as `crate::module::Type::function`; a task that is local to a
    /// function carries that function in its name.
    #[must_use]
    pub fn path(&self) -> String {
        readable_path((self.type_name)())
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

/// One task, as the macros submit it to the linker.
pub struct Registration(pub &'static TaskInfo);

inventory::collect!(Registration);

/// The tasks linked into this program, in no particular order.
pub fn tasks() -> impl Iterator<Item = &'static TaskInfo> {
    inventory::iter::<Registration>
        .into_iter()
        .map(|registration| registration.0)
}

/// Two tasks of one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "two tasks are named `{name}`: one at {first}, one at {second}; \
     rename one of them, or give it another name with `name = \"...\"`"
)]
pub struct DuplicateTask {
    /// The name.
    pub name: String,
    /// The place of one, in order of file and line.
    pub first: Location,
    /// The place of the other.
    pub second: Location,
}

/// Checks that each of `tasks` has a name of its own.
///
/// A name given by an attribute stands beside the path: it must be unique too.
///
/// # Errors
/// The first pair, by place, that shares a name.
pub fn check(tasks: impl Iterator<Item = &'static TaskInfo>) -> Result<(), DuplicateTask> {
    let mut tasks: Vec<_> = tasks.collect();
    tasks.sort_by_key(|task| (task.location.file, task.location.line, task.location.column));
    let mut places: HashMap<String, Location> = HashMap::with_capacity(tasks.len());
    for task in tasks {
        let name = task.name.map_or_else(|| task.path(), ToOwned::to_owned);
        if let Some(&first) = places.get(&name) {
            return Err(DuplicateTask {
                name,
                first,
                second: task.location,
            });
        }
        places.insert(name, task.location);
    }
    Ok(())
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

    static FIRST: TaskInfo = task("x::one", 3);
    static SECOND: TaskInfo = task("x::one", 9);

    const fn task(name: &'static str, line: u32) -> TaskInfo {
        TaskInfo {
            type_name: || "a::f::Item",
            function: "f",
            name: Some(name),
            kind: TaskKind::Function,
            location: Location {
                file: "a.rs",
                line,
                column: 1,
            },
            defaults: TaskDefaults::NONE,
        }
    }

    #[test]
    fn two_tasks_of_one_name_are_refused_with_both_places() {
        let error = check([&SECOND, &FIRST].into_iter()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "two tasks are named `x::one`: one at a.rs:3:1, one at a.rs:9:1; \
             rename one of them, or give it another name with `name = \"...\"`"
        );
        assert_eq!(check([&FIRST].into_iter()), Ok(()));
    }
}
