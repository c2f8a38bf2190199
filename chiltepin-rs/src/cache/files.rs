//! The files that are part of a command's result: its declared outputs and what it wrote to stdout
//! and stderr, where that goes to files.

use std::io;
use std::path::Path;

use super::recipe::FILES;
use super::{Argument, Output, Store};
use crate::file::FileHashes;
use crate::task::Header;

/// The names of the files as one more argument: a call that declares others has another result.
pub(super) fn as_argument(header: &Header) -> Option<Argument> {
    let files = header.kept_files(Path::new(""));
    if files.is_empty() {
        return None;
    }
    let mut hasher = blake3::Hasher::new();
    for (name, _) in files {
        let name = name.as_os_str().as_encoded_bytes();
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name);
    }
    Some(Argument {
        name: FILES.to_owned(),
        digest: *hasher.finalize().as_bytes(),
    })
}

/// Keeps the files of a call that has run well in `directory`, each under its name.
pub(super) fn put(store: &Store, header: &Header, directory: &Path) -> io::Result<Vec<Output>> {
    let files = header.kept_files(directory).into_iter();
    files
        .map(|(name, path)| {
            let output = store.put_file(&path).map_err(|error| {
                let path = path.display();
                io::Error::new(error.kind(), format!("cannot keep `{path}`: {error}"))
            })?;
            Ok(Output {
                path: name,
                ..output
            })
        })
        .collect()
}

/// Puts the files where this call has them that works in `directory`, unless they are there and equal. False if one cannot be:
/// the result is to be worked out again.
pub(super) fn put_back(
    store: &Store,
    hashes: &FileHashes,
    header: &Header,
    directory: &Path,
    outputs: &[Output],
) -> bool {
    let files = header.kept_files(directory);
    files.len() == outputs.len()
        && outputs.iter().all(|output| {
            let path = files.iter().find(|(name, _)| *name == output.path);
            path.is_some_and(|(_, path)| is_back(store, hashes, output, path))
        })
}

fn is_back(store: &Store, hashes: &FileHashes, output: &Output, path: &Path) -> bool {
    let is_equal = |path: &Path| {
        let metadata = std::fs::metadata(path);
        metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() == output.size)
            && hashes.digest(path).is_ok_and(|hash| hash == output.hash)
    };
    if is_equal(path) {
        return true;
    }
    if let Some(folder) = path.parent()
        && let Err(error) = std::fs::create_dir_all(folder)
    {
        tracing::warn!(folder = %folder.display(), %error, "cannot make the folder of a result");
        return false;
    }
    match store.restore(output, path) {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(%error, "a file of a cached result is worked out again");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bash_task;

    #[bash_task]
    fn list() -> String {
        "ls".to_owned()
    }

    #[test]
    fn a_commands_outputs_are_in_its_directory_and_what_it_says_is_where_the_driver_is() {
        let call = list()
            .outputs(["made", "/tmp/absolute"])
            .stdout("said")
            .stderr(crate::Capture::append("complained"));
        let files = call.into_task().header().kept_files(Path::new("/work"));
        let files: Vec<_> = files
            .iter()
            .map(|(name, path)| (name.to_str().unwrap(), path.to_str().unwrap()))
            .collect();
        assert_eq!(
            files,
            [
                ("made", "/work/made"),
                ("/tmp/absolute", "/tmp/absolute"),
                ("<stdout>", "said"),
            ]
        );
    }
}
