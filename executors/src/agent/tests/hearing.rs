use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use proptest::prelude::*;
use proptest::sample::select;

use super::counted::Counted;
use super::{COMMAND, FUNCTION, Shared, attempt, functions};
use crate::agent::events::AgentEvents;
use crate::agent::examples;
use crate::agent::handle::{Agent, AgentSettings};
use crate::agent::message::*;
use crate::registry::TaskInfo;
use crate::transport::{LinkEnd, Receive};
use crate::wire::fuzzing_tests::{change, changed};
use crate::wire::{WireValue, write_frame};
use crate::{Attempt, Capacity, FailureKind, Invocation, Outcome, Work};

/// Keeps what is told of calls.
#[derive(Default)]
struct Told(Mutex<Vec<u32>>, Mutex<Vec<&'static str>>);

impl Told {
    /// Panics if that is wanted for this.
    fn panic(&self, at: &'static str) {
        assert!(!self.1.lock().contains(&at), "{at}");
    }
}

impl AgentEvents for Told {
    fn next(&self, _invocation: Invocation) {}

    fn ahead(&self, _capacity: Capacity) {}

    fn calls(&self, calls: u32) {
        self.0.lock().push(calls);
    }

    fn silent(&self) {}

    fn back(&self) {}

    fn leaving(&self, _signal: i32) {}

    fn broken(&self, _reason: String) {}

    fn returned(&self, _work: &dyn Work, _ran: Option<Duration>, reason: String) -> Outcome {
        let mut panics = self.1.lock();
        if let Some(first) = panics.iter().position(|at| *at == "first return") {
            panics.remove(first);
            drop(panics);
            panic!("the first return");
        }
        Outcome::Returned { reason }
    }

    fn ending(&self, _end: &LinkEnd) {
        self.panic("ending");
    }

    fn ended(&self, _end: LinkEnd) {
        self.1.lock().push("ended");
    }
}

struct Node {
    agent: Arc<Agent>,
    receive: Box<dyn Receive>,
    said: Shared<ToAgent>,
    told: Arc<Told>,
}

impl Node {
    fn new() -> Self {
        let said = Shared::default();
        let told = Arc::new(Told::default());
        let settings = AgentSettings {
            largest_value: 1 << 20,
        };
        let agent = Agent::with_voice(
            Arc::clone(&said) as _,
            "n7",
            settings,
            Arc::clone(&told) as _,
            functions(),
        );
        let receive = agent.receive();
        Self {
            agent,
            receive,
            said,
            told,
        }
    }

    fn start(&self, task: u64, info: &'static TaskInfo) -> Arc<Counted> {
        let work = Counted::new(info);
        self.agent.start(Invocation {
            attempt: Attempt {
                id: attempt(task),
                deadline: None,
                last: true,
            },
            work: Arc::clone(&work) as _,
            offer: 0,
        });
        work
    }

    fn hear(&mut self, messages: &[FromAgent]) {
        self.receive
            .received(&mut messages.iter().map(frame).collect());
    }

    fn is_given_up(&self) -> bool {
        *self.said.is_aborted.lock()
    }
}

fn frame(message: &FromAgent) -> Bytes {
    let body: &[u8] = match message {
        FromAgent::Finished(finished) if matches!(finished.end, AttemptEnd::Value(_)) => b"abc",
        _ => b"",
    };
    let mut frame = Vec::new();
    write_frame(&mut frame, message, body).unwrap();
    Bytes::from(frame).slice(4..)
}

fn finished(task: u64, end: AttemptEnd) -> FromAgent {
    FromAgent::Finished(Box::new(FinishedAttempt {
        attempt: attempt(task).into(),
        end,
        report: None,
    }))
}

#[test]
fn an_end_ends_its_call_and_no_other() {
    let mut node = Node::new();
    let (function, command) = (node.start(1, &FUNCTION), node.start(2, &COMMAND));
    assert_eq!(node.agent.calls(), 2);
    node.hear(&[
        FromAgent::Begun {
            attempt: attempt(1).into(),
        },
        finished(1, AttemptEnd::Value(WireValue::Inline(3))),
    ]);
    assert_eq!((function.ends(), command.ends()), (1, 0));
    node.hear(&[finished(2, AttemptEnd::Exited(0))]);
    assert_eq!((function.ends(), command.ends()), (1, 1));
    assert_eq!(*node.told.0.lock(), [1, 0]);
    assert!(!node.is_given_up());
}

#[test]
fn a_call_with_too_much_ends_and_leaves_the_node() {
    let node = Node::new();
    *node.said.most.lock() = Some(4);
    let work = node.start(1, &FUNCTION);
    let failure = match work.last.lock().take() {
        Some(Outcome::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    };
    assert!(!failure.retryable, "{failure:?}");
    match failure.kind {
        FailureKind::Encoding { reason } => assert_eq!(
            reason,
            "cannot be sent to node `n7`: its arguments together have 5 bytes, where a call may \
             have 4: write the large ones to files and pass the paths, or raise `max_inline_value` \
             of the resource"
        ),
        other => panic!("{other:?}"),
    }
    assert_eq!((work.ends(), node.agent.calls()), (1, 0));
    assert!(!node.is_given_up());
}

#[test]
fn a_reason_names_the_node() {
    let mut node = Node::new();
    let work = node.start(1, &FUNCTION);
    let reason = "is about to go".to_owned();
    node.hear(&[finished(1, AttemptEnd::Returned { reason })]);
    match work.last.lock().take() {
        Some(Outcome::Returned { reason }) => assert_eq!(reason, "node `n7` is about to go"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_makes_no_sense_gives_the_node_up() {
    let wrong = [
        finished(9, AttemptEnd::Stopped),
        finished(1, AttemptEnd::Exited(0)),
        finished(2, AttemptEnd::Value(WireValue::Inline(3))),
        FromAgent::Begun {
            attempt: attempt(9).into(),
        },
        FromAgent::WorkerLost {
            attempt: attempt(9).into(),
        },
        FromAgent::Abandoned {
            attempt: attempt(9).into(),
        },
        FromAgent::Swept {
            number: 1,
            found: 0,
            left: 0,
        },
    ];
    for message in wrong {
        let mut node = Node::new();
        let works = [node.start(1, &FUNCTION), node.start(2, &COMMAND)];
        // It is not listened to any more.
        node.hear(&[message.clone(), finished(1, AttemptEnd::Stopped)]);
        assert!(node.is_given_up(), "{message:?}");
        assert!(works.iter().all(|work| work.ends() == 0), "{message:?}");
        node.receive.ended(LinkEnd::Aborted);
        for work in works {
            match work.last.lock().take() {
                Some(Outcome::Returned { reason }) => {
                    assert!(reason.starts_with("node `n7` was given up: "), "{reason}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_panic_keeps_no_call_from_being_given_back() {
    let mut node = Node::new();
    let works = [1, 2, 3].map(|task| node.start(task, &FUNCTION));
    node.told.1.lock().extend(["ending", "first return"]);
    node.receive.ended(LinkEnd::Gone);
    assert_eq!(works.iter().map(|work| work.ends()).sum::<u32>(), 2);
    assert_eq!(*node.told.1.lock(), ["ending", "ended"]);
    assert_eq!(*node.told.0.lock(), [1, 0]);
}

#[derive(Clone, Debug)]
enum Step {
    Start(u64, bool),
    Stop(u64),
    Finish(u64, bool),
    Begun(u64),
    Garbage(Vec<u8>),
    Ended,
}

fn step() -> impl Strategy<Value = Step> {
    let frames: Vec<_> = examples::from_agent()
        .into_iter()
        .map(|one| one.frame()[4..].to_vec())
        .collect();
    let garbage = (select(frames), prop::collection::vec(change(), 0..3))
        .prop_map(|(frame, changes)| Step::Garbage(changed(frame, changes)));
    prop_oneof![
        6 => (0..12_u64, any::<bool>()).prop_map(|(task, command)| Step::Start(task, command)),
        2 => (0..12_u64).prop_map(Step::Stop),
        6 => (0..12_u64, any::<bool>()).prop_map(|(task, command)| Step::Finish(task, command)),
        2 => (0..12_u64).prop_map(Step::Begun),
        1 => garbage,
        1 => Just(Step::Ended),
    ]
}

proptest! {
    /// Whatever an agent says, each call ends once, and the last that is told of calls is true.
    #[test]
    fn each_call_ends_once(steps in prop::collection::vec(step(), 0..60)) {
        let mut node = Node::new();
        let mut started: Vec<Option<Arc<Counted>>> = vec![None; 12];
        let mut is_over = false;
        for step in steps {
            match step {
                Step::Start(task, command) => {
                    let info = if command { &COMMAND } else { &FUNCTION };
                    let place = &mut started[task as usize];
                    if place.is_none() {
                        *place = Some(node.start(task, info));
                    }
                }
                Step::Stop(task) => {
                    if let Some(work) = &started[task as usize] {
                        node.agent.stop(attempt(task), &(Arc::clone(work) as _));
                    }
                }
                Step::Finish(task, command) if !is_over => {
                    let end = if command {
                        AttemptEnd::Exited(0)
                    } else {
                        AttemptEnd::Value(WireValue::Inline(3))
                    };
                    node.hear(&[finished(task, end)]);
                }
                Step::Begun(task) if !is_over => {
                    node.hear(&[FromAgent::Begun { attempt: attempt(task).into() }]);
                }
                Step::Garbage(frame) if !is_over => {
                    node.receive.received(&mut vec![Bytes::from(frame)]);
                }
                Step::Ended if !is_over => {
                    is_over = true;
                    node.receive.ended(LinkEnd::Gone);
                }
                _ => {}
            }
            let left = started.iter().flatten().filter(|work| work.ends() == 0).count();
            prop_assert_eq!(node.agent.calls() as usize, left);
            prop_assert!(!is_over || left == 0);
            let told = node.told.0.lock().last().is_some_and(|calls| *calls > 0);
            prop_assert_eq!(told, left > 0);
        }
        if !is_over {
            node.receive.ended(LinkEnd::Gone);
        }
        for work in started.iter().flatten() {
            prop_assert_eq!(work.ends(), 1);
        }
    }
}
