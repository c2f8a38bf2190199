use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// As many lines as tell what went wrong, and no more than fit an error message.
const MOST_LINES: usize = 20;

const MOST_BYTES: u64 = 8 << 10;

/// The last lines of a file, as text; nothing if it is not there.
pub(super) fn last_lines(file: &Path) -> io::Result<String> {
    let mut file = match File::open(file) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let from = length.saturating_sub(MOST_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<_> = text.lines().collect();
    if from > 0 && lines.len() > 1 {
        // It is not known where it begins.
        lines.remove(0);
    }
    let first = lines.len().saturating_sub(MOST_LINES);
    Ok(lines[first..].join("\n"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn of(text: &[u8]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("output");
        fs::write(&file, text).unwrap();
        last_lines(&file).unwrap()
    }

    #[test]
    fn the_last_lines_are_given_and_never_many_bytes() {
        assert_eq!(of(b"one\ntwo\n"), "one\ntwo");
        let many: String = (0..1000).map(|line| format!("line {line}\n")).collect();
        let lines = of(many.as_bytes());
        assert_eq!(lines.lines().count(), MOST_LINES);
        assert!(lines.starts_with("line 980\n") && lines.ends_with("line 999"));
        assert!(of(&vec![b'x'; 100_000]).len() <= 8 << 10);
        assert_eq!(of(b"caf\xe9"), "caf\u{fffd}");
    }

    #[test]
    fn nothing_is_given_of_a_file_that_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(last_lines(&folder.path().join("no")).unwrap(), "");
    }
}
