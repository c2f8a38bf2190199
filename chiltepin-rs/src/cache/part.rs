//! What can be new in a key.

use std::fmt;

use crate::config::CacheMode;

/// A part of a call's key that is another one than in the key of a kept result.
///
/// As text it says what that means to who wrote the program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyPart {
    /// The function's name.
    Function {
        /// The other's.
        before: String,
    },
    /// The task's `version`; empty where none is given.
    Version {
        /// The other's.
        before: String,
        /// The call's.
        now: String,
    },
    /// The function as it is written: its body, its parameters or what it returns.
    Body,
    /// The program's file, which stands for the function in the mode `"binary"`.
    Program,
    /// The `cache_mode` of the configuration.
    Mode {
        /// The call's.
        now: CacheMode,
    },
    /// The value of the argument of this name.
    Argument(String),
    /// An argument of this name, which the other does not have.
    ArgumentAdded(String),
    /// An argument of this name, which the other has alone.
    ArgumentRemoved(String),
    /// The arguments are the same in another order.
    ArgumentOrder,
    /// Which files belong to a command's result.
    Files,
    /// Which exit codes of a command are values.
    ExitCodes,
}

impl fmt::Display for KeyPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |version: &str| match version {
            "" => "not given".to_owned(),
            version => format!("\"{version}\""),
        };
        match self {
            Self::Function { before } => write!(formatter, "the function: it was `{before}`"),
            Self::Version { before, now } => {
                let (now, before) = (version(now), version(before));
                write!(formatter, "`version`: it is {now} and was {before}")
            }
            Self::Body => {
                formatter.write_str("the function: its body, parameters or return type was changed")
            }
            Self::Program => formatter.write_str("the program: its file is another one"),
            Self::Mode {
                now: CacheMode::Body,
            } => formatter.write_str("`cache_mode`: it is \"body\" and was \"binary\""),
            Self::Mode {
                now: CacheMode::Binary,
            } => formatter.write_str("`cache_mode`: it is \"binary\" and was \"body\""),
            Self::Argument(name) => write!(formatter, "the value of the argument `{name}`"),
            Self::ArgumentAdded(name) => {
                write!(
                    formatter,
                    "the argument `{name}`, which was no part of the key"
                )
            }
            Self::ArgumentRemoved(name) => write!(
                formatter,
                "the key lacks the argument `{name}`, which was part of it"
            ),
            Self::ArgumentOrder => formatter.write_str("the order of the arguments"),
            Self::Files => formatter.write_str("the files that belong to the result"),
            Self::ExitCodes => formatter.write_str("the exit codes that are values"),
        }
    }
}
