//! The environment variables that this crate reads, all in one place.
//!
//! The documentation and `chiltepin --help` list them from [`VARIABLES`]; nothing else reads the
//! environment.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::config::{LogLevel, UnknownLogLevel};

/// An environment variable and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it means, as part of a sentence.
    pub meaning: &'static str,
}

/// The configuration of a workflow that is given none.
pub const CONFIG: Variable = Variable {
    name: "CHILTEPIN_CONFIG",
    meaning: "the configuration file of a workflow that names none, and of `chiltepin check`",
};

/// What is logged.
pub const LOG: Variable = Variable {
    name: "CHILTEPIN_LOG",
    meaning: "what is logged: off, error, warn, info, debug or trace; before the configuration's \
              `log_level`",
};

/// All of them.
pub const VARIABLES: &[Variable] = &[CONFIG, LOG];

/// A variable that holds something it cannot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("the environment variable `{variable}` cannot be used")]
pub struct EnvironmentError {
    /// The variable.
    pub variable: &'static str,
    /// What is wrong with its value.
    pub source: UnknownLogLevel,
}

/// The file that `CHILTEPIN_CONFIG` names; none where it is not set or empty.
#[must_use]
pub fn config_path() -> Option<PathBuf> {
    set(env::var_os(CONFIG.name)).map(PathBuf::from)
}

/// Where a user's caches are, by the rules of the XDG Base Directory Specification, as far as a
/// variable says.
#[cfg(feature = "records")]
pub(crate) fn cache_folder() -> Option<PathBuf> {
    crate::cache::default_index_folder(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))
}

/// The level that `CHILTEPIN_LOG` names; none where it is not set or empty.
///
/// # Errors
///
/// [`EnvironmentError`] if it holds anything but a level.
pub fn log_level() -> Result<Option<LogLevel>, EnvironmentError> {
    level_in(env::var_os(LOG.name))
}

/// Where temporary files go, by `TMPDIR`.
pub(crate) fn temporary_folder() -> PathBuf {
    env::temp_dir()
}

/// What a variable says of the GPUs that this process was granted.
pub(crate) fn gpu_variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Names the file that asks this process to run one call again.
#[cfg(feature = "records")]
pub(crate) const RERUN_VARIABLE: &str = "CHILTEPIN_RERUN";

/// The file that asks this process to run one call again, if it was started for that.
#[cfg(feature = "records")]
pub(crate) fn rerun_request() -> Option<PathBuf> {
    set(env::var_os(RERUN_VARIABLE)).map(PathBuf::from)
}

/// Whether this program runs within a job of Slurm's.
pub(crate) fn in_slurm() -> bool {
    set(env::var_os("SLURM_JOB_ID")).is_some()
}

/// All variables, for the commands of batch systems.
#[cfg(feature = "cluster")]
pub(crate) fn variables() -> env::VarsOs {
    env::vars_os()
}

/// Whether the terminal says that it can do nothing but print, or nothing of itself.
pub(crate) fn is_plain_terminal() -> bool {
    set(env::var_os("TERM")).is_none_or(|terminal| terminal == "dumb")
}

/// Whether a panic of a task is to be printed with its stack, as `RUST_BACKTRACE` asks for.
pub(crate) fn backtrace() -> bool {
    env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0")
}

fn set(value: Option<OsString>) -> Option<OsString> {
    value.filter(|value| !value.is_empty())
}

fn level_in(value: Option<OsString>) -> Result<Option<LogLevel>, EnvironmentError> {
    let Some(value) = set(value) else {
        return Ok(None);
    };
    let level = value.to_string_lossy().parse();
    level.map(Some).map_err(|source| EnvironmentError {
        variable: LOG.name,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_read_and_anything_else_refused() {
        assert_eq!(level_in(None), Ok(None));
        assert_eq!(level_in(Some("".into())), Ok(None));
        assert_eq!(level_in(Some("debug".into())), Ok(Some(LogLevel::Debug)));
        let error = level_in(Some("loud".into())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the environment variable `CHILTEPIN_LOG` cannot be used"
        );
        assert!(
            error
                .source
                .to_string()
                .starts_with("`loud` is no log level")
        );
    }
}
