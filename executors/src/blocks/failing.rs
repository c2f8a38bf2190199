use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::submitting::pause;

/// Blocks that came to nothing, one after the other.
#[derive(Debug, Default)]
pub(super) struct Fruitless {
    /// How many in a row.
    row: u32,
    /// How many pauses were made in a row.
    pauses: u32,
    last: Option<Instant>,
    not_before: Option<Instant>,
    /// What became of the last one.
    reason: Option<String>,
}

/// After so many in a row no more are asked for.
pub(super) const MOST_IN_A_ROW: u32 = 5;

impl Fruitless {
    /// A block that was asked for then came to nothing.
    ///
    /// Of those that were under way together the first counts: one trouble of a moment may end any
    /// number of them.
    pub(super) fn failed(&mut self, asked: Instant, reason: String, now: Instant) {
        if self.pauses_after(asked, now) {
            self.row += 1;
        }
        self.reason = Some(reason);
    }

    /// A block that was asked for then was sent away at once, which says nothing about the next.
    pub(super) fn sent_away(&mut self, asked: Instant, now: Instant) {
        self.pauses_after(asked, now);
    }

    fn pauses_after(&mut self, asked: Instant, now: Instant) -> bool {
        if self.last.is_some_and(|last| asked <= last) {
            return false;
        }
        self.last = Some(now);
        self.not_before = Some(now + pause(self.pauses));
        self.pauses = self.pauses.saturating_add(1);
        true
    }

    /// A block is of use.
    pub(super) fn succeeded(&mut self) {
        self.row = 0;
        self.pauses = 0;
        self.not_before = None;
        self.reason = None;
    }

    /// When the next block may be asked for, if not at once.
    pub(super) fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// Whether the next block is a trial, to be awaited before others are asked for.
    pub(super) fn is_trying(&self) -> bool {
        self.pauses > 0
    }

    pub(super) fn is_hopeless(&self) -> bool {
        self.row >= MOST_IN_A_ROW
    }

    pub(super) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
}

/// Nodes that are lost time and again.
#[derive(Debug, Default)]
pub(super) struct Aside {
    losses: BTreeMap<String, VecDeque<Instant>>,
}

/// So many losses within the memory set a node aside.
const MOST_LOSSES: usize = 3;

/// How long a loss is remembered.
const MEMORY: Duration = Duration::from_secs(60 * 60);

impl Aside {
    /// A node was lost; whether that sets it aside.
    pub(super) fn lost(&mut self, node: &str, now: Instant) -> bool {
        let was_aside = self.is_aside(node, now);
        let losses = self.losses.entry(node.to_owned()).or_default();
        losses.push_back(now);
        if losses.len() > MOST_LOSSES {
            losses.pop_front();
        }
        !was_aside && self.is_aside(node, now)
    }

    pub(super) fn is_aside(&self, node: &str, now: Instant) -> bool {
        self.losses
            .get(node)
            .is_some_and(|losses| is_too_many(losses, now))
    }

    /// All that are set aside.
    pub(super) fn all(&self, now: Instant) -> Vec<String> {
        let aside = self
            .losses
            .iter()
            .filter(|(_, losses)| is_too_many(losses, now));
        aside.map(|(node, _)| node.clone()).collect()
    }
}

fn is_too_many(losses: &VecDeque<Instant>, now: Instant) -> bool {
    let recent = losses
        .iter()
        .filter(|lost| now.saturating_duration_since(**lost) < MEMORY);
    recent.count() >= MOST_LOSSES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_fail_together_count_once() {
        let begin = Instant::now();
        let mut fruitless = Fruitless::default();
        let second = Duration::from_secs(1);
        for _ in 0..10 {
            fruitless.failed(begin, "it failed".to_owned(), begin + second);
        }
        assert!(!fruitless.is_hopeless());
        assert_eq!(fruitless.not_before(), Some(begin + second * 2));
        let mut now = begin + second;
        for round in 2..=MOST_IN_A_ROW {
            let asked = fruitless.not_before().unwrap().max(now + second);
            now = asked + second;
            fruitless.failed(asked, format!("block {round} failed"), now);
        }
        assert!(fruitless.is_hopeless());
        assert_eq!(fruitless.reason(), Some("block 5 failed"));
        fruitless.succeeded();
        assert!(!fruitless.is_hopeless() && !fruitless.is_trying());
    }

    #[test]
    fn three_losses_within_an_hour_set_a_node_aside_for_the_rest_of_it() {
        let begin = Instant::now();
        let minute = Duration::from_secs(60);
        let mut aside = Aside::default();
        assert!(!aside.lost("n1", begin));
        assert!(!aside.lost("n1", begin + minute * 50));
        assert!(
            !aside.lost("n1", begin + minute * 70),
            "the first is forgotten"
        );
        assert!(aside.lost("n1", begin + minute * 80));
        assert!(
            !aside.lost("n1", begin + minute * 81),
            "it is aside already"
        );
        assert_eq!(aside.all(begin + minute * 90), ["n1"]);
        assert!(!aside.is_aside("n2", begin + minute * 90));
        assert!(!aside.is_aside("n1", begin + minute * 150));
    }
}
