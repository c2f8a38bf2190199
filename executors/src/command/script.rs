//! How a script gets to bash: as an argument, or by a file.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use tempfile::TempPath;

use super::failure::{invalid, system};
use crate::Failure;

/// The longest script that is given as an argument. The system takes 128 KiB for one argument.
const LONGEST_ARGUMENT: usize = 100 << 10;

/// What to hand to `bash -c`.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) argument: OsString,
    /// The file a long script was written to, removed when this is dropped.
    _file: Option<TempPath>,
}

impl Script {
    /// That of a process which runs none.
    pub(super) fn none() -> Self {
        Self {
            argument: OsString::new(),
            _file: None,
        }
    }
}

/// Makes the argument for `bash -c`; a long script is written to a file in `folder`.
pub(super) fn carry(script: &str, folder: &Path) -> Result<Script, Failure> {
    if let Some(position) = script.find('\0') {
        let line = script[..position].matches('\n').count() + 1;
        return Err(invalid(format!(
            "the script contains a NUL byte in line {line}, which no shell can take; \
             pass binary data in a file, or write it as `\\0` to a program that knows escapes"
        )));
    }
    if script.len() <= LONGEST_ARGUMENT {
        return Ok(Script {
            argument: script.into(),
            _file: None,
        });
    }
    let file = write(script, folder).map_err(|error| {
        system(
            format!("write the script to a file in `{}`", folder.display()),
            error,
        )
    })?;
    Ok(Script {
        argument: read_from(&file),
        _file: Some(file),
    })
}

fn write(script: &str, folder: &Path) -> std::io::Result<TempPath> {
    let mut file = tempfile::Builder::new()
        .prefix("chiltepin-")
        .suffix(".sh")
        .tempfile_in(folder)?;
    file.write_all(script.as_bytes())?;
    Ok(file.into_temp_path())
}

/// The script that reads another one.
///
/// Bash takes in a file that is sourced as a whole before it runs the first line, and `$0` and
/// `$#` stay what they are for a short script. Of `bash FILE` neither is true.
fn read_from(file: &Path) -> OsString {
    let mut script = b". ".to_vec();
    script.extend(quoted(file.as_os_str()).into_vec());
    OsString::from_vec(script)
}

/// A word that the shell takes as it is.
pub(crate) fn quoted(word: &OsStr) -> OsString {
    let mut quoted = vec![b'\''];
    for &byte in word.as_bytes() {
        if byte == b'\'' {
            quoted.extend(br"'\''");
        } else {
            quoted.push(byte);
        }
    }
    quoted.push(b'\'');
    OsString::from_vec(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FailureKind;

    #[test]
    fn a_script_is_an_argument_up_to_100_kib() {
        let folder = tempfile::tempdir().unwrap();
        let longest = "x".repeat(LONGEST_ARGUMENT);
        assert_eq!(
            carry(&longest, folder.path()).unwrap().argument,
            OsStr::new(&longest)
        );
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn a_longer_script_goes_by_a_file_that_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let text = "x".repeat(LONGEST_ARGUMENT + 1);
        let script = carry(&text, folder.path()).unwrap();
        let file = folder
            .path()
            .read_dir()
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        assert_eq!(
            script.argument,
            OsString::from(format!(". '{}'", file.display()))
        );
        drop(script);
        assert!(!file.exists());
    }

    #[test]
    fn a_quote_in_the_path_of_the_file_is_escaped() {
        assert_eq!(
            read_from(Path::new("/it's/x")),
            OsStr::new(r". '/it'\''s/x'")
        );
    }

    #[test]
    fn a_nul_byte_is_refused_with_its_line() {
        let failure = carry("true\necho \0", Path::new("/")).unwrap_err();
        assert!(!failure.retryable);
        let FailureKind::Invalid { reason } = failure.kind else {
            panic!("{failure:?}")
        };
        assert!(
            reason.starts_with("the script contains a NUL byte in line 2"),
            "{reason}"
        );
    }
}
