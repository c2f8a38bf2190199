//! Files that are none: pipes, devices and folders.

use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::time::Instant;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::super::error::RestoreError;
use super::*;

#[test]
fn a_pipe_a_device_and_a_folder_are_not_kept_and_nothing_waits() {
    let place = Place::new();
    let store = place.open();
    let pipe = place.folder.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let link = place.folder.path().join("link");
    symlink(&pipe, &link).unwrap();
    let start = Instant::now();
    let (told, kept) = mpsc::channel();
    let folder = place.folder.path().to_path_buf();
    let paths = [pipe, link, folder, PathBuf::from("/dev/null")];
    // On another thread: what opens a pipe may never come back.
    std::thread::spawn(move || {
        for path in paths {
            let result = store.put_file(&path).map_err(|error| error.to_string());
            let _ = told.send((path, result));
        }
    });
    for _ in 0..4 {
        let (path, result) = kept.recv_timeout(Duration::from_secs(10)).unwrap();
        let error = result.unwrap_err();
        assert!(error.contains("regular"), "{}: {error}", path.display());
    }
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(place.objects().len(), 0);
}

#[test]
fn what_is_no_regular_file_is_not_replaced() {
    let place = Place::new();
    let store = place.open();
    let file = place.folder.path().join("file");
    fs::write(&file, b"kept").unwrap();
    let output = store.put_file(&file).unwrap();
    let pipe = place.folder.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let link = place.folder.path().join("link");
    symlink("/dev/null", &link).unwrap();
    for path in [pipe.as_path(), &link, place.folder.path()] {
        let error = store.restore(&output, path).unwrap_err();
        assert!(matches!(&error, RestoreError::NotAFile { path: at } if at == path));
    }
    let kind = |path: &Path| fs::symlink_metadata(path).unwrap().file_type();
    assert!(kind(&pipe).is_fifo());
    assert!(kind(&link).is_symlink());
    fs::write(&file, b"changed").unwrap();
    store.restore(&output, &file).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"kept");
}
