use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::tree::{Format, Position};

/// Why a configuration cannot be used: every mistake that was found, with its place.
///
/// Printed, each mistake is a line `path:line:column: what is wrong`, followed by an indented
/// hint where there is one.
///
/// ```
/// use chiltepin::config::{Config, MistakeKind};
///
/// let error = Config::from_toml("[compute]\nprovider = 'slurm'\npartiton = 'big'").unwrap_err();
/// assert_eq!((error.line(), error.column()), (Some(3), Some(1)));
/// assert!(matches!(error.mistakes()[0].kind(), MistakeKind::UnknownKey { .. }));
/// assert!(error.to_string().contains("did you mean `partition`?"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub struct ConfigError {
    path: Option<PathBuf>,
    mistakes: Vec<Mistake>,
    source: Option<io::Error>,
}

impl ConfigError {
    pub(super) fn new(path: Option<PathBuf>, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort_by_key(|mistake| mistake.at);
        Self {
            path,
            mistakes,
            source: None,
        }
    }

    pub(super) fn because(mut self, source: io::Error) -> Self {
        self.source = Some(source);
        self
    }

    /// The file, unless the configuration was read from a string.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The line of the first mistake, from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.mistakes.iter().find_map(Mistake::line)
    }

    /// The column of the first mistake, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.mistakes.iter().find_map(Mistake::column)
    }

    /// All mistakes in the order of the file; never empty.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Beyond that something else is wrong than what is listed.
        const MOST: usize = 50;
        for (index, mistake) in self.mistakes.iter().take(MOST).enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            match &self.path {
                Some(path) => write!(formatter, "{}:", path.display())?,
                None => write!(formatter, "configuration:")?,
            }
            if let Some(Position { line, column }) = mistake.at {
                write!(formatter, "{line}:{column}:")?;
            }
            write!(formatter, " {}", mistake.kind)?;
            if let Some(hint) = &mistake.hint {
                write!(formatter, "\n  hint: {hint}")?;
            }
        }
        match self.mistakes.len().saturating_sub(MOST) {
            0 => Ok(()),
            more => write!(formatter, "\n… and {more} more mistakes"),
        }
    }
}

/// One mistake in a configuration: what is wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    kind: MistakeKind,
    at: Option<Position>,
    hint: Option<String>,
}

impl Mistake {
    pub(super) fn new(kind: MistakeKind, at: impl Into<Option<Position>>) -> Self {
        Self {
            kind,
            at: at.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> &MistakeKind {
        &self.kind
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.at.map(|at| at.line)
    }

    /// The column, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.at.map(|at| at.column)
    }

    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// What can be wrong with a configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MistakeKind {
    /// The file is not there or may not be read.
    #[error("cannot read the file: {reason}")]
    Unreadable {
        /// In the system's words.
        reason: String,
    },
    /// The file is too long to be a configuration.
    #[error("the file is longer than {limit} bytes")]
    TooLong {
        /// The length that is still read.
        limit: u64,
    },
    /// The file is not UTF-8 text.
    #[error("the file is not UTF-8 text")]
    NotText,
    /// The name of the file does not say in which language it is written.
    #[error("cannot tell the language of the file from its name")]
    UnknownFormat,
    /// The file breaks the rules of its language.
    #[error("invalid {format}: {message}")]
    Syntax {
        /// The language.
        format: Format,
        /// In the parser's words.
        message: String,
    },
    /// A key stands twice in one table.
    #[error("key `{key}` is given twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// The file is a list or a single value.
    #[error("the file must hold a table for each resource, found {found}")]
    NotTables {
        /// What it holds.
        found: String,
    },
    /// A resource, or `workflow`, is not a table.
    #[error("`{name}` must be a table, found {found}")]
    NotATable {
        /// The entry's name.
        name: String,
        /// What it is.
        found: String,
    },
    /// A resource says nothing.
    #[error("resource `{name}` is empty")]
    EmptyResource {
        /// The resource.
        name: String,
    },
    /// The name of a resource or a label cannot be used.
    #[error("the name `{name}` {reason}")]
    BadName {
        /// The name.
        name: String,
        /// Why it cannot be used.
        reason: &'static str,
    },
    /// There are more resources than the scheduler has room for.
    #[error("{count} resources are configured, {limit} are possible, `local` counted")]
    TooManyResources {
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// A key that no table of this kind has.
    #[error("unknown key `{key}` in {place}")]
    UnknownKey {
        /// The key.
        key: String,
        /// The table.
        place: String,
        /// The key that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A key of other providers.
    #[error("key `{key}` in {place} makes no sense for provider `{provider}`")]
    MisplacedKey {
        /// The key.
        key: String,
        /// The table.
        place: String,
        /// The provider of the resource.
        provider: &'static str,
    },
    /// A value of the wrong type.
    #[error("`{key}` in {place} must be {expected}, found {found}")]
    WrongType {
        /// The key.
        key: String,
        /// The table.
        place: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// A value of the right type that cannot be used.
    #[error("`{key}` in {place} is {value}: {reason}")]
    BadValue {
        /// The key.
        key: String,
        /// The table.
        place: String,
        /// The value.
        value: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// Two keys that contradict each other.
    #[error("{place}: {reason}")]
    Contradiction {
        /// The table.
        place: String,
        /// The contradiction.
        reason: String,
    },
    /// A resource is named that is not configured.
    #[error("no resource is called `{name}`")]
    UnknownResource {
        /// The name.
        name: String,
        /// The configured name that was probably meant.
        nearest: Option<String>,
        /// The names that are configured.
        known: Vec<String>,
    },
    /// The included resources leave none of those that `executors` names.
    #[error("none of the included resources is among `executors` in table `workflow`")]
    NothingIncluded,
}

/// `` `a`, `b`, `c` ``.
pub(super) fn quoted_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
