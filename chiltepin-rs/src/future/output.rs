use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use chiltepin_executors::OutputPart;

/// What a task wrote to stdout or stderr: a file of its own, or its part of the file of the worker
/// process that ran it.
///
/// It stands for the path of that file; [`read`](Self::read) and [`text`](Self::text) give what
/// this task wrote.
///
/// ```
/// # use chiltepin::{Capture, Workflow, bash_task};
/// #[bash_task]
/// fn greet(name: String) -> String {
///     chiltepin::sh!("echo Hello, {name}!")
/// }
///
/// # let folder = std::env::temp_dir().join(format!("chiltepin-output-{}", std::process::id()));
/// # let workflow = Workflow::builder().run_dir(&folder).open()?;
/// let greeted = greet("Ada").stdout(Capture::auto()).submit(&workflow);
/// assert_eq!(greeted.result()?, 0);
/// let output = greeted.stdout().expect("the call asked for it");
/// assert_eq!(output.text()?, "Hello, Ada!\n");
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), chiltepin::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskOutput {
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    Part(OutputPart),
}

impl TaskOutput {
    pub(crate) const fn of_file(path: PathBuf) -> Self {
        Self {
            place: Place::File(path),
        }
    }

    pub(crate) const fn of_part(part: OutputPart) -> Self {
        Self {
            place: Place::Part(part),
        }
    }

    /// The file. Other tasks may have written to it too.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.place {
            Place::File(path) => path,
            Place::Part(part) => &part.file,
        }
    }

    /// Reads what the task wrote; all of the file where it is the task's own.
    ///
    /// # Errors
    /// The file cannot be read, as before the task has begun.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        match &self.place {
            Place::File(path) => std::fs::read(path),
            Place::Part(part) => part.read(),
        }
    }

    /// Reads what the task wrote as text; bytes that are none become `\u{fffd}`.
    ///
    /// # Errors
    /// As of [`read`](Self::read).
    pub fn text(&self) -> io::Result<String> {
        let bytes = self.read()?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

impl AsRef<Path> for TaskOutput {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

/// The path of the file.
impl From<TaskOutput> for PathBuf {
    fn from(output: TaskOutput) -> Self {
        match output.place {
            Place::File(path) => path,
            Place::Part(part) => part.path(),
        }
    }
}

/// The path of the file.
impl fmt::Display for TaskOutput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(formatter)
    }
}
