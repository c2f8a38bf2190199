use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A folder that is made, and gets its name, when somebody wants to put something into it.
///
/// ```
/// use std::path::PathBuf;
///
/// use chiltepin_executors::LazyFolder;
///
/// let run = LazyFolder::new(|| PathBuf::from("runs/0001"));
/// let workers = run.below("workers");
/// assert_eq!(run.if_made(), None);
/// assert_eq!(workers.path(), PathBuf::from("runs/0001/workers"));
/// assert_eq!(run.if_made(), Some(PathBuf::from("runs/0001")));
/// ```
#[derive(Clone)]
pub struct LazyFolder {
    place: Arc<Place>,
    below: PathBuf,
}

struct Place {
    make: Box<dyn Fn() -> PathBuf + Send + Sync>,
    made: OnceLock<PathBuf>,
}

impl LazyFolder {
    /// A folder that `make` makes, once, and tells the path of. Where it cannot be made, that is
    /// the path it was to have: whoever opens a file there is told why.
    pub fn new(make: impl Fn() -> PathBuf + Send + Sync + 'static) -> Self {
        Self {
            place: Arc::new(Place {
                make: Box::new(make),
                made: OnceLock::new(),
            }),
            below: PathBuf::new(),
        }
    }

    /// The folder of this path, which whoever puts something into it makes.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        let folder = Self::new(PathBuf::new);
        // Nobody else has set it.
        let _ = folder.place.made.set(path);
        folder
    }

    /// A folder in this one, which whoever puts something into it makes.
    #[must_use]
    pub fn below(&self, name: impl AsRef<Path>) -> Self {
        Self {
            place: Arc::clone(&self.place),
            below: self.below.join(name),
        }
    }

    /// Where it is, for someone who puts something into it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let made = self.place.made.get_or_init(|| (self.place.make)());
        self.in_it(made)
    }

    /// Where it is, if anybody has wanted to put something into it.
    #[must_use]
    pub fn if_made(&self) -> Option<PathBuf> {
        Some(self.in_it(self.place.made.get()?))
    }

    fn in_it(&self, made: &Path) -> PathBuf {
        // Joined with nothing, a path ends in a slash.
        if self.below.as_os_str().is_empty() {
            made.to_owned()
        } else {
            made.join(&self.below)
        }
    }
}

impl fmt::Debug for LazyFolder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_tuple("LazyFolder");
        match self.if_made() {
            Some(path) => debug.field(&path),
            None => debug.field(&"not made"),
        };
        debug.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn it_is_made_once_by_whoever_wants_it_first() {
        let made = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&made);
        let run = LazyFolder::new(move || {
            PathBuf::from(format!("run-{}", count.fetch_add(1, Ordering::SeqCst)))
        });
        let tasks = run.below("tasks");
        assert_eq!((run.if_made(), tasks.if_made()), (None, None));
        assert_eq!(made.load(Ordering::SeqCst), 0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(tasks.path(), Path::new("run-0/tasks")));
            }
        });
        assert_eq!(run.path(), Path::new("run-0"));
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }
}
