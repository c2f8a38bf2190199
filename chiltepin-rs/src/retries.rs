//! How often failed attempts are repeated, and after which pauses.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chiltepin_executors::panic::catch;

use crate::TaskError;

/// Why an attempt failed, as far as it decides how often it is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The body returned an error, or a command did not end as it should.
    Error,
    /// The body panicked.
    Panic,
    /// It took longer than its timeout.
    Timeout,
    /// The worker process, or the node, that it ran on was lost.
    ///
    /// Without a count of its own, a task is repeated as often as its executor's `crash_limit` and
    /// the call's [`OnLoss`](crate::OnLoss) say. A count takes the place of that limit. With
    /// [`OnLoss::Fail`](crate::OnLoss::Fail) nothing is repeated.
    Lost,
    /// It was killed by SIGKILL, which nearly always means that it took more memory than there is:
    /// a command with its shell, a command within its shell (exit code 137), or a worker.
    ///
    /// Without a count of its own, it is an [`Error`](Self::Error) of a command, or a worker that
    /// is [`Lost`](Self::Lost).
    OutOfMemory,
    /// A command ended with this exit code, which is an [`Error`](Self::Error) if the code has no
    /// count of its own.
    ExitCode(i32),
    /// The system did not give what it needs, as room for its output on a disk.
    System,
}

/// How often failed attempts are repeated, by what made them fail.
///
/// A number says how often, whatever the cause: `.retries(2)`. A cause may have a count of its own;
/// all others share that of [`new`](Self::new).
///
/// ```
/// use std::time::Duration;
/// use chiltepin::{Cause, Retries, TaskContext, Workflow, task};
///
/// #[task]
/// fn fetch(context: &TaskContext) -> Result<u32, String> {
///     match context.attempt() {
///         1 => Err("the server is busy".to_owned()),
///         attempt => Ok(attempt),
///     }
/// }
///
/// let retries = Retries::new(0)
///     .on(Cause::Timeout, 1)
///     .on(Cause::Error, 5)
///     .back_off(Duration::from_millis(10), Duration::from_secs(60))
///     .when(|error| error.downcast_ref().is_some_and(|error: &String| error.contains("busy")));
///
/// # let workflow = Workflow::open()?;
/// assert_eq!(fetch().retries(retries).submit(&workflow).result()?, 2);
/// # Ok::<(), chiltepin::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "it does nothing until it is given to `.retries(..)`"]
pub struct Retries {
    others: u32,
    /// Each cause once, in the order of the calls.
    counts: Vec<(Cause, u32)>,
    back_off: Option<BackOff>,
    scale_memory: Option<f64>,
    scale_timeout: Option<f64>,
    when: Option<When>,
}

// Factors are at least 1, so each equals itself.
impl Eq for Retries {}

/// More than any factor that makes sense.
const LARGEST_FACTOR: f64 = 1000.0;

/// The pause after the first failure, and the longest one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BackOff {
    pub(crate) base: Duration,
    pub(crate) longest: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(100),
            longest: Duration::from_secs(60),
        }
    }
}

impl Retries {
    /// As many for all causes together that have no count of their own.
    pub const fn new(count: u32) -> Self {
        Self {
            others: count,
            counts: Vec::new(),
            back_off: None,
            scale_memory: None,
            scale_timeout: None,
            when: None,
        }
    }

    /// Gives a cause a count of its own.
    pub fn on(mut self, cause: Cause, count: u32) -> Self {
        self.counts.retain(|(known, _)| *known != cause);
        self.counts.push((cause, count));
        self
    }

    /// Pauses for `base` after the first failure, and twice as long after each further one, up to
    /// `longest`; each pause is shortened by up to half of it, at random. Without it they are 100 ms
    /// and a minute.
    pub const fn back_off(mut self, base: Duration, longest: Duration) -> Self {
        self.back_off = Some(BackOff { base, longest });
        self
    }

    /// Asks for so many times the memory after an attempt that was out of memory, up to what the
    /// largest of the call's executors has; the call must say at first how much it needs, with
    /// [`resources`](crate::Call::resources). A factor below 1 is 1, one above 1000 is that.
    pub fn scale_memory(mut self, factor: f64) -> Self {
        self.scale_memory = Some(within_reason(factor));
        self
    }

    /// Gives an attempt so many times the timeout after one that took too long, as long as the
    /// call's executors admit it. A factor below 1 is 1, one above 1000 is that.
    pub fn scale_timeout(mut self, factor: f64) -> Self {
        self.scale_timeout = Some(within_reason(factor));
        self
    }

    /// Repeats only after failures of which `is_worth_it` says so, for what the error's own type
    /// tells better than any cause: see [`TaskError::downcast_ref`].
    ///
    /// It is asked before another attempt that the counts allow, about everything but timeouts, in
    /// which there is nothing to be told apart; it should return at once. If it panics, nothing is
    /// repeated.
    pub fn when(
        mut self,
        is_worth_it: impl Fn(&TaskError) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.when = Some(When(Arc::new(is_worth_it)));
        self
    }

    /// The count that all causes share which have none of their own.
    pub(crate) const fn others(&self) -> u32 {
        self.others
    }

    pub(crate) fn counts(&self) -> &[(Cause, u32)] {
        &self.counts
    }

    pub(crate) const fn given_back_off(&self) -> Option<BackOff> {
        self.back_off
    }

    pub(crate) const fn given_factors(&self) -> (Option<f64>, Option<f64>) {
        (self.scale_memory, self.scale_timeout)
    }

    /// By how much memory grows.
    pub(crate) fn memory_factor(&self) -> f64 {
        self.scale_memory.unwrap_or(1.0)
    }

    /// By how much timeouts grow.
    pub(crate) fn timeout_factor(&self) -> f64 {
        self.scale_timeout.unwrap_or(1.0)
    }

    /// Whether a cause has a count of its own.
    pub(crate) fn names(&self, cause: Cause) -> bool {
        self.counts.iter().any(|(known, _)| *known == cause)
    }

    /// Whether its own type of error says that a failure is worth another attempt.
    pub(crate) fn is_worth_it(&self, error: &TaskError) -> bool {
        let Some(When(is_worth_it)) = &self.when else {
            return true;
        };
        // It is the user's, and whoever reports the failure must go on.
        catch(AssertUnwindSafe(|| is_worth_it(error))).unwrap_or_else(|_| {
            tracing::warn!(
                task = error.task(),
                "what says whether to try again has panicked"
            );
            false
        })
    }
}

/// A factor that is a number and at least 1.
const fn within_reason(factor: f64) -> f64 {
    if factor.is_nan() {
        1.0
    } else {
        factor.clamp(1.0, LARGEST_FACTOR)
    }
}

impl From<u32> for Retries {
    /// As many, whatever the cause.
    fn from(count: u32) -> Self {
        Self::new(count)
    }
}

/// What says whether a failure is worth another attempt.
#[derive(Clone)]
struct When(Arc<dyn Fn(&TaskError) -> bool + Send + Sync>);

impl fmt::Debug for When {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("..")
    }
}

/// The same function, not just one that says the same.
impl PartialEq for When {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for When {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_within_reason() {
        for (given, factor) in [
            (f64::NAN, 1.0),
            (f64::NEG_INFINITY, 1.0),
            (0.5, 1.0),
            (1.5, 1.5),
            (f64::INFINITY, LARGEST_FACTOR),
        ] {
            let retries = Retries::new(1).scale_memory(given).scale_timeout(given);
            assert_eq!(retries.given_factors(), (Some(factor), Some(factor)));
            assert_eq!(retries, retries.clone());
        }
    }
}
