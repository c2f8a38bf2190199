//! Graphs that recursion would not survive.

use super::*;
use crate::kernel::Ending;

const MANY: u64 = 100_000;

impl Fixture {
    /// As `submit`, without the check, which is linear in the number of tasks.
    fn submit_quickly(&mut self, dependencies: &[Dependency<u32>]) -> TaskId {
        let id = self.kernel.next_id();
        let submission = Submission {
            payload: id.number(),
            executors: ExecutorSet(1),
            demand: CORE,
            priority: 0,
            inside: false,
            dependencies,
            rules: None,
        };
        self.kernel.handle(
            Event::Submitted { id, submission },
            self.now,
            &mut Vec::new(),
        );
        id
    }

    fn chain(&mut self) -> TaskId {
        let first = self.submit_quickly(&[]);
        let mut last = first;
        for _ in 1..MANY {
            last = self.submit_quickly(&[Dependency::Pending(last)]);
        }
        first
    }
}

#[test]
fn a_long_chain_runs_link_by_link() {
    let mut fixture = Fixture::with(cores(1));
    let mut next = fixture.chain();
    fixture.kernel.check();
    let mut commands = Vec::new();
    for _ in 1..MANY {
        let attempt = AttemptId {
            task: next,
            attempt: 1,
        };
        let finish = Finish::Succeeded;
        fixture.kernel.handle(
            Event::Finished { attempt, finish },
            fixture.now,
            &mut commands,
        );
        let Some(Command::Start { attempt, .. }) = commands.pop() else {
            panic!("the next link was not started");
        };
        assert_eq!(attempt.task.number(), next.number() + 1);
        next = attempt.task;
        commands.clear();
    }
    assert_eq!(fixture.succeed(next), ["end 100000.1: Succeeded"]);
}

#[test]
fn the_failure_of_the_first_link_ends_a_long_chain_in_order() {
    let mut fixture = Fixture::with(cores(1));
    let first = fixture.chain();
    let mut commands = Vec::new();
    let attempt = AttemptId {
        task: first,
        attempt: 1,
    };
    let finish = Finish::Failed {
        failure: 1,
        cause: Some(Cause::Error),
    };
    fixture.kernel.handle(
        Event::Finished { attempt, finish },
        fixture.now,
        &mut commands,
    );
    fixture.kernel.check();
    assert!(fixture.kernel.is_empty());
    let ended: Vec<_> = commands
        .iter()
        .filter_map(|command| match command {
            Command::Ended { id, ending, .. } => {
                assert_ne!(*ending, Ending::Succeeded);
                Some(id.number())
            }
            _ => None,
        })
        .collect();
    assert!(ended.into_iter().eq(1..=MANY));
}

#[test]
fn a_wide_fan_opens_and_closes() {
    let mut fixture = Fixture::with(cores(4));
    let first = fixture.submit_quickly(&[]);
    let middle: Vec<_> = (0..MANY)
        .map(|_| Dependency::Pending(fixture.submit_quickly(&[Dependency::Pending(first)])))
        .collect();
    let last = fixture.submit_quickly(&middle);
    fixture.kernel.check();
    let mut running = std::collections::VecDeque::from([first]);
    let mut commands = Vec::new();
    let mut started = 1;
    while let Some(task) = running.pop_front() {
        assert!(running.len() < 4);
        assert_eq!(
            task == last,
            started == MANY + 2,
            "the last one runs when all others ended"
        );
        let attempt = AttemptId { task, attempt: 1 };
        let finish = Finish::Succeeded;
        fixture.kernel.handle(
            Event::Finished { attempt, finish },
            fixture.now,
            &mut commands,
        );
        for command in commands.drain(..) {
            if let Command::Start { attempt, .. } = command {
                started += 1;
                running.push_back(attempt.task);
            }
        }
    }
    assert_eq!(started, MANY + 2);
    fixture.kernel.check();
    assert!(fixture.kernel.is_empty());
}

#[test]
fn many_cancelled_tasks_leave_nothing_in_the_queues() {
    let mut fixture = Fixture::with(cores(1));
    let running = fixture.submit_quickly(&[]);
    let ids: Vec<_> = (0..MANY).map(|_| fixture.submit_quickly(&[])).collect();
    let mut commands = Vec::new();
    for id in ids.iter().rev() {
        fixture
            .kernel
            .handle(Event::Cancelled { id: *id }, fixture.now, &mut commands);
    }
    assert_eq!(commands.len() as u64, MANY);
    fixture.kernel.check();
    assert_eq!(fixture.succeed(running), ["end 1.1: Succeeded"]);
}

#[test]
fn a_closing_kernel_ends_many_tasks_in_order() {
    let mut fixture = Fixture::with(cores(1));
    let first = fixture.chain();
    let said = fixture.send(Event::Closing);
    assert_eq!(said.len() as u64, MANY - 1);
    assert_eq!(
        (said[0].as_str(), said[99_998].as_str()),
        ("end 2.0: Closed", "end 100000.0: Closed")
    );
    assert_eq!(fixture.succeed(first), ["end 1.1: Succeeded", "drained"]);
}
