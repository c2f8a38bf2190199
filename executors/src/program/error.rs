use std::io;
use std::path::PathBuf;

/// Why there is no program to start worker processes from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// No folder can be made for it.
    #[error("cannot make a private folder in `{}`", folder.display())]
    Folder {
        /// Where it was to be made.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Programs can be started neither from the temporary folder nor from the other one.
    #[error(
        "no program can be started from `{}` or from `{}`, which are mounted `noexec`; \
         set `TMPDIR` to a folder on a file system without that option",
        temporary.display(), other.display()
    )]
    NoExec {
        /// The temporary folder.
        temporary: PathBuf,
        /// The folder that was to be used instead.
        other: PathBuf,
    },
    /// The copy cannot be made.
    #[error("cannot copy this program to `{}`", copy.display())]
    Copy {
        /// The copy.
        copy: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
