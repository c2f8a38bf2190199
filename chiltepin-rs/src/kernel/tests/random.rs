//! Random graphs, executors, failures, stops and ends, held against a plain model of what the
//! driver has been told.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::Config;

use super::model::Model;
use super::step::{Step, steps};
use super::*;
use crate::kernel::keeping::MAY_PASS;

proptest! {
    #![proptest_config(Config { cases: 384, failure_persistence: None, ..Config::default() })]

    #[test]
    fn every_task_ends_once_and_as_it_must(steps in steps()) {
        let mut model = Model::new();
        for step in steps {
            model.perform(step);
        }
        model.finish_all();
    }

    /// However the small tasks come and go, few of them pass a large one where it could run.
    #[test]
    fn nothing_is_overtaken_without_end(
        room in 2_u32..=8,
        large in 2_u32..=8,
        offers in 1_u32..=3,
        small in prop::collection::vec((1_u32..=3, any::<prop::sample::Index>()), 600),
    ) {
        let large = large.min(room);
        let mut fixture = Fixture::new(&[]);
        for offer in 0..offers {
            fixture.offer(0, offer, cores(room));
        }
        let mut running = Vec::new();
        let mut passed = 0;
        let mut waits = None;
        for (at, (cores, finishing)) in small.into_iter().enumerate() {
            let (id, mut said) = fixture.submit_saying(call().cores(cores.min(large)));
            if waits.is_none() && said.is_empty() {
                let (id, said) = fixture.submit_saying(call().cores(large));
                prop_assert!(said.is_empty());
                waits = Some((id, at));
            }
            running.extend((!said.is_empty()).then_some(id));
            // Each task that ends is followed by another, so there is always one to bind.
            if waits.is_some() && !running.is_empty() {
                let finished = running.swap_remove(finishing.index(running.len()));
                said = fixture.succeed(finished);
                for word in &said[1..] {
                    let number = word.strip_prefix("start ").and_then(|word| word.split('.').next());
                    let number: u64 = number.unwrap().parse().unwrap();
                    let started = fixture.kernel.table.iter().find(|(id, _)| id.number() == number);
                    let started = started.unwrap().0;
                    running.push(started);
                    let Some((large, _)) = waits else { continue };
                    if started == large {
                        return Ok(());
                    }
                    passed += u32::from(number > large.number());
                }
            }
            prop_assert!(passed <= MAY_PASS * offers, "{passed} tasks passed a large one");
        }
        prop_assert!(waits.is_none(), "the large task was never run");
    }
}

/// The steps of one run, in which every kind of step does something.
#[test]
fn the_model_meets_every_ending() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let steps: Vec<Step> = steps().new_tree(&mut runner).unwrap().current();
        let mut model = Model::new();
        for step in steps {
            model.perform(step);
        }
        model.finish_all();
        seen.extend(model.endings());
    }
    for ending in [
        "Succeeded",
        "Failed",
        "DependencyFailed(Task)",
        "DependencyFailed(Failure)",
        "TimedOut",
        "TimedOut, abandoned",
        "Cancelled",
        "Cancelled, abandoned",
        "FitsNowhere",
        "Closed",
    ] {
        assert!(
            seen.contains(ending),
            "no task ended as {ending}; seen: {seen:?}"
        );
    }
}
