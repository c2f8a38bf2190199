use std::mem;

use parking_lot::Mutex;

use super::events::NodeEvents;
use crate::command::CommandEnd;
use crate::{AttemptId, Failure, FailureKind, ProcessEnd, Usage};

/// Requests that could not be sent, until they are answered.
///
/// Whoever makes a request may hold a lock that whoever hears the answer takes, so it is answered
/// later and by another task.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Vec<Refused>>);

/// A request that could not be sent, and why.
#[derive(Debug)]
pub(super) enum Refused {
    Launch { worker: u32, reason: String },
    Execute { attempt: AttemptId, reason: String },
}

impl Refusals {
    pub(super) fn add(&self, refused: Refused) {
        self.0.lock().push(refused);
    }

    /// Answers those there are.
    pub(super) fn answer(&self, events: &dyn NodeEvents) {
        // Unlocked by the time it is told: the next request may be made, and refused, by whoever
        // hears of the first, or by one who holds what that one waits for.
        let all = mem::take(&mut *self.0.lock());
        for refused in all {
            match refused {
                Refused::Launch { worker, reason } => {
                    let stderr = format!("the worker could not be started: {reason}");
                    events.exited(worker, ProcessEnd::Unknown, stderr);
                }
                Refused::Execute { attempt, reason } => {
                    let failure = Failure::permanent(FailureKind::Invalid { reason });
                    let end = Err(CommandEnd::Failed(failure));
                    events.executed(attempt, end, Usage::default(), 0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc::{self, Sender};
    use std::thread;
    use std::time::Duration;

    use super::*;
    use crate::TaskId;
    use crate::node::NodeFacts;

    /// Asks for the same again when it hears that it was refused.
    struct Persistent {
        refusals: Arc<Refusals>,
        heard: Sender<String>,
    }

    impl NodeEvents for Persistent {
        fn ready(&self, _facts: NodeFacts) {}

        fn failed(&self, _reason: String) {}

        fn launched(&self, _worker: u32, _process: u32) {}

        fn exited(&self, worker: u32, _end: ProcessEnd, stderr: String) {
            let reason = "again".to_owned();
            self.refusals.add(Refused::Launch { worker, reason });
            self.heard.send(format!("{worker}: {stderr}")).unwrap();
        }

        fn executed(
            &self,
            attempt: AttemptId,
            end: Result<i32, CommandEnd>,
            _usage: Usage,
            _process: u32,
        ) {
            let reason = "again".to_owned();
            self.refusals.add(Refused::Execute { attempt, reason });
            let Err(CommandEnd::Failed(failure)) = end else {
                panic!("it has not failed")
            };
            self.heard.send(format!("{:?}", failure.kind)).unwrap();
        }
    }

    #[test]
    fn whoever_hears_of_a_refusal_may_ask_again() {
        let refusals = Arc::new(Refusals::default());
        let attempt = AttemptId {
            task: TaskId::new(1, 0),
            attempt: 1,
        };
        let reason = || "no".to_owned();
        refusals.add(Refused::Launch {
            worker: 3,
            reason: reason(),
        });
        refusals.add(Refused::Execute {
            attempt,
            reason: reason(),
        });
        let (heard, hears) = mpsc::channel();
        let events = Persistent {
            refusals: Arc::clone(&refusals),
            heard,
        };
        // On a thread of its own, since the mistake that this is about would never end.
        thread::spawn(move || events.refusals.answer(&events));
        let hear = || hears.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(hear(), "3: the worker could not be started: no");
        assert_eq!(hear(), "Invalid { reason: \"no\" }");
        assert!(hears.recv().is_err(), "what is asked anew waits its turn");
        assert_eq!(refusals.0.lock().len(), 2);
    }
}
