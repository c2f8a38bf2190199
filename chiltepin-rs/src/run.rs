use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use chiltepin_executors::LazyFolder;

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
    pub(crate) fn began_micros(self) -> u64 {
        u64::try_from(self.began).unwrap_or_default()
    }

    /// A number to draw randomness from.
    pub(crate) const fn seed(self) -> u64 {
        self.random
    }
}

/// As a name that sorts by time, in UTC: `20261121-091712-3f9a0c`.
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

/// The number of a run among those of its `run_dir`, which names its folder: `0007`, and `12345`
/// once four digits are not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunNumber(u64);

impl RunNumber {
    /// What people type: `7` as well as `0007`.
    #[cfg(any(test, feature = "cli"))]
    pub(crate) fn typed(text: &str) -> Option<Self> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().map(Self).ok()).flatten()
    }

    /// The number whose folder has this very name.
    pub(crate) fn of_folder(name: &str) -> Option<Self> {
        let number = name.parse().map(Self).ok()?;
        (number.to_string() == name).then_some(number)
    }
}

impl fmt::Display for RunNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:04}", self.0)
    }
}

/// The link beside the folders of runs that leads to the newest.
pub(crate) const LATEST: &str = "latest";

/// The folder of a run that begins now, below `run_dir`. It has no number before it is made.
pub(crate) fn folder(run_dir: &Path) -> LazyFolder {
    let name = run_dir.to_owned();
    // The program may change its working directory later.
    let place = std::path::absolute(run_dir).unwrap_or_else(|_| run_dir.to_owned());
    LazyFolder::new(move || {
        name.join(claim(&place).unwrap_or_else(|error| {
            // Whoever puts something into it says so too, and what is missing for that.
            let folder = name.display();
            tracing::debug!(%folder, %error, "cannot make the folder of the run");
            UNNUMBERED.to_owned()
        }))
    })
}

/// The name of the folder of a run where none can be made, for messages to speak of.
const UNNUMBERED: &str = "unnumbered";

/// Makes the folder with the number after the largest, and has `latest` lead to it.
fn claim(runs: &Path) -> io::Result<String> {
    std::fs::create_dir_all(runs)?;
    claim_after(runs, largest(runs)?)
}

/// Makes the folder with the first number after this one that no other run has.
fn claim_after(runs: &Path, mut number: RunNumber) -> io::Result<String> {
    let name = loop {
        number = RunNumber(number.0.saturating_add(1));
        let name = number.to_string();
        match std::fs::create_dir(runs.join(&name)) {
            Ok(()) => break name,
            // Another run was faster.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number.0 < u64::MAX => {}
            Err(error) => return Err(error),
        }
    };
    point_to_latest(runs, &name);
    Ok(name)
}

/// The largest number of a folder; 0 where there is none.
fn largest(runs: &Path) -> io::Result<RunNumber> {
    let mut largest = RunNumber(0);
    for entry in std::fs::read_dir(runs)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(RunNumber::of_folder);
        largest = largest.max(number.unwrap_or(largest));
    }
    Ok(largest)
}

/// Has `latest` lead to this run's folder, in one step, so that it leads to some run at any time.
///
/// That is a convenience: where it cannot be done, nothing is missing.
fn point_to_latest(runs: &Path, name: &str) {
    let link = runs.join(LATEST);
    let known = std::fs::read_link(&link).unwrap_or_else(|_| PathBuf::new());
    let is_newer = known.to_str().and_then(RunNumber::of_folder) > RunNumber::of_folder(name);
    if is_newer && runs.join(known).is_dir() {
        // One that began after this was faster.
        return;
    }
    let new = runs.join(format!(".{LATEST}-{name}"));
    if symlink(name, &new).is_ok() && std::fs::rename(&new, link).is_err() {
        // Something else has that name.
        let _ = std::fs::remove_file(&new);
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
    fn two_runs_differ() {
        assert_ne!(RunId::now().to_string(), RunId::now().to_string());
    }

    #[test]
    fn a_folder_has_its_number_as_it_is_written_and_no_other_way() {
        let folder = |name| RunNumber::of_folder(name).map(|number| number.0);
        assert_eq!(folder("0007"), Some(7));
        assert_eq!(folder("12345"), Some(12_345));
        for name in [
            "", "7", "00007", "+007", "latest", "cache", "0007.old", "٠٠٠٧",
        ] {
            assert_eq!(folder(name), None, "{name}");
        }
        let typed = |text| RunNumber::typed(text).map(|number| number.to_string());
        assert_eq!(typed("7").as_deref(), Some("0007"));
        assert_eq!(typed("00012345").as_deref(), Some("12345"));
        for text in ["", "-7", "+7", "latest", "99999999999999999999"] {
            assert_eq!(typed(text), None, "{text}");
        }
    }

    #[test]
    fn runs_are_numbered_after_the_largest_and_latest_leads_to_the_last() {
        let place = tempfile::tempdir().unwrap();
        let runs = place.path().join("deep/runs");
        let next = || folder(&runs).path();
        assert_eq!(next(), runs.join("0001"));
        std::fs::create_dir(runs.join("9998")).unwrap();
        std::fs::create_dir(runs.join("00010000")).unwrap();
        assert_eq!(next(), runs.join("9999"));
        assert_eq!(next(), runs.join("10000"));
        assert_eq!(next(), runs.join("10001"));
        let latest = std::fs::read_link(runs.join("latest")).unwrap();
        assert_eq!(latest, Path::new("10001"));
        assert!(runs.join("10001").is_dir());
    }

    #[test]
    fn a_number_is_taken_when_the_folder_is_wanted() {
        let place = tempfile::tempdir().unwrap();
        let (one, other) = (folder(place.path()), folder(place.path()));
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
        assert_eq!(other.path(), place.path().join("0001"));
        assert_eq!(one.path(), place.path().join("0002"));
        assert_eq!(other.path(), place.path().join("0001"));
    }

    #[test]
    fn a_number_that_another_run_has_just_taken_is_passed_over() {
        let place = tempfile::tempdir().unwrap();
        let largest = largest(place.path()).unwrap();
        let claim = || claim_after(place.path(), largest).unwrap();
        assert_eq!([claim(), claim(), claim()], ["0001", "0002", "0003"]);
    }

    #[test]
    fn runs_that_begin_at_once_have_numbers_of_their_own() {
        let place = tempfile::tempdir().unwrap();
        let claimed = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| [0; 8].map(|_| claim(place.path()).unwrap())))
                .collect();
            let claimed = threads.into_iter().map(|thread| thread.join().unwrap());
            claimed.flatten().collect::<std::collections::BTreeSet<_>>()
        });
        let all: Vec<_> = (1..=64)
            .map(|number| RunNumber(number).to_string())
            .collect();
        assert_eq!(claimed.into_iter().collect::<Vec<_>>(), all);
    }

    #[test]
    fn a_run_that_was_slower_leaves_the_newest_to_be_the_latest() {
        let place = tempfile::tempdir().unwrap();
        let latest = || std::fs::read_link(place.path().join(LATEST)).unwrap();
        std::fs::create_dir(place.path().join("0008")).unwrap();
        point_to_latest(place.path(), "0008");
        point_to_latest(place.path(), "0007");
        assert_eq!(latest(), Path::new("0008"));
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 2);
        // Somebody has removed it.
        std::fs::remove_dir(place.path().join("0008")).unwrap();
        point_to_latest(place.path(), "0007");
        assert_eq!(latest(), Path::new("0007"));
    }

    #[test]
    fn a_folder_named_latest_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("latest/kept")).unwrap();
        point_to_latest(place.path(), "0001");
        assert!(place.path().join("latest/kept").is_dir());
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_run_whose_folder_cannot_be_made_has_a_path_to_speak_of() {
        let place = tempfile::tempdir().unwrap();
        let runs = place.path().join("runs");
        std::fs::write(&runs, "").unwrap();
        assert_eq!(folder(&runs).path(), runs.join(UNNUMBERED));
    }
}
