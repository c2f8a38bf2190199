//! The folders of runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::{Config, ConfigError, WorkflowSettings};
use crate::environment;
use crate::run::{LATEST, RunNumber};

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

/// The folder of a run: the one with the number that is given, `latest`, the one at the path that is
/// given or below `run_dir`; the newest if nothing is given.
///
/// A number means a run before it means a folder here, for which there is `./7`.
pub(super) fn folder(run: Option<&Path>) -> Result<PathBuf, NoRun> {
    let word = run.map(|run| run.to_str().unwrap_or_default());
    let number = word.and_then(RunNumber::typed);
    if let Some(run) = run
        && number.is_none()
        && word != Some(LATEST)
        && run.is_dir()
    {
        return Ok(run.to_owned());
    }
    let folder = run_dir()?;
    let Some(run) = run else {
        return newest(&folder)?.ok_or(NoRun::None { folder });
    };
    let numbered = number.map(|number| folder.join(number.to_string()));
    let latest = match word {
        Some(LATEST) => newest(&folder)?,
        _ => None,
    };
    let ways = [
        numbered,
        latest,
        Some(folder.join(run)),
        Some(run.to_owned()),
    ];
    let found = ways.into_iter().flatten().find(|way| way.is_dir());
    found.ok_or_else(|| {
        let run = run.to_owned();
        NoRun::NotThere { run, folder }
    })
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
    let runs = below(&folder)?;
    if runs.is_empty() {
        return Err(NoRun::None { folder });
    }
    Ok(runs)
}

/// The newest of the runs below a folder.
fn newest(folder: &Path) -> Result<Option<PathBuf>, NoRun> {
    Ok(below(folder)?.pop())
}

/// The runs below a folder, in order of their numbers.
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
        let name = entry.file_name();
        if let Some(number) = name.to_str().and_then(RunNumber::of_folder)
            && entry.path().is_dir()
        {
            runs.push((number, entry.path()));
        }
    }
    runs.sort_unstable();
    Ok(runs.into_iter().map(|(_, path)| path).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_run_has_the_largest_number() {
        let place = tempfile::tempdir().unwrap();
        assert!(newest(&place.path().join("nowhere")).unwrap().is_none());
        assert!(newest(place.path()).unwrap().is_none());
        for name in ["0002", "10000", "9999", "cache", "20261121-091712-3f9a0c"] {
            fs::create_dir(place.path().join(name)).unwrap();
        }
        fs::write(place.path().join("10001"), "").unwrap();
        let names: Vec<_> = below(place.path()).unwrap();
        let names: Vec<_> = names.iter().map(|run| run.file_name().unwrap()).collect();
        assert_eq!(names, ["0002", "9999", "10000"]);
        assert!(newest(place.path()).unwrap().unwrap().ends_with("10000"));
    }
}
