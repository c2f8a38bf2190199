use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A path that stands for what the file holds.
///
/// A task gets the path, as of a `PathBuf`. The cache, though, looks at the content: a task that is
/// called with the same path runs again once the file has changed, and does not where another path
/// leads to a file that holds the same. Of a directory it looks at the names, kinds and contents of
/// everything in it. Links are followed; who owns a file, when it was written and who may read it
/// does not count.
///
/// ```
/// use chiltepin::{File, task};
///
/// #[task(cache)]
/// fn words(text: File) -> std::io::Result<usize> {
///     Ok(std::fs::read_to_string(&text)?.split_whitespace().count())
/// }
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("text.txt");
/// # let path = path.to_str().expect("it is text");
/// std::fs::write(path, "three small words")?;
/// assert_eq!(words(path).run_blocking()?, 3);    // any path will do
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
// The name by which the codec knows it.
#[serde(rename = "chiltepin::File")]
pub struct File(PathBuf);

impl File {
    /// The file at `path`, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where it is, as a path of its own.
    #[must_use]
    pub fn into_path(self) -> PathBuf {
        self.0
    }
}

impl Deref for File {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for File {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

macro_rules! from {
    ($($path:ty),*) => {$(
        impl From<$path> for File {
            fn from(path: $path) -> Self {
                Self::new(path)
            }
        }
    )*};
}

from!(&str, String, &Path, PathBuf);

impl fmt::Display for File {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(formatter)
    }
}

impl fmt::Debug for File {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
