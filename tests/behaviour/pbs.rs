//! What speaks as PBS Pro does, from `tests/pbs/pbs.sh`: no package of the real one is to be had.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chiltepin_executors::provider::Commands;
use tempfile::TempDir;

/// A folder with PBS's commands, for the beginning of `PATH`.
pub(crate) struct FakePbs {
    folder: TempDir,
}

impl FakePbs {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("pbs/pbs.sh");
        for name in ["qsub", "qstat", "qselect", "qdel", "pbsdsh"] {
            symlink(&script, folder.path().join(name)).unwrap();
        }
        fs::create_dir(folder.path().join("spool")).unwrap();
        Self { folder }
    }

    /// Has every job wait, for this reason.
    pub(crate) fn fill(&self, reason: &str) {
        fs::write(self.spool("full"), reason).unwrap();
    }

    /// Has no server answer, or one again.
    pub(crate) fn set_reachable(&self, reachable: bool) {
        let file = self.spool("unreachable");
        if reachable {
            fs::remove_file(file).unwrap();
        } else {
            fs::write(file, "").unwrap();
        }
    }

    fn spool(&self, name: &str) -> PathBuf {
        self.folder.path().join("spool").join(name)
    }

    /// `PATH` with the commands before all others.
    pub(crate) fn path(&self) -> OsString {
        let mut path = self.folder.path().as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        path
    }

    /// The commands for a provider.
    pub(crate) fn commands(&self) -> Commands {
        let own = std::env::vars_os().filter(|(name, _)| name != "PATH");
        let path = ("PATH".into(), self.path());
        Commands::new(own.chain([path]), Duration::from_secs(30))
    }
}
