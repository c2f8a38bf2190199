use std::io::Write as _;

use rustix::fd::AsFd;
use rustix::fs::{SeekFrom, seek};

use super::company::Company;
use crate::system::flush_c_streams;
use crate::wire::Part;

/// How far the files are written to which this process's stdout and stderr go; none where they go
/// elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Positions {
    stdout: Option<u64>,
    stderr: Option<u64>,
}

impl Positions {
    /// Writes out what is buffered, if nobody else runs in this process, and looks.
    ///
    /// A stream may be locked for as long as some body likes, so that who writes it out would wait
    /// for that body. Beside others a call is therefore told what came to the files meanwhile, of
    /// whomever; what is still buffered comes to them with the next call that is alone.
    pub(super) fn now(company: &Company) -> Self {
        let stdout = std::io::stdout();
        if company.is_alone() {
            // What cannot be written out now is lost at the process's end too; the body could have
            // looked.
            let _ = stdout.lock().flush();
            flush_c_streams();
        }
        Self {
            stdout: end_of(stdout),
            stderr: end_of(std::io::stderr()),
        }
    }

    /// What was written since `earlier`, to stdout and to stderr; none where that is nothing.
    pub(super) fn since(self, earlier: Self) -> (Option<Part>, Option<Part>) {
        let part = |now: Option<u64>, earlier: Option<u64>| {
            let start = earlier?;
            let length = now?.checked_sub(start)?;
            (length > 0).then_some(Part { start, length })
        };
        (
            part(self.stdout, earlier.stdout),
            part(self.stderr, earlier.stderr),
        )
    }
}

/// The end of the file that a stream goes to. The file is opened for appending, so seeking in it
/// changes nothing.
fn end_of(stream: impl AsFd) -> Option<u64> {
    seek(stream, SeekFrom::End(0)).ok()
}
