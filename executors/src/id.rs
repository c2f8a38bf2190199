use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// The identity of one submitted call within its workflow; prints as its number.
///
/// The number alone makes the identity; the index is where to look.
///
/// ```
/// use chiltepin_executors::TaskId;
/// assert_eq!(TaskId::new(7, 0).to_string(), "7");
/// ```
#[derive(Clone, Copy)]
pub struct TaskId {
    number: u64,
    index: u32,
}

impl TaskId {
    /// Makes the id of the `number`-th task (from 1), kept at `index` of the kernel's table.
    #[must_use]
    pub const fn new(number: u64, index: u32) -> Self {
        Self { number, index }
    }

    /// The task's number: 1 for the first call submitted, never used twice in one workflow.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }

    /// Where the kernel's table keeps the task; another task takes the place when this one ends.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }
}

impl PartialEq for TaskId {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for TaskId {}

impl PartialOrd for TaskId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TaskId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.cmp(&other.number)
    }
}

impl Hash for TaskId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.number, formatter)
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TaskId({})", self.number)
    }
}

/// One attempt at a task; prints as `7.2` for the second attempt at task 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttemptId {
    /// The task.
    pub task: TaskId,
    /// The attempt, counted from 1.
    pub attempt: u32,
}

impl fmt::Display for AttemptId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.task, self.attempt)
    }
}
