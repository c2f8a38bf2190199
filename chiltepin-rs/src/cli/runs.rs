//! The folders of runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::{Config, ConfigError, WorkflowSettings};
use crate::environment;

/// What stands in the way of finding a run.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoRun {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("cannot read the folder `{}`: {source}", folder.display())]
    Unreadable { folder: PathBuf, source: io::Error },
    #[error(
        "there is no run below `{}`; name its folder, or say where it is by `run_dir` in the \
         configuration that `{}` names", folder.display(), environment::CONFIG.name
    )]
    None { folder: PathBuf },
    #[error(
        "there is no run `{}`, neither as a folder nor below `{}`", run.display(), folder.display()
    )]
    NotThere { run: PathBuf, folder: PathBuf },
}

/// The folder of a run: the one that is given, by its path or by its name below `run_dir`, or the
/// newest.
pub(super) fn folder(run: Option<&Path>) -> Result<PathBuf, NoRun> {
    if let Some(run) = run
        && run.is_dir()
    {
        return Ok(run.to_owned());
    }
    let folder = run_dir()?;
    if let Some(run) = run {
        let below = folder.join(run);
        return if below.is_dir() {
            Ok(below)
        } else {
            let run = run.to_owned();
            Err(NoRun::NotThere { run, folder })
        };
    }
    newest(&folder)?.ok_or(NoRun::None { folder })
}

/// Where runs are, by the configuration.
fn run_dir() -> Result<PathBuf, NoRun> {
    let settings = match environment::config_path() {
        Some(path) => Config::load(path)?.workflow,
        None => WorkflowSettings::default(),
    };
    Ok(settings.run_dir)
}

/// The folders of all runs below this folder, or below `run_dir`; the oldest first.
pub(super) fn all(folder: Option<PathBuf>) -> Result<Vec<PathBuf>, NoRun> {
    let folder = match folder {
        Some(folder) => folder,
        None => run_dir()?,
    };
    let mut runs = below(&folder)?;
    if runs.is_empty() {
        return Err(NoRun::None { folder });
    }
    runs.sort_unstable();
    Ok(runs)
}

/// The newest of the runs below a folder, whose names sort by time.
fn newest(folder: &Path) -> Result<Option<PathBuf>, NoRun> {
    Ok(below(folder)?.into_iter().max())
}

/// The runs below a folder.
fn below(folder: &Path) -> Result<Vec<PathBuf>, NoRun> {
    let unreadable = |source| NoRun::Unreadable {
        folder: folder.to_owned(),
        source,
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut runs = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_run(&name) && entry.path().is_dir() {
            runs.push(entry.path());
        }
    }
    Ok(runs)
}

/// Whether a name is one that runs give themselves: `20261121-091712-3f9a0c`.
fn is_run(name: &str) -> bool {
    let parts: Vec<_> = name.split('-').collect();
    let [date, time, random] = *parts else {
        return false;
    };
    let digits =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(date, 8)
        && digits(time, 6)
        && random.len() == 6
        && random.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::RunId;

    #[test]
    fn the_newest_run_is_the_last_by_name() {
        let place = tempfile::tempdir().unwrap();
        assert!(newest(&place.path().join("nowhere")).unwrap().is_none());
        assert!(newest(place.path()).unwrap().is_none());
        for name in ["20261121-091712-3f9a0c", "20261121-091713-000000", "zzz"] {
            fs::create_dir(place.path().join(name)).unwrap();
        }
        fs::write(place.path().join("20991121-091713-000000"), "").unwrap();
        let newest = newest(place.path()).unwrap().unwrap();
        assert!(newest.ends_with("20261121-091713-000000"), "{newest:?}");
    }

    #[test]
    fn a_run_is_known_by_its_name() {
        assert!(is_run(&RunId::now().to_string()));
        for name in [
            "",
            "runs",
            "20261121-091712",
            "20261121-091712-xyz",
            "2026-11-21",
        ] {
            assert!(!is_run(name), "{name}");
        }
    }
}
