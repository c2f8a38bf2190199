//! Pack files: written by one process each, read by all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::frame::{self, Next};
use super::publish;
use super::record::nanoseconds;

/// The first bytes of a pack: what it is and its version.
pub(super) const VERSION: &[u8] = b"chiltepin pack 1\n";

/// How much of a pack is read at once.
const WINDOW: usize = 4 << 20;

/// The pack that this process appends to.
pub(super) struct PackWriter {
    pub(super) name: String,
    /// Where the next frame goes.
    pub(super) length: u64,
    file: File,
    /// The same to read from.
    pub(super) readable: Arc<File>,
}

impl PackWriter {
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        publish::make_folder(folder)?;
        let name = name(
            SystemTime::now(),
            &host(),
            std::process::id(),
            publish::random(),
        );
        let path = folder.join(&name);
        let mut file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)?;
        let begun = file
            .write_all(VERSION)
            .and_then(|()| publish::sync_folder(folder))
            .and_then(|()| File::open(&path));
        match begun {
            Ok(readable) => Ok(Self {
                name,
                length: VERSION.len() as u64,
                file,
                readable: Arc::new(readable),
            }),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Appends frames, which are durable when this returns.
    pub(super) fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        let written = self
            .file
            .write_all(frames)
            .and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.length += frames.len() as u64,
            // Half a frame at the end would only be a torn one.
            Err(_) => drop(self.file.set_len(self.length)),
        }
        written
    }

    /// Whether another process's `prune` took this one for dead and removed its pack.
    pub(super) fn removed(&self) -> bool {
        self.file
            .metadata()
            .is_ok_and(|metadata| metadata.nlink() == 0)
    }
}

/// What reading a pack came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Up to here the pack need not be read again.
    pub(super) upto: u64,
    /// Frames that did not check.
    pub(super) lost: u64,
    /// Nothing from `upto` on can be read.
    pub(super) broken: bool,
}

/// Reads a pack from `from` on, and gives each frame's place, length and payload.
pub(super) fn read(
    path: &Path,
    from: u64,
    mut each: impl FnMut(u64, usize, &[u8]),
) -> io::Result<Seen> {
    let mut file = File::open(path)?;
    let mut seen = Seen {
        upto: from,
        lost: 0,
        broken: false,
    };
    if from == 0 {
        let mut start = Vec::new();
        Read::by_ref(&mut file)
            .take(VERSION.len() as u64)
            .read_to_end(&mut start)?;
        if start != VERSION {
            // Shorter: its writer has only just made it.
            seen.broken = !VERSION.starts_with(&start);
            return Ok(seen);
        }
        seen.upto = VERSION.len() as u64;
    }
    file.seek(SeekFrom::Start(seen.upto))?;
    let mut buffer: Vec<u8> = Vec::new();
    let mut at = 0;
    let mut complete = false;
    loop {
        match frame::next(&buffer, at, complete) {
            Next::Whole { payload, end } => {
                each(seen.upto, end - at, payload);
                seen.upto += (end - at) as u64;
                at = end;
            }
            Next::Damaged { end } => {
                seen.lost += 1;
                seen.upto += (end - at) as u64;
                at = end;
            }
            Next::More { needed } => {
                buffer.drain(..at);
                let wanted = (needed - at).saturating_sub(buffer.len()).max(WINDOW);
                at = 0;
                let got = Read::by_ref(&mut file)
                    .take(wanted as u64)
                    .read_to_end(&mut buffer)?;
                complete = got < wanted;
            }
            Next::End | Next::Torn => return Ok(seen),
            Next::Broken => {
                seen.broken = true;
                return Ok(seen);
            }
        }
    }
}

/// The packs of a cache with their sizes.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Present>> {
    let mut packs = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if owner(&name).is_none() {
            continue;
        }
        match entry.metadata() {
            Ok(metadata) => packs.push(Present {
                name,
                size: metadata.len(),
                written: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            }),
            // Another driver's `prune` was faster.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    packs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packs)
}

/// A pack in the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Present {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) written: SystemTime,
}

/// When, where and by whom a pack was made, and a number: together no two are equal.
fn name(now: SystemTime, host: &str, process: u32, random: u64) -> String {
    format!(
        "{:020}-{host}-{process}-{random:016x}.pack",
        nanoseconds(now)
    )
}

/// The host and the process that write a pack of this name; `None` when it is no pack's name.
pub(super) fn owner(name: &str) -> Option<(&str, u32)> {
    let mut parts = name.strip_suffix(".pack")?.rsplitn(3, '-');
    let (_random, process, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (_time, host) = rest.split_once('-')?;
    Some((host, process.parse().ok()?))
}

/// Whether nobody appends to a pack any more, so far as can be told from here.
pub(super) fn is_abandoned(pack: &Present, now: SystemTime, after: Duration) -> bool {
    owner(&pack.name)
        .is_some_and(|(host, process)| is_gone(host, process, || pack.written, now, after))
}

/// Whether a driver is gone, so far as can be told from here: on this host its process is asked
/// for, and of another one counts how long ago it last wrote.
pub(super) fn is_gone(
    its_host: &str,
    process: u32,
    written: impl FnOnce() -> SystemTime,
    now: SystemTime,
    after: Duration,
) -> bool {
    if its_host == host() {
        return !PathBuf::from(format!("/proc/{process}")).exists();
    }
    now.duration_since(written()).is_ok_and(|age| age >= after)
}

/// This machine's name, as far as file names take it.
pub(super) fn host() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => letter,
            _ => '_',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packs_name_tells_who_writes_it() {
        let name = name(SystemTime::UNIX_EPOCH, "node-1.cluster", 42, 7);
        assert_eq!(owner(&name), Some(("node-1.cluster", 42)));
        for other in ["format", "x.pack", "a-b-c.pack", ".tmp-1-2-3-4"] {
            assert_eq!(owner(other), None, "{other}");
        }
    }
}
