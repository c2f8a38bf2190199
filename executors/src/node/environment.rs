//! The shell script that runs an executor's environment lines and then becomes the spawner.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::command::quoted;
use crate::environment_lines;
use crate::start::START_VARIABLE;

/// What the shell becomes when all lines have run.
pub(super) struct Goal<'a> {
    /// The program and its arguments.
    pub(super) words: &'a [OsString],
    /// The claim it is to take.
    pub(super) claim: &'a Path,
    /// The file that tells which line is running.
    pub(super) progress: &'a Path,
    /// What is to be removed if the driver is killed meanwhile.
    pub(super) folders: [&'a Path; 2],
}

/// Lines read nothing, and what they print goes where their errors go.
const STREAMS: &str = "exec 9<&0 </dev/null >&2\n";

/// Writes the script.
pub(super) fn script(lines: &[String], goal: &Goal<'_>) -> OsString {
    let mut text = OsString::from(STREAMS);
    text.push(guard(goal.folders));
    let set = |text: &mut OsString, name: &str, value: &OsStr| {
        text.push(format!("{name}="));
        text.push(quoted(value));
        text.push("\n");
    };
    set(&mut text, "__chiltepin_progress", goal.progress.as_os_str());
    text.push(environment_lines::modules(lines));
    for (index, line) in lines.iter().enumerate() {
        let number = index + 1;
        text.push(format!("printf %s {number} >|\"$__chiltepin_progress\"\n"));
        text.push(environment_lines::evaluated(line));
    }
    text.push("printf '' >|\"$__chiltepin_progress\"\n");
    text.push("exec 9<&-; unset __chiltepin_progress __chiltepin_code\n");
    set(
        &mut text,
        &format!("export {START_VARIABLE}"),
        goal.claim.as_os_str(),
    );
    text.push("exec");
    for word in goal.words {
        text.push(" ");
        text.push(quoted(word));
    }
    text.push(" >/dev/null");
    text
}

/// A process that ends the shell with all it has started when the driver is gone: a line may wait
/// for something that never comes.
///
/// It sees that by the end of what the driver gave the shell as stdin. A driver that lives says a
/// line there once all is well, or kills the guard with the shell. It is no child of the shell,
/// lest a line that waits for all children wait for it.
fn guard(folders: [&Path; 2]) -> OsString {
    let mut remove = OsString::from("rm -rf --");
    for folder in folders {
        remove.push(" ");
        remove.push(quoted(folder.as_os_str()));
    }
    let mut text = OsString::from("( { read -r -u 9 _ || { ");
    // The shell may be writing its progress there at this moment, and then it is not empty.
    for _ in 0..3 {
        text.push(&remove);
        text.push(" || ");
    }
    text.push("true; kill -KILL 0; }; } >/dev/null 2>&1 & )\n");
    text
}

/// What the file tells of the line that was running: its number from 1 and the line.
pub(super) fn line_of<'a>(lines: &'a [String], progress: &[u8]) -> Option<(usize, &'a str)> {
    let number: usize = str::from_utf8(progress).ok()?.trim().parse().ok()?;
    Some((number, lines.get(number.checked_sub(1)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_line_is_told_by_its_number() {
        let lines = ["one".to_owned(), "two".to_owned()];
        assert_eq!(line_of(&lines, b"2"), Some((2, "two")));
        for progress in [&b""[..], b"0", b"3", b"x", b"-1"] {
            assert_eq!(line_of(&lines, progress), None);
        }
    }

    #[test]
    fn quotes_in_a_line_and_in_a_path_stay_what_they_are() {
        let goal = Goal {
            words: &["/it's/program".into(), "--exact".into()],
            claim: Path::new("/c"),
            progress: Path::new("/p"),
            folders: [Path::new("/f"), Path::new("/g")],
        };
        let script = script(&["export X='a b'".to_owned()], &goal);
        let script = script.to_string_lossy();
        assert!(script.contains(r"eval 'export X='\''a b'\'''"), "{script}");
        assert!(
            script.ends_with(r"exec '/it'\''s/program' '--exact' >/dev/null"),
            "{script}"
        );
        assert!(script.contains("export CHILTEPIN_START='/c'\n"), "{script}");
    }
}
