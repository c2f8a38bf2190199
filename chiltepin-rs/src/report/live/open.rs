use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::number_hasher::NumberHasher;

/// A task that has not ended. There may be a million of them, so it is kept small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Open {
    /// The row where it waits.
    pub(super) home: u16,
    /// The row that it counts for.
    pub(super) row: u16,
    /// The latest that was started, from 1.
    pub(super) attempt: u16,
    pub(super) is_running: bool,
    /// Its result was in the cache.
    pub(super) is_found: bool,
}

/// Numbers in a page. A task that stays open long keeps a page of half a kilobyte.
const PAGE: usize = 64;

/// The tasks that have not ended, by their numbers, which follow each other: pages take a quarter of
/// what a table of them would.
#[derive(Debug, Default)]
pub(super) struct OpenTasks {
    pages: HashMap<u64, Box<Page>, BuildHasherDefault<NumberHasher>>,
}

#[derive(Debug)]
struct Page {
    tasks: [Option<Open>; PAGE],
    count: usize,
}

impl OpenTasks {
    pub(super) fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    pub(super) fn get(&self, task: u64) -> Option<Open> {
        let (page, at) = place(task);
        self.pages.get(&page)?.tasks[at]
    }

    /// Notes how a task is, and gives how it was.
    pub(super) fn set(&mut self, task: u64, open: Open) -> Option<Open> {
        let (page, at) = place(task);
        let page = self.pages.entry(page).or_insert_with(|| {
            Box::new(Page {
                tasks: [None; PAGE],
                count: 0,
            })
        });
        let before = page.tasks[at].replace(open);
        page.count += usize::from(before.is_none());
        before
    }

    pub(super) fn remove(&mut self, task: u64) -> Option<Open> {
        let (number, at) = place(task);
        let page = self.pages.get_mut(&number)?;
        let before = page.tasks[at].take()?;
        page.count -= 1;
        if page.count == 0 {
            self.pages.remove(&number);
        }
        Some(before)
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> impl Iterator<Item = Open> {
        self.pages
            .values()
            .flat_map(|page| page.tasks.iter().flatten().copied())
    }
}

/// The page of a task, and its place there.
fn place(task: u64) -> (u64, usize) {
    let size = PAGE as u64;
    (task / size, (task % size) as usize)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn open(attempt: u16) -> Open {
        Open {
            home: 0,
            row: 0,
            attempt,
            is_running: false,
            is_found: false,
        }
    }

    #[test]
    fn an_open_task_is_small() {
        assert_eq!(size_of::<Option<Open>>(), 8);
    }

    proptest! {
        #[test]
        fn they_are_found_until_they_are_removed(steps in prop::collection::vec((0_u64..200, any::<Option<u16>>()), 0..300)) {
            let mut tasks = OpenTasks::default();
            let mut model = BTreeMap::new();
            for (task, step) in steps {
                match step {
                    Some(attempt) => {
                        let before = tasks.set(task, open(attempt));
                        prop_assert_eq!(before, model.insert(task, open(attempt)));
                    }
                    None => prop_assert_eq!(tasks.remove(task), model.remove(&task)),
                }
                prop_assert_eq!(tasks.get(task), model.get(&task).copied());
                prop_assert_eq!(tasks.values().count(), model.len());
                prop_assert_eq!(tasks.is_empty(), model.is_empty());
            }
        }
    }
}
