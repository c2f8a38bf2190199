use std::env;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::fs::{StatVfsMountFlags, ioctl_ficlone, statvfs};

use super::identity::OWN_PROGRAM;
use super::{PrivateFolder, ProgramError};
use crate::LazyFolder;
use crate::system::is_written_by_nobody;
use crate::wire::ProgramIdentity;

/// The snapshot of this process's program. What a process runs never changes, so it has one.
static SNAPSHOT: Mutex<Weak<Program>> = Mutex::new(Weak::new());

/// A copy of this process's own program, removed when nobody has it any more.
#[derive(Debug)]
pub struct Program {
    folder: PrivateFolder,
    path: PathBuf,
    identity: ProgramIdentity,
    hash: blake3::Hash,
}

impl Program {
    /// The copy that all of this process share, made if there is none.
    ///
    /// It is put in the temporary folder, or in `other` if no program can be started from there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn of_this_process(other: &LazyFolder) -> Result<Arc<Self>, ProgramError> {
        // Held while the copy is made: whoever else wants it waits for this one.
        let mut snapshot = SNAPSHOT.lock();
        if let Some(program) = snapshot.upgrade() {
            return Ok(program);
        }
        let parent = parent(&env::temp_dir(), || other.path(), is_executable_from)?;
        let program = Self::copy(Path::new(OWN_PROGRAM), &own_name(), &parent)?;
        let program = Arc::new(program);
        *snapshot = Arc::downgrade(&program);
        Ok(program)
    }

    /// A copy of this process's program for processes of other machines, in a private folder in
    /// `parent`, which they see too.
    ///
    /// # Errors
    /// It cannot be made, or could not be started from there.
    pub fn copy_into(parent: &Path) -> Result<Self, ProgramError> {
        let parent = self::parent(parent, || parent.to_owned(), is_executable_from)?;
        Self::copy(Path::new(OWN_PROGRAM), &own_name(), &parent)
    }

    /// Copies this process's program to a file that stays.
    ///
    /// Nothing has that name before the copy is whole.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn keep_copy(path: &Path) -> Result<(), ProgramError> {
        let new = path.with_extension("new");
        let copied = copy(Path::new(OWN_PROGRAM), &new);
        let kept = copied.and_then(|_hash| std::fs::rename(&new, path));
        kept.map_err(|source| ProgramError::Copy {
            copy: path.to_owned(),
            source,
        })
    }

    /// Copies a program into a private folder in `parent`.
    fn copy(program: &Path, name: &str, parent: &Path) -> Result<Self, ProgramError> {
        let folder = PrivateFolder::new_in(parent)?;
        let unnamed = folder.join("program");
        let copied = || {
            let hash = copy(program, &unnamed)?;
            // The name shows in lists of processes, where the beginning matters.
            let path = folder.join(format!("{name}-{}", &hash.to_hex()[..16]));
            std::fs::rename(&unnamed, &path)?;
            let file = File::open(&path)?;
            wait_for_writers(&file);
            Ok((hash, path, ProgramIdentity::of(&file.metadata()?)))
        };
        match copied() {
            Ok((hash, path, identity)) => Ok(Self {
                folder,
                path,
                identity,
                hash,
            }),
            Err(source) => Err(ProgramError::Copy {
                copy: unnamed,
                source,
            }),
        }
    }

    /// Where it is: a full path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder it is in, which holds nothing else.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What a process reports that was started from it.
    #[must_use]
    pub fn identity(&self) -> ProgramIdentity {
        self.identity
    }

    /// The BLAKE3 hash of its content.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        *self.hash.as_bytes()
    }
}

/// The name of this process's program.
fn own_name() -> String {
    let name = env::current_exe().unwrap_or_default();
    let name = name.file_name().unwrap_or("program".as_ref());
    name.to_string_lossy().into_owned()
}

/// The folder of the two from which programs can be started.
fn parent(
    temporary: &Path,
    other: impl FnOnce() -> PathBuf,
    is_executable_from: impl Fn(&Path) -> bool,
) -> Result<PathBuf, ProgramError> {
    let temporary = temporary.to_owned();
    if is_executable_from(&temporary) {
        return Ok(temporary);
    }
    let other = other();
    if is_executable_from(&other) {
        return Ok(other);
    }
    Err(ProgramError::NoExec { temporary, other })
}

/// Whether the file system of a folder, or of where it is to be made, lets programs be started.
fn is_executable_from(folder: &Path) -> bool {
    folder
        .ancestors()
        .map(|folder| {
            if folder == Path::new("") {
                Path::new(".")
            } else {
                folder
            }
        })
        .find_map(|folder| statvfs(folder).ok())
        .is_none_or(|system| !system.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

/// Copies a program, and tells the hash of its content.
fn copy(from: &Path, to: &Path) -> io::Result<blake3::Hash> {
    let source = File::open(from)?;
    let mut options = OpenOptions::new();
    let copy = options.write(true).create_new(true).mode(0o500).open(to)?;
    // Side by side, since each takes milliseconds, which the first task waits for.
    let hash = thread::scope(|scope| {
        let hash = thread::Builder::new().spawn_scoped(scope, || hash(from));
        if ioctl_ficlone(&copy, &source).is_err() {
            io::copy(&mut &source, &mut &copy)?;
        }
        match hash.map(ScopedJoinHandle::join) {
            Ok(Ok(hash)) => hash,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_no_thread) => self::hash(from),
        }
    })?;
    // Whatever the umask left of it.
    copy.set_permissions(Permissions::from_mode(0o500))?;
    Ok(hash)
}

fn hash(file: &Path) -> io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(file)?)?;
    Ok(hasher.finalize())
}

/// Waits until no other process has the file open for writing, which lasts as long as a program
/// takes to be started that was just being started when the file was written.
fn wait_for_writers(file: &File) {
    const PATIENCE: Duration = Duration::from_secs(2);
    const TICK: Duration = Duration::from_millis(1);
    let begun = Instant::now();
    while !is_written_by_nobody(file) && begun.elapsed() < PATIENCE {
        thread::sleep(TICK);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    fn place() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn executable(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn all_of_a_process_share_one_copy_of_its_program() {
        let place = place();
        let one = Program::of_this_process(&LazyFolder::at(place.path().to_owned())).unwrap();
        let other = Program::of_this_process(&LazyFolder::at(place.path().to_owned())).unwrap();
        assert!(Arc::ptr_eq(&one, &other));
        let original = fs::read(OWN_PROGRAM).unwrap();
        assert_eq!(one.hash(), *blake3::hash(&original).as_bytes());
        assert_eq!(fs::read(one.path()).unwrap(), original);
        assert_eq!(
            one.identity(),
            ProgramIdentity::of_file(one.path()).unwrap()
        );
        assert_ne!(one.identity(), ProgramIdentity::of_this_process().unwrap());
        let mode = fs::metadata(one.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o500);
    }

    #[test]
    fn a_copy_stays_what_it_is_whatever_becomes_of_the_original() {
        let place = place();
        let original = place.path().join("original");
        executable(&original, "#!/bin/sh\necho first\n");
        let program = Program::copy(&original, "name", place.path()).unwrap();
        // As a linker does that writes into the file that is there.
        fs::write(&original, "#!/bin/sh\necho second\n").unwrap();
        let output = Command::new(program.path()).output().unwrap();
        assert_eq!(output.stdout, b"first\n");
        assert!(
            program
                .path()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("name-")
        );
        let path = program.path().to_owned();
        drop(program);
        assert!(!path.exists());
    }

    #[test]
    fn a_program_is_put_where_it_can_be_started() {
        let (temporary, other) = (Path::new("/t"), Path::new("/o"));
        assert_eq!(
            parent(temporary, || other.to_owned(), |_| true).unwrap(),
            temporary
        );
        assert_eq!(
            parent(temporary, || other.to_owned(), |folder| folder == other).unwrap(),
            other
        );
        let error = parent(temporary, || other.to_owned(), |_| false)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`/t` or from `/o`") && error.contains("TMPDIR"),
            "{error}"
        );
    }

    #[test]
    fn a_mount_without_programs_is_seen_from_below() {
        assert!(is_executable_from(Path::new("not/yet/there")));
        // Where there is no such mount there is nothing to see.
        let mounts = fs::read_to_string("/proc/mounts").unwrap();
        let noexec = mounts
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>());
        let noexec = noexec.filter(|fields| fields[3].split(',').any(|option| option == "noexec"));
        for fields in noexec {
            let folder = Path::new(fields[1]);
            if statvfs(folder).is_ok() {
                assert!(!is_executable_from(&folder.join("not/there")), "{fields:?}");
            }
        }
    }
}
