use std::fmt;
use std::hash::{BuildHasher, RandomState};
#[cfg(feature = "records")]
use std::os::unix::fs::symlink;
#[cfg(feature = "records")]
use std::path::Path;

/// The identity of one run of a workflow: when it began, and a random part so that two that begin
/// at once differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunId {
    /// Microseconds since the Unix epoch.
    began: i64,
    random: u64,
}

impl RunId {
    /// The id of a run that begins now.
    pub(crate) fn now() -> Self {
        // The standard library seeds each hasher from the system's randomness.
        let random = RandomState::new().hash_one(std::process::id());
        Self {
            began: jiff::Timestamp::now().as_microsecond(),
            random,
        }
    }

    /// Microseconds since the Unix epoch.
    #[cfg(feature = "records")]
    pub(crate) fn began_micros(self) -> u64 {
        u64::try_from(self.began).unwrap_or_default()
    }

    /// A number to draw randomness from.
    pub(crate) const fn seed(self) -> u64 {
        self.random
    }
}

/// The link beside the folders of runs that leads to the newest.
#[cfg(feature = "records")]
const LATEST: &str = "latest";

/// Has `latest` lead to this run's folder, in one step, so that it leads to some run at any time.
///
/// That is a convenience: where it cannot be done, nothing is missing.
#[cfg(feature = "records")]
pub(crate) fn point_to_latest(folder: &Path) {
    let (Some(runs), Some(name)) = (folder.parent(), folder.file_name()) else {
        return;
    };
    let new = runs.join(format!(".{LATEST}-{}", name.to_string_lossy()));
    if symlink(name, &new).is_ok() && std::fs::rename(&new, runs.join(LATEST)).is_err() {
        // Something else has that name.
        let _ = std::fs::remove_file(&new);
    }
}

/// As a folder name that sorts by time, in UTC: `20261121-091712-3f9a0c`.
impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let began = jiff::Timestamp::from_microsecond(self.began).unwrap_or_default();
        write!(
            formatter,
            "{}-{:06x}",
            began.strftime("%Y%m%d-%H%M%S"),
            self.random & 0xff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_time() {
        let run = RunId {
            began: 1_795_000_000_999_999,
            random: 0xab,
        };
        assert_eq!(run.to_string(), "20261118-110640-0000ab");
    }

    #[test]
    #[cfg(feature = "records")]
    fn latest_leads_to_the_run_that_began_last() {
        let place = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            let folder = place.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            point_to_latest(&folder);
            let latest = std::fs::read_link(place.path().join("latest")).unwrap();
            assert_eq!(latest, Path::new(name));
        }
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 3);
    }

    #[test]
    #[cfg(feature = "records")]
    fn a_folder_named_latest_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("latest/kept")).unwrap();
        point_to_latest(&place.path().join("one"));
        assert!(place.path().join("latest/kept").is_dir());
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn two_runs_differ() {
        assert_ne!(RunId::now().to_string(), RunId::now().to_string());
    }
}
