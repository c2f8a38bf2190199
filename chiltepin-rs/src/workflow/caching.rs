//! Where a workflow's results outlive it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cache::{CacheSettings, CachedResults, StoreSettings};
use crate::config::{CacheFolder, WorkflowSettings};
use crate::driver::Results;
use crate::environment;
use crate::run::RunId;

/// The folder in which results are kept, if anywhere.
pub(crate) fn folder(settings: &WorkflowSettings) -> Option<PathBuf> {
    match &settings.cache {
        None => Some(settings.run_dir.join("cache")),
        Some(CacheFolder::At(folder)) => Some(folder.clone()),
        Some(CacheFolder::Off) => None,
    }
}

/// Where the index of a cache is: with the cache, where that is on a disk of this machine, else
/// where the user's caches are.
pub(crate) fn index_folder(cache: &Path) -> PathBuf {
    let with_it = || cache.join("index");
    if is_on_network(cache) {
        environment::cache_folder().unwrap_or_else(with_it)
    } else {
        with_it()
    }
}

/// Whether the folder, or the nearest one above it that is there, is on a file system that other
/// machines share, as far as its kind tells.
fn is_on_network(folder: &Path) -> bool {
    // As in Linux's `statfs(2)`, and for the last three in the headers of those file systems.
    const SHARED: [u32; 9] = [
        0x6969,      // NFS
        0xff53_4d42, // CIFS
        0xfe53_4d42, // SMB2
        0x00c3_6400, // Ceph
        0x0102_1997, // 9P
        0x6573_5546, // FUSE, of which many are
        0x0bd0_0bd0, // Lustre
        0x4750_4653, // GPFS
        0x1983_0326, // BeeGFS
    ];
    let kind = folder
        .ancestors()
        .find_map(|folder| rustix::fs::statfs(folder).ok());
    kind.is_some_and(|kind| {
        // The kernel gives 32 bits, in a number that is signed on some machines.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the kinds have 32 bits"
        )]
        let kind = kind.f_type as u32;
        SHARED.contains(&kind)
    })
}

/// What looks for results and keeps them. Nothing is opened or made before a cached task runs.
pub(super) fn results(settings: &WorkflowSettings, run: RunId) -> Option<Arc<dyn Results>> {
    let folder = folder(settings)?;
    // The program may change its working directory later.
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let index_folder = index_folder(&folder);
    Some(Arc::new(CachedResults::new(CacheSettings {
        store: StoreSettings::new(folder, index_folder),
        mode: settings.cache_mode,
        run: run.to_string(),
    })))
}
