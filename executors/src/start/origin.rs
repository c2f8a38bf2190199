use std::ffi::OsString;

use parking_lot::Mutex;

use super::StartError;

/// How this program is started so that it comes to where it [enters](super::enter).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Its `main` enters, whatever the arguments.
    Main,
    /// One of its tests does.
    Test {
        /// The test's name, as `module::function`.
        path: String,
    },
}

static ORIGIN: Mutex<Option<Origin>> = Mutex::new(None);

impl Origin {
    /// The test with this full path, as `crate::module::function`.
    #[must_use]
    pub fn test(path: &str) -> Self {
        // The test harness leaves the crate out.
        let path = path.split_once("::").map_or(path, |(_crate, path)| path);
        Self::Test {
            path: path.to_owned(),
        }
    }

    /// The arguments to start the program with.
    #[must_use]
    pub fn arguments(&self) -> Vec<OsString> {
        match self {
            Self::Main => Vec::new(),
            Self::Test { path } => [
                "--exact",
                path,
                "--nocapture",
                "--test-threads=1",
                "--include-ignored",
            ]
            .map(OsString::from)
            .to_vec(),
        }
    }
}

/// How this program was started, if it has [entered](super::enter).
///
/// # Errors
/// It has not; the error says how to.
pub fn origin() -> Result<Origin, StartError> {
    ORIGIN.lock().clone().ok_or(StartError::NeverEntered)
}

/// The first one stays, unless `main` comes: any of the tests will do.
pub(super) fn note(origin: Origin) {
    let mut noted = ORIGIN.lock();
    if noted.is_none() || origin == Origin::Main {
        *noted = Some(origin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_named_without_its_crate() {
        let named = |path: &str| Origin::Test {
            path: path.to_owned(),
        };
        assert_eq!(
            Origin::test("behaviour::programs::runs"),
            named("programs::runs")
        );
        assert_eq!(Origin::test("behaviour::runs"), named("runs"));
        assert_eq!(
            Origin::test("a::b").arguments()[..2],
            ["--exact", "b"].map(OsString::from)
        );
        assert!(Origin::Main.arguments().is_empty());
    }

    #[test]
    fn a_program_that_never_entered_is_told_how_to() {
        // None of these unit tests enters.
        let error = origin().unwrap_err().to_string();
        assert!(
            error.contains("put `chiltepin::init();` first in `main`"),
            "{error}"
        );
    }
}
