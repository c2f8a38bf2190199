use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::*;
use super::{attempt, block, end, place_all};

#[derive(Clone, Debug)]
enum Step {
    Arrive {
        nodes: u32,
        timeout: Option<u64>,
        priority: i32,
    },
    Join {
        block: u32,
        lasts: Option<u64>,
    },
    Leave {
        which: usize,
    },
    Last {
        which: usize,
        seconds: Option<u64>,
    },
    Drain {
        block: u32,
    },
    End {
        which: usize,
    },
    Sweep {
        which: usize,
        is_clean: bool,
    },
    Withdraw {
        which: usize,
    },
    Wait {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let seconds = || proptest::option::of(1_u64..100);
    prop_oneof![
        6 => (1_u32..5, seconds(), -1..2)
            .prop_map(|(nodes, timeout, priority)| Step::Arrive { nodes, timeout, priority }),
        4 => (0_u32..3, seconds()).prop_map(|(block, lasts)| Step::Join { block, lasts }),
        1 => any::<usize>().prop_map(|which| Step::Leave { which }),
        1 => (any::<usize>(), seconds()).prop_map(|(which, seconds)| Step::Last { which, seconds }),
        1 => (0_u32..3).prop_map(|block| Step::Drain { block }),
        5 => any::<usize>().prop_map(|which| Step::End { which }),
        8 => (any::<usize>(), proptest::bool::weighted(0.9))
            .prop_map(|(which, is_clean)| Step::Sweep { which, is_clean }),
        1 => any::<usize>().prop_map(|which| Step::Withdraw { which }),
        2 => (0_u64..20).prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// What is known of a placement from what was told and given alone.
#[derive(Default)]
struct Model {
    /// The nodes there are, with their blocks and ends.
    nodes: BTreeMap<u32, (u32, Option<Instant>)>,
    draining: BTreeSet<u32>,
    waiting: BTreeMap<u64, (u32, Option<Duration>)>,
    running: BTreeMap<u64, Vec<u32>>,
    sweeping: Vec<u32>,
    unclean: BTreeSet<u32>,
}

impl Model {
    fn take(&mut self, placed: &Placed, now: Instant, max_apps: u32) {
        let number = placed.attempt.task.number();
        let (nodes, timeout) = self.waiting.remove(&number).unwrap();
        assert_eq!(placed.nodes.len(), nodes as usize);
        assert!(!self.draining.contains(&placed.block));
        for node in &placed.nodes {
            let (block, until) = self.nodes[node];
            assert_eq!(block, placed.block);
            assert!(until.is_none_or(|until| now + timeout.unwrap_or_default() <= until));
            let of_others = self.running.values().flatten().chain(&self.sweeping);
            assert!(!of_others.chain(&self.unclean).any(|other| other == node));
        }
        self.running.insert(number, placed.nodes.clone());
        let in_block = |nodes: &&Vec<u32>| {
            let mut there = nodes.iter().filter_map(|node| self.nodes.get(node));
            there.any(|(block, _)| *block == placed.block)
        };
        let count = self.running.values().filter(in_block).count();
        assert!(count <= max_apps as usize);
    }
}

proptest! {
    #[test]
    fn whatever_happens_applications_get_whole_nodes_of_their_own(
        max_apps in 1_u32..4,
        may_pass in 0_u32..4,
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut placement = Placement { may_pass, ..Placement::new(max_apps) };
        let mut model = Model::default();
        let mut now = Instant::now();
        let mut numbers = 1..;
        let pick = |which: usize, count: usize| (count > 0).then(|| which % count);
        for step in steps {
            match step {
                Step::Arrive { nodes, timeout, priority } => {
                    let number = numbers.next().unwrap();
                    let timeout = timeout.map(Duration::from_secs);
                    placement.arrive(attempt(number), nodes, timeout, priority);
                    model.waiting.insert(number, (nodes, timeout));
                }
                Step::Join { block, lasts } => {
                    let node = numbers.next().unwrap() as u32;
                    let until = lasts.map(|seconds| now + Duration::from_secs(seconds));
                    placement.joined(block, node, until);
                    model.nodes.insert(node, (block, until));
                }
                Step::Leave { which } => {
                    let Some(at) = pick(which, model.nodes.len()) else { continue };
                    let node = *model.nodes.keys().nth(at).unwrap();
                    let of = model.running.iter().find(|(_, nodes)| nodes.contains(&node));
                    let of = of.map(|(number, _)| attempt(*number));
                    prop_assert_eq!(placement.left(node), of);
                    let (block, _) = model.nodes.remove(&node).unwrap();
                    model.sweeping.retain(|other| *other != node);
                    if !model.nodes.values().any(|(other, _)| *other == block) {
                        model.draining.remove(&block);
                    }
                }
                Step::Last { which, seconds } => {
                    let Some(at) = pick(which, model.nodes.len()) else { continue };
                    let (node, (_, until)) = model.nodes.iter_mut().nth(at).unwrap();
                    *until = seconds.map(|seconds| now + Duration::from_secs(seconds));
                    placement.lasts(*node, *until);
                }
                Step::Drain { block } => {
                    placement.draining(block);
                    model.draining.insert(block);
                }
                Step::End { which } => {
                    let Some(at) = pick(which, model.running.len()) else { continue };
                    let number = *model.running.keys().nth(at).unwrap();
                    let mut nodes = model.running.remove(&number).unwrap();
                    nodes.retain(|node| model.nodes.contains_key(node));
                    prop_assert_eq!(&placement.ended(attempt(number)), &nodes);
                    model.sweeping.extend(nodes);
                }
                Step::Sweep { which, is_clean } => {
                    let Some(at) = pick(which, model.sweeping.len()) else { continue };
                    let node = model.sweeping.swap_remove(at);
                    placement.swept(node, is_clean);
                    if !is_clean {
                        model.unclean.insert(node);
                    }
                }
                Step::Withdraw { which } => {
                    let Some(at) = pick(which, model.waiting.len()) else { continue };
                    let number = *model.waiting.keys().nth(at).unwrap();
                    model.waiting.remove(&number);
                    prop_assert!(placement.withdraw(attempt(number)));
                    prop_assert!(!placement.withdraw(attempt(number)));
                }
                Step::Wait { seconds } => now += Duration::from_secs(seconds),
            }
            placement.check();
            while let Some(placed) = placement.next(now) {
                model.take(&placed, now, max_apps);
                placement.check();
            }
            placement.check_settled(now);
            prop_assert_eq!(placement.wanted().apps as usize, model.waiting.len());
            for node in model.nodes.keys() {
                let busy = model.running.values().flatten().chain(&model.sweeping);
                prop_assert_eq!(placement.is_busy(*node), busy.into_iter().any(|other| other == node));
            }
        }
    }

    /// With one block, whoever waits runs in the end, though others keep coming.
    #[test]
    fn nobody_waits_for_ever(
        nodes in 1_u32..5,
        max_apps in 1_u32..4,
        sizes in proptest::collection::vec(1_u32..5, 1..60),
        wanted in 1_u32..5,
        lasts in proptest::collection::vec(1_usize..6, 60),
    ) {
        let wanted = wanted.min(nodes);
        let now = Instant::now();
        let mut placement = block(nodes, max_apps);
        placement.arrive(attempt(1), wanted, None, 0);
        let mut left: Vec<(u64, usize)> = Vec::new();
        let mut turns = 0;
        let mut number = 1;
        loop {
            for _ in 0..2 {
                number += 1;
                let size = sizes[number as usize % sizes.len()].min(nodes);
                placement.arrive(attempt(number), size, None, 0);
            }
            for (placed, _) in place_all(&mut placement, now) {
                left.push((placed, lasts[placed as usize % lasts.len()]));
            }
            if left.iter().any(|(number, _)| *number == 1) {
                break;
            }
            for (number, time) in &mut left {
                *time -= 1;
                if *time == 0 {
                    end(&mut placement, *number);
                }
            }
            left.retain(|(_, time)| *time > 0);
            turns += 1;
            prop_assert!(turns < 8 * (MAY_PASS + 2), "it still waits");
        }
    }
}
