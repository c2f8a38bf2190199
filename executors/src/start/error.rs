use std::io;
use std::path::PathBuf;

/// Why a process cannot be what it was started for, or cannot start others.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The process was started for something, and does something else.
    #[error(
        "this process was started as {role}, and `main` opened a workflow before \
         `chiltepin::init()` could make it that; put `chiltepin::init();` first in `main`, \
         or write `#[chiltepin::main]` above it"
    )]
    NotEntered {
        /// What it was started as.
        role: String,
    },
    /// Nobody has noted how this program is started.
    #[error(
        "worker processes are this program started again, which needs to be let in by its \
         `main`; put `chiltepin::init();` first in `main`, or write `#[chiltepin::main]` above \
         it; in a test, write `#[chiltepin::test]` instead of `#[test]`"
    )]
    NeverEntered,
    /// The claim cannot be read.
    #[error("cannot read what this process was started for from `{}`", claim.display())]
    Unreadable {
        /// The claim's file.
        claim: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The claim is none.
    #[error(
        "`{}`, which `CHILTEPIN_START` names, does not say what this version of the program was \
         started for; unset the variable, or build the program anew",
        claim.display()
    )]
    Malformed {
        /// The claim's file.
        claim: PathBuf,
    },
}
