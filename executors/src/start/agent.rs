use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::StartError;
use super::claim::{Claim, Role};
use crate::transport::Identity;

/// What the agents of a block need to know. All of them read the same claim, which stays where it
/// is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentStart {
    /// The executor's name.
    pub executor: String,
    /// The block's number within its executor.
    pub block: u32,
    /// Addresses with ports under which the driver may be reached, the best one first.
    pub candidates: Vec<String>,
    /// The file of the run's key.
    #[serde(with = "crate::wire::path")]
    pub key: PathBuf,
    /// The run and the program.
    pub identity: Identity,
    /// The most bytes of a message with its body.
    pub largest_frame: u64,
    /// How long an agent goes on trying to reach the driver.
    pub patience: Duration,
    /// The MPI launcher whose version is to be told, if one is.
    pub launcher: Option<String>,
    /// What is logged, as `debug`, if that was said.
    pub log: Option<String>,
}

impl AgentStart {
    /// Writes the claim to a file that is not there yet and nobody else can read.
    ///
    /// # Errors
    /// The system refuses it.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let role = Role::Agent(Box::new(self.clone()));
        Claim { role }.write(path)
    }

    /// Reads the claim; none if the file is not there, or is the claim of something else.
    ///
    /// # Errors
    /// The file cannot be read, or is no claim.
    pub fn read(path: &Path) -> Result<Option<Self>, StartError> {
        Ok(match Claim::read(path)? {
            Some(Claim {
                role: Role::Agent(start),
            }) => Some(*start),
            _ => None,
        })
    }
}
