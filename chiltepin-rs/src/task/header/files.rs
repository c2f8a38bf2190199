//! Where a call's files and its directory are.

#[cfg(feature = "records")]
use std::path::Path;
use std::path::PathBuf;

use chiltepin_executors::{OutputPart, Report};

use super::Header;
#[cfg(feature = "records")]
use crate::call::Capture;
use crate::future::TaskOutput;
use crate::task::Directory;

impl Header {
    /// The files that are part of its result, each with a name that is the same for equal calls,
    /// and where a call has it that works in `directory`.
    #[cfg(feature = "records")]
    pub(crate) fn kept_files(&self, directory: &Path) -> Vec<(PathBuf, PathBuf)> {
        let Some(options) = self.options() else {
            return Vec::new();
        };
        let outputs = options.outputs.iter();
        let mut files: Vec<_> = outputs
            .map(|path| (path.clone(), directory.join(path)))
            .collect();
        for (name, capture, path) in [
            ("<stdout>", &options.stdout, self.stdout_file()),
            ("<stderr>", &options.stderr, self.stderr_file()),
        ] {
            // What is appended to holds more than this call's.
            if let Some(path) = path
                && !capture.as_ref().is_some_and(Capture::is_append)
                && is_kept(&path)
            {
                files.push((PathBuf::from(name), path));
            }
        }
        files
    }

    /// Whether it is to have a directory of its own.
    pub(crate) fn has_fresh_directory(&self) -> bool {
        let directory = self
            .options()
            .and_then(|options| options.directory.as_ref());
        matches!(directory, Some(Directory::Fresh))
    }

    /// The folder of the run, in which automatic files and fresh directories are.
    fn run_folder(&self) -> Option<PathBuf> {
        self.driver().map(|driver| driver.run_folder())
    }

    /// The task's name in file names: its number, and its name as far as that is plain.
    fn file_name(&self) -> String {
        let plain = |letter: char| {
            if letter.is_alphanumeric() {
                letter
            } else {
                '-'
            }
        };
        let name: String = self.name().chars().take(40).map(plain).collect();
        format!("{}-{name}", self.id())
    }

    /// Where an attempt works, if not where the driver does.
    pub(crate) fn directory(&self, attempt: u32) -> Option<PathBuf> {
        match self.options()?.directory.as_ref()? {
            Directory::At(path) => Some(path.clone()),
            Directory::Fresh => self.fresh_directory(attempt),
        }
    }

    /// A directory of the attempt's own.
    fn fresh_directory(&self, attempt: u32) -> Option<PathBuf> {
        #[cfg(feature = "records")]
        if let Some(directories) = self.kept_as().and_then(|it| it.directories.as_ref()) {
            return Some(directories.of_attempt(attempt));
        }
        let tasks = self.run_folder()?.join("tasks");
        Some(tasks.join(match attempt {
            ..2 => self.file_name(),
            _ => format!("{}-attempt-{attempt}", self.file_name()),
        }))
    }

    pub(crate) fn stdout(&self) -> Option<TaskOutput> {
        self.stdout_file()
            .map(TaskOutput::of_file)
            .or_else(|| self.output_part(|report| report.stdout.clone()))
    }

    pub(crate) fn stderr(&self) -> Option<TaskOutput> {
        self.stderr_file()
            .map(TaskOutput::of_file)
            .or_else(|| self.output_part(|report| report.stderr.clone()))
    }

    /// What was kept of what the task wrote, in a file of its worker's.
    fn output_part(&self, part: impl FnOnce(&Report) -> Option<OutputPart>) -> Option<TaskOutput> {
        self.read_report(part).map(TaskOutput::of_part)
    }

    pub(super) fn stdout_file(&self) -> Option<PathBuf> {
        let capture = self.options()?.stdout.as_ref()?;
        Some(
            capture
                .path()
                .map_or_else(|| self.automatic("out"), ToOwned::to_owned),
        )
    }

    pub(super) fn stderr_file(&self) -> Option<PathBuf> {
        let capture = self.options()?.stderr.as_ref()?;
        Some(
            capture
                .path()
                .map_or_else(|| self.automatic("err"), ToOwned::to_owned),
        )
    }

    fn automatic(&self, extension: &str) -> PathBuf {
        let folder = self.run_folder().unwrap_or_default().join("tasks");
        folder.join(format!("{}.{extension}", self.file_name()))
    }
}

/// Whether what a call writes to a path is a file of its own: nothing is kept of what goes to a pipe
/// or a device, as to `/dev/null`, nor of one that the driver itself writes to as `/dev/stderr`.
#[cfg(feature = "records")]
fn is_kept(path: &Path) -> bool {
    let is_device = path.starts_with("/dev") && !path.starts_with("/dev/shm");
    !is_device
        && !path.starts_with("/proc")
        && std::fs::metadata(path).map_or(true, |metadata| metadata.is_file())
}

#[cfg(all(test, feature = "records"))]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_a_device_or_a_pipe_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        assert!(is_kept(&file));
        assert!(is_kept(&folder.path().join("not there yet")));
        assert!(is_kept(Path::new("/dev/shm/not there yet")));
        for other in [pipe.as_path(), &link, folder.path()] {
            assert!(!is_kept(other), "{}", other.display());
        }
        // A regular file where stderr goes to one, and no less the driver's for it.
        for other in ["/dev/null", "/dev/stderr", "/proc/self/fd/2"] {
            assert!(!is_kept(Path::new(other)), "{other}");
        }
    }
}
