//! What this process knows to outlive a power loss, so that it is not made sure of each time.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};

use parking_lot::Mutex;

/// More objects are not remembered; one that is forgotten is only made sure of again.
const MOST: usize = 1 << 14;

/// Names in the folder of objects that were there when the folder above them was synced.
#[derive(Debug, Default)]
pub(super) struct DurableNames {
    folders: Mutex<HashSet<OsString>>,
    /// With the file's number: one that was removed and made anew is another.
    objects: Mutex<HashMap<[u8; 32], u64>>,
}

impl DurableNames {
    pub(super) fn has_folder(&self, name: &OsStr) -> bool {
        self.folders.lock().contains(name)
    }

    pub(super) fn add_folders(&self, names: impl IntoIterator<Item = OsString>) {
        self.folders.lock().extend(names);
    }

    pub(super) fn has_object(&self, hash: &[u8; 32], file: u64) -> bool {
        self.objects.lock().get(hash) == Some(&file)
    }

    pub(super) fn add_object(&self, hash: [u8; 32], file: u64) {
        let mut objects = self.objects.lock();
        if objects.len() >= MOST {
            objects.clear();
        }
        objects.insert(hash, file);
    }
}
