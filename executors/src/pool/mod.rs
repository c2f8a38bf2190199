//! A pool of worker processes on one node: which call goes to which worker, and what becomes of it
//! when the worker is lost.
//!
//! ```text
//!   start, stop ─┐                                        ┌─► frames to workers
//!   frames ──────┼─► manager ─► state (pure) ─► commands ─┼─► the node: launch, kill, execute
//!   exits, time ─┘                                        └─► work.finish(outcome)
//!
//!   pure      state, job, worker     what there is
//!             assign, choose         which job goes where; follow: one command after another
//!             ahead, steal           how many are sent ahead; taken back for who is idle
//!             launch, stop, lost     workers that come; jobs that are to end; workers that go
//!   outside   manager, perform, turn   from the driver, and back to it
//!             accept, connection     workers that connect, and what they say
//!             place, events, timer   where processes are started, and what is told of them
//!
//!   light calls   one after the other; a busy worker is sent some ahead, so that it never waits
//!   heavy jobs    more than a slot's cores, or memory, or GPUs: only into room that is free
//!   commands      beside the workers, into free room
//!   async calls   at once, to the worker with the fewest
//! ```
//!
//! How many calls are sent ahead follows from how long they take: many where they take
//! microseconds, none where they take long. Those that have not begun are taken back for a worker
//! that is idle.

mod accept;
mod ahead;
mod assign;
mod call;
mod choose;
mod connection;
mod events;
mod follow;
mod gpus;
mod job;
mod launch;
mod link;
mod lost;
mod manager;
mod perform;
mod place;
mod request;
mod settings;
mod state;
mod steal;
mod stop;
mod timer;
mod turn;
mod worker;

#[cfg(test)]
mod tests;

pub use gpus::NodeGpus;
pub use manager::{NoWorkers, Processes};
pub use request::{Machine, PoolRequest};
pub use settings::PoolSettings;
