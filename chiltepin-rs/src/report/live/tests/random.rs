//! Random lives of tasks, whose events come in about the order in which they happened.

use proptest::prelude::*;

use super::super::counts::Counts;
use super::*;

/// An attempt that did not end its task.
#[derive(Clone, Copy, Debug)]
enum Again {
    Retried,
    Returned,
}

#[derive(Clone, Debug)]
struct Life {
    function: usize,
    executors: u64,
    before: Vec<Again>,
    /// Its result was in the cache.
    is_found: bool,
    ending: usize,
}

const FUNCTIONS: [&str; 2] = ["a::load", "b::load"];

fn ending(number: usize) -> Ending<Text> {
    let is_abandoned = false;
    match number {
        0 => Ending::Succeeded,
        1 => failed(),
        2 => Ending::TimedOut { is_abandoned },
        3 => Ending::DependencyFailed { root: None },
        4 => Ending::Cancelled { is_abandoned },
        _ => Ending::Closed,
    }
}

fn life() -> impl Strategy<Value = Life> {
    let again = prop_oneof![Just(Again::Retried), Just(Again::Returned)];
    let before = prop::collection::vec(again, 0..3);
    (0_usize..2, 1_u64..4, before, any::<bool>(), 0_usize..6).prop_map(
        |(function, executors, before, is_found, ending)| Life {
            function,
            executors,
            before,
            is_found,
            ending,
        },
    )
}

impl Life {
    /// After it was submitted, as it happens.
    fn events(&self, task: u64) -> Vec<What<Text>> {
        let ended = |ending| What::Ended { task, ending };
        if self.is_found {
            let looked = What::Looked {
                task,
                is_there: true,
            };
            return vec![looked, ended(Ending::Succeeded)];
        }
        let mut events = Vec::new();
        let mut attempt = 1;
        for again in &self.before {
            events.push(started(task, attempt, (attempt % 2) as u8));
            events.push(match again {
                Again::Retried => retrying(task, attempt),
                Again::Returned => returned(task, attempt),
            });
            attempt += 1;
        }
        events.push(started(task, attempt, 0));
        let how = How::Succeeded;
        events.push(What::Finished { task, attempt, how });
        events.push(ended(ending(self.ending)));
        events
    }
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    prop::collection::vec(life(), 1..12)
}

proptest! {
    #[test]
    fn counts_agree_with_what_happened(
        lives in lives(),
        turns in prop::collection::vec(any::<prop::sample::Index>(), 200),
        swaps in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut run = Run::new();
        let mut expected = [Counts::default(); 2];
        let mut waiting: Vec<_> = (0_u64..).zip(&lives).map(|(task, life)| {
            run.tell(submitted(task, FUNCTIONS[life.function], life.executors));
            let counts = &mut expected[life.function];
            match life.is_found {
                true => counts.cached += 1,
                false => counts.end(&ending(life.ending), false),
            }
            let mut events = life.events(task);
            for swap in &swaps {
                // One thread tells that a result was found, and that its task has ended.
                if !life.is_found {
                    let at = swap.index(events.len() - 1);
                    events.swap(at, at + 1);
                }
            }
            events.into_iter()
        }).collect();
        let mut turns = turns.iter().cycle();
        while !waiting.is_empty() {
            let turn = turns.next().unwrap().index(waiting.len());
            match waiting[turn].next() {
                Some(what) => run.tell(what),
                None => drop(waiting.swap_remove(turn)),
            }
            prop_assert_eq!(run.tally.total().all(), lives.len() as u64);
        }
        prop_assert!(!run.tally.has_open());
        let mut counted = [Counts::default(); 2];
        for row in run.tally.rows() {
            let name = &run.tally.functions()[row.function].full;
            let function = FUNCTIONS.iter().position(|known| known == name).unwrap();
            counted[function].add(&row.counts);
        }
        prop_assert_eq!(counted, expected);
    }

    /// Events of tasks that were never submitted, or more than once, are no reason to miscount.
    #[test]
    fn any_events_do_no_harm(numbers in prop::collection::vec((0_u8..7, 0_u64..4, 0_u32..4, 0_u8..70), 0..80)) {
        let mut run = Run::new();
        for (kind, task, attempt, executor) in numbers {
            run.tell(match kind {
                0 => submitted(task, FUNCTIONS[0], u64::from(executor)),
                1 => started(task, attempt, executor),
                2 => returned(task, attempt),
                3 => retrying(task, attempt),
                4 => What::Looked { task, is_there: executor % 2 == 0 },
                5 => What::Missed { events: 1 },
                _ => What::Ended { task, ending: ending(usize::from(executor) % 6) },
            });
            let _ = super::super::text::line(&run.tally, seconds(1));
        }
    }
}
