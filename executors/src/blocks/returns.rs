use std::time::Duration;

/// How often an attempt at a task may lose its node, by the node's own end.
const MOST_LOSSES: u32 = 3;

/// How often that may happen where somebody else ends blocks: by their time, for others.
const MOST_ENDS: u32 = 5;

/// Why what runs on a node is about to be returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The node is lost.
    Loss,
    /// Its block was ended by somebody else.
    Ended,
    /// Its block's time is over.
    Walltime {
        /// The longest that a call can run in a block.
        most: Duration,
    },
}

/// Whether an attempt that is about to be returned is to be the last one: it has run for so long,
/// and so many before it were returned.
pub(super) fn is_last(cause: Cause, ran: Option<Duration>, returns: u32) -> bool {
    let count = returns.saturating_add(1);
    match cause {
        Cause::Loss => count >= MOST_LOSSES,
        Cause::Ended => count >= MOST_ENDS,
        // It would not come to its end in another block either.
        Cause::Walltime { most } => {
            count >= MOST_ENDS || ran.is_some_and(|ran| ran >= most.mul_f64(WHOLE))
        }
    }
}

/// What counts as a block's whole time: calls begin when its nodes have joined.
const WHOLE: f64 = 0.9;

/// Whether a call is not even begun any more, whatever became of its attempts.
pub(super) fn are_enough(returns: u32) -> bool {
    returns >= MOST_ENDS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_node_counts_more_than_one_that_was_taken_away() {
        let last = |cause| (0..10).find(|returns| is_last(cause, None, *returns));
        assert_eq!(last(Cause::Loss), Some(2));
        assert_eq!(last(Cause::Ended), Some(4));
        let most = Duration::from_secs(600);
        assert_eq!(last(Cause::Walltime { most }), Some(4));
        assert!(are_enough(5) && !are_enough(4));
    }

    #[test]
    fn a_call_that_takes_longer_than_a_block_lasts_is_not_tried_again() {
        let most = Duration::from_secs(600);
        let is_last = |ran| is_last(Cause::Walltime { most }, Some(Duration::from_secs(ran)), 0);
        assert!(is_last(590));
        assert!(!is_last(300));
    }
}
