use std::time::Instant;

use crate::AttemptId;

/// What an executor is told of the attempt it runs.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Which attempt at which task.
    pub id: AttemptId,
    /// When the attempt is to be stopped, if it has a timeout.
    pub deadline: Option<Instant>,
    /// No further attempt will be made, so arguments may be moved out instead of cloned.
    pub last: bool,
}
