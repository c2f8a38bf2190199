use super::super::block::{Cancel, Phase};
use super::super::node::NodeState;
use super::super::state::State;

impl State {
    /// What must hold between events.
    pub(super) fn check(&self) {
        let alive = self.blocks.values().filter(|block| !block.is_over());
        assert!(
            alive.clone().count() <= self.plan.max as usize,
            "more blocks than there may be"
        );
        let submitting = alive.clone().filter(|block| block.is_submitting);
        assert!(submitting.count() <= 1, "one is asked for at a time");
        for block in self.blocks.values() {
            let live = self.live(block.id).count();
            assert!(live <= self.plan.nodes as usize);
            match block.phase {
                Phase::Pending | Phase::Starting { .. } => {
                    assert_eq!(block.first_join, None);
                    assert_eq!(block.cancel, Cancel::No);
                }
                Phase::Running | Phase::Draining => {
                    assert!(block.end.is_some() && block.first_join.is_some());
                    assert!(live > 0, "block {} has no nodes any more", block.id);
                    assert_eq!(block.cancel, Cancel::No);
                }
                Phase::Ending { .. } => assert!(
                    live > 0
                        || block.is_submitting
                        || block.poll.is_some()
                        || block.cancel != Cancel::No,
                    "nobody will tell of the end of block {}",
                    block.id
                ),
                Phase::Over => {
                    assert_eq!(live, 0, "block {} is over and has nodes", block.id);
                    assert!(!block.is_submitting);
                }
            }
            if self.is_closing || self.broken.is_some() {
                assert!(block.is_let_go || block.is_over());
            }
            if let Phase::Pending | Phase::Starting { .. } = block.phase {
                assert!(
                    block.is_submitting || block.poll.is_some(),
                    "nobody will tell what becomes of block {}",
                    block.id
                );
            }
        }
        for (id, node) in &self.nodes {
            let block = &self.blocks[&node.block];
            assert_eq!(node.is_live(), node.ended.is_none());
            let may_be_offered =
                node.state == NodeState::Ready && block.phase == Phase::Running && !self.is_closing;
            assert_eq!(
                node.offered.is_some(),
                may_be_offered,
                "{id:?} in {:?} of {:?}",
                node.state,
                block.phase
            );
            assert!(node.offered_ahead.is_none() || node.offered.is_some());
        }
        if self.waiting.calls() > 0
            && self.broken.is_none()
            && !self.is_closing
            && alive.count() == 0
        {
            assert!(
                self.wake.is_some() || !self.last_words.is_empty(),
                "work waits and nothing will happen"
            );
        }
    }
}
