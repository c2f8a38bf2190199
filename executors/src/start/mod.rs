//! How a process learns what it was started for.
//!
//! ```text
//!   starter ─► claim file (role, socket, number) + CHILTEPIN_START=path of the claim
//!                                                          │
//!   main ─► enter(origin) ─► the claim is there: take it ──┴─► become that role, never return
//!                         └► none: note the origin, go on as an ordinary program
//! ```
//!
//! Worker processes, and the process that is their parent, are the user's own program started
//! again. A claim is taken by removing it, which only one process can do: what a worker starts
//! inherits the variable, finds the claim taken, and is an ordinary program. Only that of a block's
//! agents stays, since all of them read it; an agent lets nothing inherit the variable.

#[cfg(feature = "cluster")]
mod agent;
mod claim;
mod error;
mod origin;
mod peer;
mod worker;

use std::process;

#[cfg(feature = "cluster")]
pub use agent::AgentStart;
pub(crate) use claim::{Claim, Role, SpawnerStart};
pub use error::StartError;
pub use origin::{Origin, origin};
pub(crate) use peer::stranger;
pub use worker::WorkerStart;

#[cfg(feature = "cluster")]
use crate::agent::serve as serve_agent;
use crate::causes::WithCauses;
use crate::{node, worker as worker_loop};

/// Names the claim of a process that was started for something.
pub const START_VARIABLE: &str = "CHILTEPIN_START";

/// Becomes what this process was started for, if it was; then this does not return. Otherwise
/// notes how the program is started, so that it can be started again.
///
/// A worker and an agent do `prepare` before they run anything, which is given what is to be
/// logged, if that was said to this process alone. To be called first in `main`, before there are
/// threads and before arguments are read.
pub fn enter(origin: Origin, prepare: impl FnOnce(Option<&str>)) {
    let code = match claim::take() {
        Ok(None) => return origin::note(origin),
        Ok(Some(Claim { role, .. })) => match role {
            Role::Spawner(start) => node::serve(start),
            Role::Worker(start) => worker::prepare(&start).unwrap_or_else(|| {
                prepare(None);
                worker_loop::run(&start)
            }),
            #[cfg(feature = "cluster")]
            Role::Agent(start) => {
                origin::note(origin);
                prepare(start.log.as_deref());
                serve_agent(*start)
            }
        },
        Err(error) => {
            eprintln!("error: {}", WithCauses(&error));
            1
        }
    };
    process::exit(code);
}

/// Checks that this process was not started for something that it never became: it would start
/// processes of its own, which would do the same.
///
/// # Errors
/// It was; the error says for what, and what to do.
pub fn check() -> Result<(), StartError> {
    match claim::peek()? {
        None => Ok(()),
        Some(claim) => Err(StartError::NotEntered {
            role: claim.role.to_string(),
        }),
    }
}
