//! Where a command's streams go, and what stays of its stderr.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, PipeReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::io::ioctl_fionbio;

use super::Stream;
use super::failure::system;
use super::tail::{self, Tail};
use crate::Failure;

/// The descriptors a command is given, and what the driver keeps.
pub(super) struct Streams {
    pub(super) stdout: Stdio,
    pub(super) stderr: Stdio,
    pub(super) kept: Stderr,
}

impl Streams {
    /// Opens what the streams name.
    pub(super) fn open(stdout: &Stream, stderr: &Stream) -> Result<Self, Failure> {
        let stdout = match stdout {
            Stream::Discard => None,
            Stream::File { path, append } => Some(open_file(path, *append, "stdout")?),
        };
        let (stderr, kept) = match stderr {
            Stream::Discard => discarded_stderr()
                .map_err(|error| system("make a pipe for stderr".to_owned(), error))?,
            Stream::File { path, append } => stderr_file(path, *append, stdout.as_ref())?,
        };
        Ok(Self {
            stdout: stdout.map_or_else(Stdio::null, Stdio::from),
            stderr,
            kept,
        })
    }
}

fn discarded_stderr() -> io::Result<(Stdio, Stderr)> {
    let (reader, writer) = io::pipe()?;
    // This end alone: the command writes to an ordinary pipe.
    ioctl_fionbio(&reader, true)?;
    Ok((
        writer.into(),
        Stderr::Pipe {
            reader: Some(reader),
            tail: Tail::default(),
        },
    ))
}

fn stderr_file(
    path: &Path,
    append: bool,
    stdout: Option<&File>,
) -> Result<(Stdio, Stderr), Failure> {
    let file = open_file(path, append, "stderr")?;
    let examine = |file: &File| {
        file.metadata().map_err(|error| {
            system(
                format!("examine the file of a stream, `{}`", path.display()),
                error,
            )
        })
    };
    let mut shared = None;
    if let Some(stdout) = stdout {
        let (one, other) = (examine(stdout)?, examine(&file)?);
        if (one.dev(), one.ino()) == (other.dev(), other.ino()) {
            // Two descriptors opened apart have a position each, and each would write over what
            // the other wrote. Copies of one share it.
            shared = Some(stdout.try_clone().map_err(|error| {
                system(
                    format!("share the file of stdout with stderr, `{}`", path.display()),
                    error,
                )
            })?);
        }
    }
    let file = shared.unwrap_or(file);
    let from = if append { examine(&file)?.len() } else { 0 };
    Ok((
        file.into(),
        Stderr::File {
            path: path.to_owned(),
            from,
        },
    ))
}

pub(crate) fn open_file(path: &Path, append: bool, stream: &str) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options
        .create(true)
        .write(true)
        .append(append)
        .truncate(!append);
    let opened = match options.open(path) {
        // Most folders are there, so they are only made when they turn out not to be.
        Err(error) if error.kind() == ErrorKind::NotFound => match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => {
                fs::create_dir_all(folder).and_then(|()| options.open(path))
            }
            _ => Err(error),
        },
        opened => opened,
    };
    opened.map_err(|error| system(format!("open {stream} file `{}`", path.display()), error))
}

/// What stays of a command's stderr.
#[derive(Debug)]
pub(super) enum Stderr {
    /// The end of what came through a pipe.
    Pipe {
        /// The pipe, until its other end is closed.
        reader: Option<PipeReader>,
        tail: Tail,
    },
    /// A file, which the command writes itself.
    File {
        path: PathBuf,
        /// Where in the file this command's part begins.
        from: u64,
    },
}

impl Stderr {
    /// The pipe to wait for.
    pub(super) fn pipe(&self) -> Option<&PipeReader> {
        match self {
            Self::Pipe { reader, .. } => reader.as_ref(),
            Self::File { .. } => None,
        }
    }

    /// Takes some of what the pipe holds; false when there is nothing for the moment.
    pub(super) fn take(&mut self) -> bool {
        let Self::Pipe { reader: slot, tail } = self else {
            return false;
        };
        let Some(reader) = slot else { return false };
        let mut buffer = [0; 16 << 10];
        match reader.read(&mut buffer) {
            Ok(0) => *slot = None,
            Ok(count) => tail.push(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => *slot = None,
        }
        slot.is_some()
    }

    /// Takes what the pipe holds after the command's end.
    ///
    /// A process the command left behind may keep the pipe open, and even write without end; so
    /// nothing is waited for, and no more is taken than a pipe can hold.
    pub(super) fn drain(&mut self) {
        const MOST_A_PIPE_HOLDS: usize = 1 << 20;
        const READS: usize = MOST_A_PIPE_HOLDS / (16 << 10);
        for _ in 0..READS {
            if !self.take() {
                return;
            }
        }
    }

    /// Gives up the pipe, if somebody still has its other end.
    pub(super) fn take_pipe(&mut self) -> Option<PipeReader> {
        match self {
            Self::Pipe { reader, .. } => reader.take(),
            Self::File { .. } => None,
        }
    }

    /// The last lines; none of a file that cannot be read.
    pub(super) fn last_lines(&mut self) -> String {
        match self {
            Self::Pipe { tail, .. } => tail.text(),
            Self::File { path, from } => end_of_file(path, *from).unwrap_or_default(),
        }
    }
}

/// The last lines of a file, of those behind `from`.
pub(crate) fn end_of_file(path: &Path, from: u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    // The command itself may have made the file shorter.
    let from = if length < from { 0 } else { from };
    let start = from.max(length.saturating_sub(tail::BYTES as u64));
    file.seek(SeekFrom::Start(start))?;
    let mut end = Vec::new();
    // It may also grow at this moment, by a process left behind.
    file.take(tail::BYTES as u64).read_to_end(&mut end)?;
    let mut tail = if start > from {
        Tail::cut()
    } else {
        Tail::default()
    };
    tail.push(&end);
    Ok(tail.text())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_a_pipe_holds_is_drained_although_it_stays_open() -> io::Result<()> {
        let (reader, mut writer) = io::pipe()?;
        ioctl_fionbio(&reader, true)?;
        writer.write_all(&[b'x'; 60_000])?;
        writer.write_all(b"\nlast\n")?;
        let mut stderr = Stderr::Pipe {
            reader: Some(reader),
            tail: Tail::default(),
        };
        stderr.drain();
        assert_eq!(stderr.last_lines(), "last");
        assert!(stderr.take_pipe().is_some(), "somebody still writes");
        drop(writer);
        stderr.drain();
        assert!(stderr.take_pipe().is_none());
        Ok(())
    }
}
