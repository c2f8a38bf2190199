use std::path::{Path, PathBuf};

/// Where a stream of a command goes.
///
/// A path stands for [`Capture::to`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    path: Option<PathBuf>,
    append: bool,
}

impl Capture {
    /// Into the file at `path`, emptied first. Its folder is made if it is not there.
    pub fn to(path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            append: false,
        }
    }

    /// Into the file at `path`, behind what it holds.
    pub fn append(path: impl Into<PathBuf>) -> Self {
        Self {
            path: Some(path.into()),
            append: true,
        }
    }

    /// Into a file of the task's own in the run's folder; the future knows its path.
    #[must_use]
    pub const fn auto() -> Self {
        Self {
            path: None,
            append: false,
        }
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(crate) const fn is_append(&self) -> bool {
        self.append
    }
}

impl<P: Into<PathBuf>> From<P> for Capture {
    fn from(path: P) -> Self {
        Self::to(path)
    }
}
