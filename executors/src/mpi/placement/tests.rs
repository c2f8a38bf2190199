use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::TaskId;

fn attempt(number: u64) -> AttemptId {
    AttemptId {
        task: TaskId::new(number, 0),
        attempt: 1,
    }
}

/// One block, number 7, with so many nodes.
fn block(nodes: u32, max_apps: u32) -> Placement {
    let mut placement = Placement::new(max_apps);
    for node in 0..nodes {
        placement.joined(7, node, None);
    }
    placement
}

/// Places all that can be, as the number of the task and its nodes.
fn place_all(placement: &mut Placement, now: Instant) -> Vec<(u64, Vec<u32>)> {
    let mut all = Vec::new();
    while let Some(placed) = placement.next(now) {
        placement.check();
        all.push((placed.attempt.task.number(), placed.nodes));
    }
    placement.check_settled(now);
    all
}

fn end(placement: &mut Placement, number: u64) {
    for node in placement.ended(attempt(number)) {
        placement.swept(node, true);
    }
}

#[test]
fn the_largest_goes_first_and_smaller_ones_fill_what_is_left() {
    let mut placement = block(3, 4);
    let now = Instant::now();
    placement.arrive(attempt(1), 1, None, 0);
    placement.arrive(attempt(2), 1, None, 0);
    placement.arrive(attempt(3), 2, None, 0);
    placement.arrive(attempt(4), 3, None, 0);
    placement.arrive(attempt(5), 2, None, 0);
    assert_eq!(place_all(&mut placement, now), [(4, vec![0, 1, 2])]);
    end(&mut placement, 4);
    assert_eq!(
        place_all(&mut placement, now),
        [(3, vec![0, 1]), (1, vec![2])]
    );
    assert_eq!(
        placement.wanted(),
        AppsWanted {
            apps: 2,
            nodes: 3,
            largest: 2
        }
    );
}

#[test]
fn a_block_has_so_many_applications_at_once_and_no_more() {
    let mut placement = block(4, 2);
    for number in 1..=4 {
        placement.arrive(attempt(number), 1, None, 0);
    }
    let now = Instant::now();
    assert_eq!(place_all(&mut placement, now), [(1, vec![0]), (2, vec![1])]);
    let swept = placement.ended(attempt(1));
    assert_eq!(
        place_all(&mut placement, now),
        [],
        "what is being swept is still there"
    );
    placement.swept(swept[0], true);
    assert_eq!(place_all(&mut placement, now), [(3, vec![0])]);
}

#[test]
fn an_application_is_within_one_block() {
    let mut placement = block(2, 4);
    placement.joined(8, 10, None);
    placement.arrive(attempt(1), 3, None, 0);
    placement.arrive(attempt(2), 1, None, 0);
    let now = Instant::now();
    assert_eq!(
        place_all(&mut placement, now),
        [(2, vec![10])],
        "the tightest block, and three nodes are nowhere"
    );
    placement.joined(7, 11, None);
    assert_eq!(place_all(&mut placement, now), [(1, vec![0, 1, 11])]);
}

#[test]
fn a_node_that_leaves_tells_whose_it_was_and_is_not_swept() {
    let mut placement = block(3, 4);
    placement.arrive(attempt(1), 2, None, 0);
    let now = Instant::now();
    place_all(&mut placement, now);
    assert!(placement.is_busy(1) && !placement.is_busy(2));
    assert_eq!(placement.left(1), Some(attempt(1)));
    assert_eq!(placement.left(2), None);
    assert_eq!(placement.ended(attempt(1)), [0]);
    assert_eq!(placement.left(0), None, "it has ended already");
}

#[test]
fn a_node_that_cannot_be_swept_is_not_used_again() {
    let mut placement = block(2, 4);
    placement.arrive(attempt(1), 2, None, 0);
    let now = Instant::now();
    place_all(&mut placement, now);
    placement.ended(attempt(1));
    placement.swept(0, false);
    placement.swept(1, true);
    placement.arrive(attempt(2), 2, None, 0);
    placement.arrive(attempt(3), 1, None, 0);
    assert_eq!(place_all(&mut placement, now), [(3, vec![1])]);
    assert!(!placement.is_busy(0), "it can be given back");
}

#[test]
fn a_block_that_drains_or_ends_too_early_takes_nothing() {
    let now = Instant::now();
    let hour = Duration::from_secs(3600);
    let mut placement = Placement::new(4);
    placement.joined(1, 1, Some(now + hour));
    placement.arrive(attempt(1), 1, Some(2 * hour), 0);
    placement.arrive(attempt(2), 1, Some(hour / 2), 0);
    assert_eq!(place_all(&mut placement, now), [(2, vec![1])]);
    end(&mut placement, 2);
    placement.arrive(attempt(3), 1, Some(hour / 2), 0);
    assert_eq!(place_all(&mut placement, now + hour * 2 / 3), []);
    placement.arrive(attempt(4), 1, None, 0);
    placement.draining(1);
    assert_eq!(place_all(&mut placement, now), []);
    placement.joined(2, 2, Some(now + 3 * hour));
    assert_eq!(place_all(&mut placement, now), [(1, vec![2])]);
}

#[test]
fn a_block_whose_end_changes_takes_what_fits_by_now() {
    let now = Instant::now();
    let hour = Duration::from_secs(3600);
    let mut placement = Placement::new(4);
    for node in [1, 2] {
        placement.joined(1, node, Some(now + hour));
    }
    placement.arrive(attempt(1), 2, Some(2 * hour), 0);
    placement.lasts(1, Some(now + 3 * hour));
    assert_eq!(place_all(&mut placement, now), []);
    placement.lasts(2, Some(now + 3 * hour));
    assert_eq!(place_all(&mut placement, now), [(1, vec![1, 2])]);
    end(&mut placement, 1);
    placement.lasts(1, Some(now + hour));
    placement.arrive(attempt(2), 1, Some(2 * hour), 0);
    assert_eq!(place_all(&mut placement, now), [(2, vec![2])]);
}

#[test]
fn a_large_application_is_passed_only_so_often() {
    let mut placement = block(3, 4);
    let now = Instant::now();
    placement.arrive(attempt(1), 1, None, 0);
    place_all(&mut placement, now);
    placement.arrive(attempt(2), 3, None, 0);
    let mut running = BTreeSet::from([1]);
    for number in 3..100 {
        placement.arrive(attempt(number), 1, None, 0);
        for (number, _) in place_all(&mut placement, now) {
            running.insert(number);
        }
        // One of them runs at any time, so that three nodes are never free by themselves.
        if running.len() > 1
            && let Some(first) = running.pop_first()
        {
            end(&mut placement, first);
        }
    }
    for number in running {
        end(&mut placement, number);
    }
    let next = placement.next(now).unwrap();
    assert_eq!(next.attempt, attempt(2));
    let passed = placement.wanted().apps;
    assert!(passed >= 97 - 2 * MAY_PASS, "{passed} still wait");
}

#[test]
fn the_higher_priority_goes_first_whatever_its_size_and_age() {
    let mut placement = block(3, 4);
    let now = Instant::now();
    placement.arrive(attempt(1), 3, None, 0);
    placement.arrive(attempt(2), 2, None, 1);
    placement.arrive(attempt(3), 1, None, 1);
    placement.arrive(attempt(4), 3, None, -1);
    placement.arrive(attempt(5), 1, None, 2);
    assert_eq!(
        place_all(&mut placement, now),
        [(5, vec![0]), (2, vec![1, 2])]
    );
    end(&mut placement, 5);
    assert_eq!(place_all(&mut placement, now), [(3, vec![0])]);
    for number in [2, 3] {
        end(&mut placement, number);
    }
    assert_eq!(place_all(&mut placement, now), [(1, vec![0, 1, 2])]);
}

#[test]
fn what_comes_later_and_before_all_others_gets_a_block_kept_for_it() {
    let mut placement = block(2, 4);
    let now = Instant::now();
    placement.arrive(attempt(1), 1, None, 0);
    place_all(&mut placement, now);
    for number in 2..100 {
        placement.arrive(attempt(number), 1, None, 0);
    }
    // One of them runs at any time.
    let mut running = place_all(&mut placement, now);
    running.insert(0, (1, vec![0]));
    placement.arrive(attempt(100), 2, None, 1);
    let mut passed = 0;
    while !running.is_empty() {
        let (first, _) = running.remove(0);
        end(&mut placement, first);
        let placed = place_all(&mut placement, now);
        if placed.first().is_some_and(|(number, _)| *number == 100) {
            return;
        }
        passed += placed.len();
        running.extend(placed);
        assert!(passed <= MAY_PASS as usize, "{passed} have passed it");
    }
    panic!("it never ran");
}

#[test]
fn a_block_is_kept_from_those_of_the_same_priority_and_below() {
    let mut placement = block(2, 4);
    placement.may_pass = 0;
    let now = Instant::now();
    placement.arrive(attempt(1), 1, None, 0);
    assert_eq!(place_all(&mut placement, now), [(1, vec![0])]);
    placement.arrive(attempt(2), 2, None, 0);
    placement.arrive(attempt(3), 1, None, 0);
    assert_eq!(place_all(&mut placement, now), []);
    placement.arrive(attempt(4), 1, None, 1);
    assert_eq!(place_all(&mut placement, now), [(4, vec![1])]);
}

#[test]
fn a_small_application_is_passed_by_large_ones_only_so_often() {
    let mut placement = block(2, 4);
    let now = Instant::now();
    placement.arrive(attempt(1), 2, None, 0);
    let mut running = place_all(&mut placement, now);
    placement.arrive(attempt(2), 1, None, 0);
    for number in 3..100 {
        placement.arrive(attempt(number), 2, None, 0);
        for (number, _) in std::mem::take(&mut running) {
            end(&mut placement, number);
        }
        running = place_all(&mut placement, now);
        if running.iter().any(|(number, _)| *number == 2) {
            assert!(number <= 3 + u64::from(MAY_PASS), "only at {number}");
            return;
        }
    }
    panic!("the small one never ran");
}

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
