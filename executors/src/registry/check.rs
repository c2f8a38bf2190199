use std::collections::HashMap;

use super::{Location, TaskInfo};

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
        let name = task.registered_name().into_owned();
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

/// The program has no task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this program has no task that another process could run: annotate its functions with \
     `#[task]` or `#[bash_task]`; tasks of a library are linked only into a program that uses \
     something of that library"
)]
pub struct NoTasks;

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    static FIRST: TaskInfo = example("x::one", 3);
    static SECOND: TaskInfo = example("x::one", 9);

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
