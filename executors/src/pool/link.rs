use std::path::Path;
use std::sync::Arc;

use super::connection::Connection;
use super::lost::{Begun, Exit};
use crate::ProcessEnd;
use crate::worker::Ledger;

/// What is known of a worker's process as long as it lives.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Its name in messages, as `compute-3`.
    pub(super) name: Arc<str>,
    /// The host name of its node.
    pub(super) node: Arc<str>,
    pub(super) process: u32,
    pub(super) stdout: Arc<Path>,
    pub(super) stderr: Arc<Path>,
}

/// What the pool holds of a worker's process.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) facts: Facts,
    pub(super) ledger: Option<Ledger>,
    pub(super) connection: Option<Arc<Connection>>,
    /// How its process ended, and the end of its stderr.
    pub(super) exit: Option<(ProcessEnd, String)>,
    /// There is nothing more to be read from it.
    pub(super) is_read: bool,
    /// Why it was given up, if what it said made no sense.
    pub(super) misspoke: Option<String>,
}

impl Link {
    /// How it was lost, once its process has ended.
    pub(super) fn into_exit(self) -> Option<Exit> {
        let begun = self.begun();
        let (end, mut stderr) = self.exit?;
        if let Some(reason) = &self.misspoke {
            stderr.push_str(reason);
        }
        Some(Exit {
            end,
            stderr,
            begun,
            misspoke: self.misspoke.is_some(),
        })
    }

    /// What it has begun.
    pub(super) fn begun(&self) -> Begun {
        self.ledger
            .as_ref()
            .map_or_else(Begun::default, |ledger| Begun {
                taken: ledger.last_taken(),
                picked: ledger.last_picked(),
                current: ledger.current(),
            })
    }
}
