use std::fs::File;
use std::os::fd::AsRawFd;

/// Whether no process has this file, which was opened for reading, open for writing.
///
/// A program that is open for writing somewhere cannot be started. Whoever wrote it has closed it,
/// but a process that another thread was just starting may hold copies of all descriptors until
/// its own program begins. Where the file system knows no leases this answers yes.
#[cfg(target_os = "linux")]
pub(crate) fn is_written_by_nobody(file: &File) -> bool {
    // SAFETY: the descriptor is open as long as `file` is borrowed, and these commands take a
    // number and touch no memory of this process.
    let lease =
        |kind: libc::c_int| unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) };
    if lease(libc::F_RDLCK) == 0 {
        lease(libc::F_UNLCK);
        return true;
    }
    std::io::Error::last_os_error().raw_os_error() != Some(libc::EAGAIN)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_written_by_nobody(_file: &File) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_is_noticed_until_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let writer = File::create(&path).unwrap();
        let reader = File::open(&path).unwrap();
        assert!(!is_written_by_nobody(&reader));
        drop(writer);
        assert!(is_written_by_nobody(&reader));
    }
}
