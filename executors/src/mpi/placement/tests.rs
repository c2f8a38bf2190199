use std::collections::BTreeSet;

use super::*;
use crate::TaskId;

mod random;

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
