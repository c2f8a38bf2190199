use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU64;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The numbers in a page.
pub(crate) const NUMBERS: usize = SIZE / size_of::<u64>();

const SIZE: usize = 4096;

/// A page of numbers that a worker writes and the pool reads, also when the worker is gone: a
/// store costs nothing, and a process that is killed has no time for more.
pub(crate) struct Page {
    address: NonNull<AtomicU64>,
}

// SAFETY: the mapping is shared memory of atomics, valid from any thread until it is dropped.
unsafe impl Send for Page {}
// SAFETY: as above; only atomics are handed out.
unsafe impl Sync for Page {}

impl Page {
    /// Makes the file of a page, all zeros.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.set_len(SIZE as u64)?;
        Self::map(&file)
    }

    /// Opens the file of a page that another process has made.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        if file.metadata()?.len() < SIZE as u64 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file is shorter than a page",
            ));
        }
        Self::map(&file)
    }

    fn map(file: &File) -> io::Result<Self> {
        // SAFETY: the kernel chooses the address, so no other mapping is replaced. The file is at
        // least `SIZE` long; it is made by this project alone in a private folder, and nobody
        // shortens it.
        let address = unsafe {
            mmap(
                ptr::null_mut(),
                SIZE,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                file,
                0,
            )?
        };
        let address = NonNull::new(address.cast())
            .ok_or_else(|| io::Error::other("a mapping at address zero"))?;
        Ok(Self { address })
    }

    /// The numbers.
    pub(crate) fn numbers(&self) -> &[AtomicU64; NUMBERS] {
        // SAFETY: the mapping is `SIZE` long, aligned to a page, zeroed when made, and lives as
        // long as `self`; whoever else has it mapped uses atomics too.
        unsafe { self.address.cast().as_ref() }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `map` with this size, and nothing borrows it any more.
        let _ = unsafe { munmap(self.address.as_ptr().cast(), SIZE) };
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Page")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn what_one_writes_the_other_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        let one = Page::create(&path).unwrap();
        let other = Page::open(&path).unwrap();
        one.numbers()[NUMBERS - 1].store(7, Ordering::Release);
        assert_eq!(other.numbers()[NUMBERS - 1].load(Ordering::Acquire), 7);
        drop(one);
        assert_eq!(other.numbers()[NUMBERS - 1].load(Ordering::Acquire), 7);
        assert!(Page::create(&path).is_err());
    }

    #[test]
    fn a_short_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        std::fs::write(&path, "short").unwrap();
        assert!(Page::open(&path).is_err());
    }
}
