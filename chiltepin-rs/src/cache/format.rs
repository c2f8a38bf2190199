//! The file that says which format a cache has.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::error::OpenError;

/// What the file says; another line is another format.
pub(super) const FORMAT: &str = "chiltepin cache 1";

/// What the content of a format file means.
fn found(content: &[u8]) -> Result<(), String> {
    let line = String::from_utf8_lossy(content);
    let line = line.trim_end();
    if line == FORMAT {
        return Ok(());
    }
    // A person reads it: never more than a line.
    let first = line.lines().next().unwrap_or_default();
    Err(first.chars().take(80).collect())
}

/// Checks the folder's format, or begins a cache in an empty or new folder.
///
/// The inner error is that of a folder that cannot be written to, which holds nothing yet.
pub(super) fn check_or_begin(folder: &Path) -> Result<Result<(), io::Error>, OpenError> {
    let file = folder.join("format");
    let unreadable = |source| OpenError::Unreadable {
        folder: folder.to_path_buf(),
        source,
    };
    match fs::read(&file) {
        Ok(content) => {
            return found(&content)
                .map(Ok)
                .map_err(|found| OpenError::OtherFormat {
                    folder: folder.to_path_buf(),
                    found,
                    expected: FORMAT,
                });
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(Err(error)),
        Err(error) => return Err(unreadable(error)),
    }
    match fs::read_dir(folder) {
        // A driver that begins the cache at this moment has made at most a temporary file.
        Ok(entries) => {
            for entry in entries {
                let entry = entry.map_err(unreadable)?;
                let name = entry.file_name();
                if !name.as_encoded_bytes().starts_with(b".tmp") && name != "format" {
                    if file.exists() {
                        // Another driver has begun the cache since.
                        return check_or_begin(folder);
                    }
                    return Err(OpenError::NotACache {
                        folder: folder.to_path_buf(),
                    });
                }
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Ok(Err(error)),
    }
    Ok(begin(folder))
}

fn begin(folder: &Path) -> io::Result<()> {
    super::publish::make_folder(folder)?;
    super::publish::write(&folder.join("format"), format!("{FORMAT}\n").as_bytes())
}
