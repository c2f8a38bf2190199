use std::sync::OnceLock;

use super::{NoTasks, TaskInfo, tasks};
use crate::TaskKind;

/// The tasks of a program, each at a place that is the same in every process of that program.
///
/// On the wire a function is its place, a number, instead of its name.
#[derive(Debug)]
pub struct Functions {
    /// In order of their names.
    tasks: Vec<&'static TaskInfo>,
    /// The address of each, with its place; in order of addresses.
    places: Vec<(usize, u32)>,
    fingerprint: u64,
}

impl Functions {
    /// The tasks that are linked into this program.
    #[must_use]
    pub fn of_program() -> &'static Self {
        static FUNCTIONS: OnceLock<Functions> = OnceLock::new();
        FUNCTIONS.get_or_init(|| Self::new(tasks()))
    }

    /// Puts tasks in order. No two of them share a name, as [`check`](super::check) sees to.
    #[must_use]
    pub fn new(tasks: impl Iterator<Item = &'static TaskInfo>) -> Self {
        let mut tasks: Vec<_> = tasks.collect();
        tasks.sort_by_cached_key(|task| task.registered_name());
        let mut places: Vec<_> = tasks.iter().map(|task| address(task)).zip(0..).collect();
        places.sort_unstable();
        let fingerprint = fingerprint(&tasks);
        Self {
            tasks,
            places,
            fingerprint,
        }
    }

    /// The place of a task; none if it is of another program.
    #[must_use]
    pub fn place(&self, task: &'static TaskInfo) -> Option<u32> {
        let found = self
            .places
            .binary_search_by_key(&address(task), |&(address, _)| address);
        found.ok().map(|index| self.places[index].1)
    }

    /// The task at a place.
    #[must_use]
    pub fn get(&self, place: u32) -> Option<&'static TaskInfo> {
        self.tasks.get(usize::try_from(place).ok()?).copied()
    }

    /// The tasks, in order of their places.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'static TaskInfo> {
        self.tasks.iter().copied()
    }

    /// A number made of all names, kinds and signatures: two processes that have the same agree on
    /// what each place means.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Checks that there is some task for other processes to run.
    ///
    /// # Errors
    /// If there is none: joins run in the driver and do not count.
    pub fn check_some(&self) -> Result<(), NoTasks> {
        if self.tasks.iter().all(|task| task.kind == TaskKind::Join) {
            return Err(NoTasks);
        }
        Ok(())
    }
}

fn address(task: &'static TaskInfo) -> usize {
    std::ptr::from_ref(task).addr()
}

fn fingerprint(tasks: &[&'static TaskInfo]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for task in tasks {
        let (name, signature) = (task.registered_name(), task.signature());
        // The length before each text keeps two texts from being read as two others.
        for text in [&*name, &format!("{:?}", task.kind), &signature] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
    let mut first = [0; 8];
    hasher.finalize_xof().fill(&mut first);
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::super::{Parameter, example};
    use super::*;

    static ADD: TaskInfo = example("m::add", 9);
    static SCALE: TaskInfo = TaskInfo {
        parameters: &[Parameter {
            name: "x",
            type_text: "f64",
            is_ignored: false,
        }],
        returns: "f64",
        kind: TaskKind::Function,
        ..example("m::scale", 3)
    };
    static OTHER: TaskInfo = example("m::other", 5);

    #[test]
    fn places_follow_names_whatever_the_order_of_linking() {
        let functions = Functions::new([&SCALE, &ADD].into_iter());
        let linked_otherwise = Functions::new([&ADD, &SCALE].into_iter());
        for functions in [&functions, &linked_otherwise] {
            assert_eq!(functions.place(&ADD), Some(0));
            assert_eq!(functions.place(&SCALE), Some(1));
            assert_eq!(functions.place(&OTHER), None);
            let name = |place| functions.get(place).map(TaskInfo::registered_name);
            assert_eq!(name(0).as_deref(), Some("m::add"));
            assert_eq!(name(1).as_deref(), Some("m::scale"));
            assert_eq!(name(2), None);
        }
        assert_eq!(functions.fingerprint(), linked_otherwise.fingerprint());
    }

    #[test]
    fn the_fingerprint_tells_names_and_signatures_apart() {
        let of = |tasks: Vec<&'static TaskInfo>| Functions::new(tasks.into_iter()).fingerprint();
        static RENAMED: TaskInfo = example("m::added", 9);
        static WIDENED: TaskInfo = TaskInfo {
            returns: "f64",
            ..example("m::add", 9)
        };
        let mut all = [
            of(vec![]),
            of(vec![&ADD]),
            of(vec![&ADD, &SCALE]),
            of(vec![&RENAMED]),
            of(vec![&WIDENED]),
        ];
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
    }

    #[test]
    fn a_program_without_tasks_is_told_what_to_do() {
        let error = Functions::new([].into_iter()).check_some().unwrap_err();
        assert!(error.to_string().contains("`#[task]`"), "{error}");
        assert_eq!(
            Functions::new([&ADD].into_iter()).check_some(),
            Err(NoTasks)
        );
        assert_eq!(
            Functions::new([&ADD, &SCALE].into_iter()).check_some(),
            Ok(())
        );
    }
}
