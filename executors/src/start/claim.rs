use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[cfg(feature = "cluster")]
use super::agent::AgentStart;
use super::worker::WorkerStart;
use super::{START_VARIABLE, StartError};

/// What the file begins with: whose it is, and the version of what follows.
const MAGIC: &[u8] = b"chiltepin start 1\n";

/// More than any claim has.
const MOST_BYTES: u64 = 1 << 20;

/// What a process was started for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    /// The parent of an executor's workers and commands.
    Spawner(SpawnerStart),
    /// A worker.
    Worker(WorkerStart),
    /// An agent, one on each node of a block.
    #[cfg(feature = "cluster")]
    Agent(Box<AgentStart>),
}

impl Role {
    /// Whether several processes are to have the same claim.
    const fn is_shared(&self) -> bool {
        match self {
            Self::Spawner(_) | Self::Worker(_) => false,
            #[cfg(feature = "cluster")]
            Self::Agent(_) => true,
        }
    }
}

/// What the parent of workers and commands needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SpawnerStart {
    /// The executor's name.
    pub(crate) executor: String,
    /// Where the driver listens.
    #[serde(with = "crate::wire::path")]
    pub(crate) socket: PathBuf,
    /// The driver's process id.
    pub(crate) driver: u32,
    /// The folder of this executor, to be removed when the driver is gone.
    #[serde(with = "crate::wire::path")]
    pub(crate) folder: PathBuf,
    /// The folder of the program, to be removed when the driver is gone.
    #[serde(with = "crate::wire::path")]
    pub(crate) program_folder: PathBuf,
    /// What workers are started from.
    #[serde(with = "crate::wire::path")]
    pub(crate) program: PathBuf,
    /// The program's arguments.
    pub(crate) arguments: Vec<OsString>,
    /// The words before it.
    pub(crate) prefix: Vec<String>,
    /// What `OMP_NUM_THREADS` is set to where it is not set.
    pub(crate) threads_per_process: u32,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawner(start) => write!(
                formatter,
                "the parent of the workers of `{}`",
                start.executor
            ),
            Self::Worker(start) => {
                write!(formatter, "worker {} of `{}`", start.worker, start.executor)
            }
            #[cfg(feature = "cluster")]
            Self::Agent(start) => {
                write!(
                    formatter,
                    "an agent of block {} of `{}`",
                    start.block, start.executor
                )
            }
        }
    }
}

impl Claim {
    /// Writes the claim to a file that is not there yet and nobody else can read.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let mut text = MAGIC.to_vec();
        text.extend(postcard::to_stdvec(self).map_err(io::Error::other)?);
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(&text)
    }

    /// Reads it; none if the file is not there.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, StartError> {
        let unreadable = |source| StartError::Unreadable {
            claim: path.to_owned(),
            source,
        };
        let malformed = || StartError::Malformed {
            claim: path.to_owned(),
        };
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() || metadata.len() > MOST_BYTES => {
                return Err(malformed());
            }
            Ok(_) => {}
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        }
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let content = text.strip_prefix(MAGIC).ok_or_else(malformed)?;
        match postcard::take_from_bytes(content) {
            Ok((claim, [])) => Ok(Some(claim)),
            _ => Err(malformed()),
        }
    }

    /// Reads and, unless several are to have it, removes it; none if another process did, or does
    /// so at the same time.
    pub(super) fn take_from(path: &Path) -> Result<Option<Self>, StartError> {
        let Some(claim) = Self::read(path)? else {
            return Ok(None);
        };
        if claim.role.is_shared() {
            return Ok(Some(claim));
        }
        match fs::remove_file(path) {
            Ok(()) => Ok(Some(claim)),
            Err(error) if is_absence(&error) => Ok(None),
            Err(source) => Err(StartError::Unreadable {
                claim: path.to_owned(),
                source,
            }),
        }
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Takes the claim of this process, if it has one.
pub(super) fn take() -> Result<Option<Claim>, StartError> {
    own().map_or(Ok(None), |path| Claim::take_from(&path))
}

/// Looks at the claim of this process, if it has one that nobody has taken.
pub(super) fn peek() -> Result<Option<Claim>, StartError> {
    own().map_or(Ok(None), |path| Claim::read(&path))
}

fn own() -> Option<PathBuf> {
    let path = env::var_os(START_VARIABLE)?;
    (!path.is_empty()).then(|| path.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    fn claim() -> Claim {
        Claim {
            role: Role::Worker(WorkerStart {
                executor: "compute".to_owned(),
                socket: "/tmp/socket".into(),
                worker: 3,
                spawner: Some(4242),
                page: "/tmp/page".into(),
                cpus: vec![0, 5],
            }),
        }
    }

    #[test]
    fn a_claim_is_taken_once_however_many_try() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let path = folder.path().join(round.to_string());
            claim().write(&path).unwrap();
            let barrier = Barrier::new(4);
            let taken = thread::scope(|scope| {
                let takers: Vec<_> = (0..4)
                    .map(|_| {
                        scope.spawn(|| {
                            barrier.wait();
                            Claim::take_from(&path).unwrap()
                        })
                    })
                    .collect();
                let taken = takers.into_iter().filter_map(|taker| taker.join().unwrap());
                taken.collect::<Vec<_>>()
            });
            assert_eq!(taken, [claim()]);
            assert_eq!(Claim::take_from(&path).unwrap(), None);
        }
    }

    #[cfg(feature = "cluster")]
    #[test]
    fn the_claim_of_a_block_s_agents_is_for_each_of_them() {
        let start = AgentStart {
            executor: "compute".to_owned(),
            block: 3,
            candidates: vec!["login:4000".to_owned()],
            key: "/runs/1/key".into(),
            identity: crate::transport::Identity {
                run: [1; 16],
                program: [2; 32],
            },
            largest_frame: 1 << 26,
            patience: std::time::Duration::from_secs(30),
            launcher: Some("mpiexec".to_owned()),
            log: None,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claim");
        start.write(&path).unwrap();
        for _ in 0..3 {
            let Claim { role } = Claim::take_from(&path).unwrap().unwrap();
            assert_eq!(role.to_string(), "an agent of block 3 of `compute`");
            assert_eq!(role, Role::Agent(Box::new(start.clone())));
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(Claim::take_from(&path).unwrap(), None);
    }

    #[test]
    fn a_claim_is_not_written_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claim");
        claim().write(&path).unwrap();
        assert!(claim().write(&path).is_err());
    }

    #[test]
    fn anything_else_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("claim");
        claim().write(&path).unwrap();
        let good = fs::read(&path).unwrap();
        let mut longer = good.clone();
        longer.push(0);
        let older = [b"chiltepin start 0\n", &good[MAGIC.len()..]].concat();
        for text in [&good[..good.len() - 1], &longer, &older, b"", b"#!/bin/sh"] {
            fs::write(&path, text).unwrap();
            let error = Claim::take_from(&path).unwrap_err();
            assert!(matches!(error, StartError::Malformed { .. }), "{error}");
            assert!(path.exists());
        }
        assert!(
            Claim::take_from(folder.path()).is_err(),
            "a folder is no claim"
        );
        assert_eq!(Claim::take_from(&path.join("below")).unwrap(), None);
    }

    #[test]
    fn a_role_says_what_it_is() {
        assert_eq!(claim().role.to_string(), "worker 3 of `compute`");
    }
}
