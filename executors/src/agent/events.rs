use std::time::Duration;

use crate::transport::LinkEnd;
use crate::{Capacity, Invocation, Outcome, Work};

/// Is told what happens at a node, in order.
pub trait AgentEvents: Send + Sync {
    /// What [`Work::finish`](crate::Work::finish) has handed back is to be started.
    fn next(&self, invocation: Invocation);

    /// How a call ends that is about to be returned for this reason, and has run for so long if it
    /// is known to have run.
    fn returned(&self, _work: &dyn Work, _ran: Option<Duration>, reason: String) -> Outcome {
        Outcome::Returned { reason }
    }

    /// So many more calls may wait at the node than those that run.
    fn ahead(&self, capacity: Capacity);

    /// The node has become idle, or is so no longer: this many calls are there. Where that changes
    /// quickly, only the last change may be told.
    fn calls(&self, calls: u32);

    /// Nothing was heard of the node for a while; what runs there goes on.
    fn silent(&self);

    /// It is heard again.
    fn back(&self);

    /// The node was told to go, by this signal: it takes nothing any more, and what runs there is
    /// about to be returned.
    fn leaving(&self, signal: i32);

    /// The node can run nothing, for this reason: what is sent there is returned.
    fn broken(&self, reason: String);

    /// The node is gone. Told before the calls that are there are returned: none of them, and no
    /// other, is to be bound to it any more.
    fn ending(&self, end: &LinkEnd);

    /// The node is gone, and all calls that were there have been finished. The last thing told.
    fn ended(&self, end: LinkEnd);
}
