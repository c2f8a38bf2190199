//! The configuration: where tasks run, and the settings of a run.
//!
//! ```text
//!   TOML ──from_toml──┐
//!                     ├─► tree of values ──check──► Config: settings, resources
//!   YAML ──from_yaml──┘   with their places    │    typed, every default filled in
//!                                              └──► ConfigError: every mistake,
//!                                                   with line, column and hint
//! ```
//!
//! Every table of a file is a resource under its name, as in Chiltepin's files, which load
//! unchanged; the table `workflow` holds the settings of the run. A resource `local`, threads of
//! the program itself, is always there. [`DEFAULT_FILE`] is the reference of all keys. Printing a
//! [`Config`] gives TOML that says everything it holds.
//!
//! ```
//! use chiltepin::config::Config;
//!
//! let config = Config::from_toml(
//!     r#"
//!     [compute]
//!     provider = "threads"
//!     max_threads = 2
//!     "#,
//! )?;
//! let names: Vec<_> = config.resources.iter().map(|resource| &*resource.name).collect();
//! assert_eq!(names, ["local", "compute"]);
//! # Ok::<(), chiltepin::config::ConfigError>(())
//! ```

mod check;
mod check_resource;
mod check_retries;
mod error;
mod from_toml;
mod from_yaml;
mod keys;
pub(crate) mod nearest;
mod print;
mod reader;
mod resource;
mod tree;
mod units;
mod workflow_settings;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use error::{ConfigError, Mistake, MistakeKind};
pub use resource::{Allocation, Batch, LOCAL, Mpi, Pool, Provider, Resource, Threads};
pub use tree::Format;
#[cfg(feature = "cli")]
pub(crate) use units::{MEMORY_FORMS, parse_age, parse_memory};
pub use workflow_settings::{
    CacheFolder, CacheMode, LogLevel, Progress, RecordArguments, UnknownLogLevel, WorkflowSettings,
};

/// The commented file that holds every key with its default; it can be loaded.
pub const DEFAULT_FILE: &str = include_str!("default.toml");

/// Where tasks run, and the settings of a run; every value is there and has been checked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The settings of the run.
    pub workflow: WorkflowSettings,
    /// The resources, at least `local`, in the order of the file. `local` comes first where the
    /// file does not have it. No name stands twice, and there are 63 at most.
    pub resources: Vec<Resource>,
    path: Option<PathBuf>,
}

impl Default for Config {
    /// What serves without a file: `local`, with a thread for each core.
    fn default() -> Self {
        Self {
            workflow: WorkflowSettings::default(),
            resources: vec![Resource::new(LOCAL, Provider::Threads(Threads::default()))],
            path: None,
        }
    }
}

impl Config {
    /// Reads a file whose name ends in `.toml`, `.yaml` or `.yml`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every mistake in the file, or why it cannot be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let fail = |mistakes| ConfigError::new(Some(path.to_owned()), mistakes);
        let format = format_of(path).map_err(fail)?;
        let bytes =
            read(path).map_err(|error| fail(vec![unreadable(path, &error)]).because(error))?;
        let text = text_of(&bytes).map_err(fail)?;
        let mut config = Self::parse(text, format).map_err(fail)?;
        config.path = Some(path.to_owned());
        Ok(config)
    }

    /// Reads a configuration in TOML.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every mistake in the text.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text, Format::Toml).map_err(|mistakes| ConfigError::new(None, mistakes))
    }

    /// Reads a configuration in YAML.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every mistake in the text.
    pub fn from_yaml(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text, Format::Yaml).map_err(|mistakes| ConfigError::new(None, mistakes))
    }

    fn parse(text: &str, format: Format) -> Result<Self, Vec<Mistake>> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let root = match format {
            Format::Toml => from_toml::parse(text)?,
            Format::Yaml => from_yaml::parse(text)?,
        };
        let (workflow, resources) = check::check(&root, format)?;
        Ok(Self {
            workflow,
            resources,
            path: None,
        })
    }

    /// Keeps only the resources with these names, and `local`.
    ///
    /// Of the executors named in the settings, those that are left remain.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a name is not configured, or if none of `executors` is left.
    pub fn include<I, S>(mut self, names: I) -> Result<Self, ConfigError>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<str>,
    {
        let names: Vec<S> = names.into_iter().collect();
        let known: Vec<&str> = self
            .resources
            .iter()
            .map(|resource| &*resource.name)
            .collect();
        let unknown = names
            .iter()
            .map(AsRef::as_ref)
            .filter(|name| !known.contains(name));
        let mut mistakes: Vec<_> = unknown
            .map(|name| check::unknown_resource(name, &known, None))
            .collect();
        let kept = |name: &str| name == LOCAL || names.iter().any(|kept| kept.as_ref() == name);
        self.resources.retain(|resource| kept(&resource.name));
        if let Some(executors) = &mut self.workflow.executors {
            executors.retain(|name| kept(name));
            if executors.is_empty() && mistakes.is_empty() {
                let hint = "include one of them, or change `executors`";
                mistakes.push(Mistake::new(MistakeKind::NothingIncluded, None).hint(hint));
            }
        }
        if mistakes.is_empty() {
            Ok(self)
        } else {
            Err(ConfigError::new(self.path, mistakes))
        }
    }

    /// The resource of this name.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&Resource> {
        self.resources.iter().find(|resource| resource.name == name)
    }

    /// The file this was read from.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

/// Far beyond any configuration; keeps a path that leads to data from filling the memory.
const LONGEST_FILE: u64 = 1 << 20;

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LONGEST_FILE + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &io::Error) -> Mistake {
    let mistake = Mistake::new(
        MistakeKind::Unreadable {
            reason: error.to_string(),
        },
        None,
    );
    match std::path::absolute(path) {
        Ok(absolute) if absolute != path => {
            mistake.hint(format!("looked for `{}`", absolute.display()))
        }
        _ => mistake,
    }
}

fn text_of(bytes: &[u8]) -> Result<&str, Vec<Mistake>> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LONGEST_FILE) {
        let kind = MistakeKind::TooLong {
            limit: LONGEST_FILE,
        };
        return Err(vec![Mistake::new(kind, None)]);
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        let column = last_line.chars().count() + 1;
        let mistake = Mistake::new(MistakeKind::NotText, tree::Position { line, column });
        vec![mistake.hint("save it in UTF-8; this is the first byte that is not")]
    })
}

fn format_of(path: &Path) -> Result<Format, Vec<Mistake>> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("toml") => Ok(Format::Toml),
        Some("yaml" | "yml") => Ok(Format::Yaml),
        _ => {
            let mistake = Mistake::new(MistakeKind::UnknownFormat, None);
            Err(vec![
                mistake.hint("let the name end in `.toml`, `.yaml` or `.yml`"),
            ])
        }
    }
}
