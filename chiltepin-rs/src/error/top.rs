use std::fmt;
use std::io;

use chiltepin_executors::registry::DuplicateTask;
use chiltepin_executors::start::StartError;

use super::TaskError;
use crate::config::ConfigError;
use crate::environment::EnvironmentError;

/// What a program that runs a workflow returns; see [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a workflow could not be opened, or a program gave up.
///
/// `?` turns task errors, configuration errors and I/O errors into it;
/// [`Error::other`] takes anything else.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A task ended badly.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An environment variable holds something it cannot.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Two tasks of the program have one name.
    #[error(transparent)]
    Registry(#[from] DuplicateTask),
    /// This process was started for something else than to open a workflow.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The system refused something the workflow needs.
    #[error("could not {action}")]
    System {
        /// What was attempted.
        action: String,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// An error of the program's own.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Wraps an error of the program's own.
    ///
    /// ```
    /// let error = chiltepin::Error::other("no input files");
    /// assert_eq!(error.to_string(), "no input files");
    /// ```
    pub fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Other(Box::new(error))
    }
}

/// With its causes, so that `unwrap` and `main` show what happened.
impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")?;
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            write!(formatter, "\n  caused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
