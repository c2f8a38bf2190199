use std::collections::HashMap;
use std::fmt;
use std::fs::{File, TryLockError};
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::super::event::{Event, NameId, What};
use super::{FILE, FRAME, HEADER, MAGIC, VERSION};
use crate::cache::frame::{Next, find, next};

/// No frame is longer: one is written when this much has come together, and the longest event holds
/// a megabyte of arguments.
const LONGEST_FRAME: usize = FRAME + (2 << 20);

/// After checking so many bytes in search of a frame, which takes about a second, none is found.
const WORK: usize = 4 << 30;

/// What a journal tells.
#[derive(Debug, Default)]
pub(crate) struct Read {
    pub(crate) events: Vec<Event<Arc<str>>>,
    /// What of the file could not be read.
    pub(crate) damages: Vec<Damage>,
    /// Whether the run still writes it.
    pub(crate) is_open: bool,
    /// How long the file is, in bytes.
    #[cfg_attr(
        not(feature = "cli"),
        expect(dead_code, reason = "only commands ask for it")
    )]
    pub(crate) length: u64,
}

/// A part of a journal that tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// These bytes are not what was written.
    Spoilt { at: usize, bytes: usize },
    /// Nothing from here on can be made out.
    Lost { at: usize, bytes: usize },
    /// The last entry, from here on, was not written to its end.
    CutOff { at: usize },
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spoilt { at, bytes } => {
                write!(
                    formatter,
                    "it is damaged at byte {at}: {bytes} bytes of it are left out"
                )
            }
            Self::Lost { at, bytes } => write!(
                formatter,
                "it is damaged at byte {at}: what follows, {bytes} bytes, cannot be read"
            ),
            Self::CutOff { at } => write!(
                formatter,
                "it is cut off after byte {at}: what the run did in its last moments is missing"
            ),
        }
    }
}

/// Why a journal tells nothing at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(
        "the run has no journal: it was turned off by `journal = false`, or could not be written"
    )]
    None,
    #[error("cannot read `{FILE}` of the run: {0}")]
    System(#[from] io::Error),
    #[error("`{FILE}` of the run is no journal: it does not begin as one")]
    NoJournal,
    #[error(
        "`{FILE}` of the run is written in version {found} of its format, and this program reads \
         version {VERSION}; use the `chiltepin` that the run's program was built with"
    )]
    OtherVersion { found: u32 },
}

/// Reads the journal of the run in this folder, as far as it can be.
pub(crate) fn read(folder: &Path) -> Result<Read, ReadError> {
    let mut file = match File::open(folder.join(FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ReadError::None),
        Err(error) => return Err(error.into()),
    };
    // Asked before the content is read: what is closed in between is complete.
    let is_open = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let mut read = decode(&bytes)?;
    read.is_open = is_open;
    if is_open {
        // It is being written.
        read.damages
            .retain(|damage| !matches!(damage, Damage::CutOff { .. }));
    }
    Ok(read)
}

/// Reads the bytes of a journal.
pub(super) fn decode(bytes: &[u8]) -> Result<Read, ReadError> {
    let magic = &bytes[..bytes.len().min(MAGIC.len())];
    if *magic != MAGIC[..magic.len()] {
        return Err(ReadError::NoJournal);
    }
    let mut read = Read {
        length: bytes.len() as u64,
        ..Read::default()
    };
    let Some(version) = bytes.get(MAGIC.len()..HEADER) else {
        read.damages.push(Damage::CutOff { at: bytes.len() });
        return Ok(read);
    };
    let version = version.try_into().map_or(0, u32::from_le_bytes);
    if version != VERSION {
        return Err(ReadError::OtherVersion { found: version });
    }
    let mut names = HashMap::new();
    let mut at = HEADER;
    loop {
        match next(bytes, at, true) {
            Next::Whole { payload, end } => {
                match events(payload) {
                    Some(events) => take_in(events, &mut names, &mut read.events),
                    None => read.damages.push(Damage::Spoilt {
                        at,
                        bytes: end - at,
                    }),
                }
                at = end;
            }
            Next::End => return Ok(read),
            broken => {
                // Its length may be damaged, too, and lead past others that are whole.
                if let Some(next) = find(bytes, at + 1, LONGEST_FRAME, WORK) {
                    read.damages.push(Damage::Spoilt {
                        at,
                        bytes: next - at,
                    });
                    at = next;
                    continue;
                }
                read.damages.push(match broken {
                    Next::Broken | Next::Damaged { .. } => Damage::Lost {
                        at,
                        bytes: bytes.len() - at,
                    },
                    _ => Damage::CutOff { at },
                });
                return Ok(read);
            }
        }
    }
}

/// The events of a frame, if they are nothing else.
fn events(payload: &[u8]) -> Option<Vec<Event<NameId>>> {
    match postcard::take_from_bytes(payload) {
        Ok((events, [])) => Some(events),
        _ => None,
    }
}

fn take_in(
    events: Vec<Event<NameId>>,
    names: &mut HashMap<NameId, Arc<str>>,
    read: &mut Vec<Event<Arc<str>>>,
) {
    for event in events {
        if let What::Named { name, text } = event.what {
            names.insert(name, Arc::from(text));
            continue;
        }
        // The frame that named it may be damaged.
        let mut name = |name: &NameId| {
            let known = names.get(name);
            known.map_or_else(|| Arc::from("(unreadable)"), Arc::clone)
        };
        read.push(event.map(&mut name));
    }
}
