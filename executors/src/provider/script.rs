//! What the scripts of all batch systems have in common.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use super::{BatchSettings, BlockRequest, ProviderError};
use crate::command::quoted;
use crate::environment_lines;
use crate::start::START_VARIABLE;

/// When the block began, in seconds since 1970 by the clock of its first node.
pub const STARTED_VARIABLE: &str = "CHILTEPIN_BLOCK_STARTED";

/// Tells which line was running when the script ended before its time.
const TRAP: &str = r#"trap '__chiltepin_code=$?; [ -z "$__chiltepin_line" ] ||
echo "chiltepin: environment line $__chiltepin_line ended the block with exit code $__chiltepin_code" >&2' EXIT
"#;

/// A script on its way to be written. Its lines hold paths, which need not be UTF-8.
pub(super) struct Script(OsString);

impl Script {
    pub(super) fn new() -> Self {
        Self("#!/bin/bash\n".into())
    }

    /// Adds a text as it is.
    pub(super) fn push(&mut self, text: impl AsRef<OsStr>) {
        self.0.push(text);
    }

    /// Adds the environment lines. What they start must not take itself for an agent, and the
    /// message of one that fails tells its number and text.
    pub(super) fn environment(&mut self, lines: &[String]) {
        self.push(format!("unset {START_VARIABLE}\n"));
        if lines.is_empty() {
            return;
        }
        self.push("\n__chiltepin_line=\n");
        self.push(TRAP);
        self.push(environment_lines::modules(lines));
        for (index, line) in lines.iter().enumerate() {
            self.push("__chiltepin_line=");
            self.push(quoted(OsStr::new(&format!("{}, `{line}`,", index + 1))));
            self.push("\n");
            self.push(environment_lines::evaluated(line));
        }
        self.push("trap - EXIT; unset __chiltepin_line __chiltepin_code\n\n");
    }

    /// Becomes the agent, or what starts the agents.
    pub(super) fn agent(&mut self, launcher: &[&str], prefix: &[String], request: &BlockRequest) {
        self.push(format!("export {START_VARIABLE}="));
        self.push(word(request.claim.as_os_str()));
        self.push("\nexec");
        for part in launcher {
            self.push(" ");
            self.push(word(OsStr::new(part)));
        }
        let words = prefix.iter().map(OsStr::new);
        let words = words.chain([request.program.as_os_str()]);
        for part in words.chain(request.arguments.iter().map(OsString::as_os_str)) {
            self.push(" ");
            self.push(word(part));
        }
        self.push("\n");
    }

    /// As it is shown.
    pub(super) fn into_text(self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    /// Writes it to a file that nobody else can read, in place of one that is there.
    pub(super) fn write(&self, path: &Path) -> Result<(), ProviderError> {
        let write = || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            options.open(path)?.write_all(self.0.as_bytes())
        };
        write().map_err(|error: io::Error| ProviderError::System {
            action: format!("write the batch script `{}`", path.display()),
            message: error.to_string(),
        })
    }
}

/// Checks that nothing of a block breaks out of its line in the head of a script.
pub(super) fn check(
    command: &str,
    settings: &BatchSettings,
    request: &BlockRequest,
) -> Result<(), ProviderError> {
    let refused = |message: String| ProviderError::Refused {
        command: command.to_owned(),
        message,
    };
    let texts = [
        Some(OsStr::new(&request.name)),
        Some(request.output.as_os_str()),
        Some(settings.directory.as_os_str()),
        settings.partition.as_deref().map(OsStr::new),
        settings.queue.as_deref().map(OsStr::new),
        settings.account.as_deref().map(OsStr::new),
    ];
    let options = settings.scheduler_options.iter().map(OsStr::new);
    for text in texts.into_iter().flatten().chain(options) {
        let breaks = |byte: &u8| matches!(byte, b'\n' | b'\r' | 0);
        if text.as_bytes().iter().any(breaks) {
            return Err(refused(format!(
                "{text:?} contains a line break, which the head of a batch script cannot; \
                 choose another name or folder"
            )));
        }
    }
    let mut lines = settings.environment.iter().enumerate();
    if let Some((index, _)) = lines.find(|(_, line)| environment_lines::has_nul(line)) {
        let number = index + 1;
        return Err(refused(format!(
            "line {number} of `environment` contains a NUL byte, which no shell can take"
        )));
    }
    Ok(())
}

/// A word for the shell, in quotes where it needs them.
fn word(text: &OsStr) -> OsString {
    let plain = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'_' | b'-' | b'.' | b'/' | b'=' | b':' | b',' | b'+' | b'@' | b'%'
            )
    };
    let bytes = text.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(plain) && !bytes.starts_with(b"=") {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// `HH:MM:SS`, with `D-` before it from a day on where the system knows days; never less than was
/// asked for.
pub(super) fn clock(time: Duration, days: Days) -> String {
    const DAY: u64 = 24 * 60 * 60;
    let whole = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    // Systems take 0 for no limit at all.
    let whole = whole.max(1);
    let (days, rest) = match days {
        Days::Apart => (whole / DAY, whole % DAY),
        Days::InHours => (0, whole),
    };
    let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if days == 0 {
        clock
    } else {
        format!("{days}-{clock}")
    }
}

/// How a batch system is told of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Days {
    /// As `2-00:00:00`.
    Apart,
    /// As `48:00:00`.
    InHours,
}

/// Whole mebibytes, never fewer than were asked for.
pub(super) fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}

/// What the tests of all batch systems ask for.
#[cfg(test)]
pub(super) mod examples {
    use super::*;

    pub(in super::super) fn request() -> BlockRequest {
        BlockRequest {
            name: "chiltepin-compute-3".to_owned(),
            block: 3,
            claim: "/runs/7/private/claim-3".into(),
            program: "/runs/7/private/program-0123".into(),
            arguments: vec!["it's".into(), "--all".into()],
            script: "/runs/7/compute-3.sh".into(),
            output: "/runs/7/compute-3.out".into(),
            exclude: Vec::new(),
        }
    }

    pub(in super::super) fn full() -> BatchSettings {
        BatchSettings {
            nodes: 2,
            exclusive: true,
            partition: Some("big".to_owned()),
            queue: Some("debug".to_owned()),
            account: Some("my project".to_owned()),
            walltime: Duration::from_secs(93_784),
            cores_per_node: Some(8),
            memory_per_node: Some((16 << 30) + 1),
            gpus_per_node: Some(4),
            scheduler_options: vec!["--constraint=gpu".to_owned()],
            environment: vec!["module load gcc".to_owned(), "export NAME='a b'".to_owned()],
            prefix: vec![
                "apptainer".to_owned(),
                "exec".to_owned(),
                "my model.sif".to_owned(),
            ],
            directory: "/home/me/my run".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output};

    use super::*;

    fn run(lines: &[&str]) -> (i32, String, String) {
        let lines: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
        let mut script = Script::new();
        script.environment(&lines);
        script.push("echo \"$A ${!__chiltepin*}${!CHILTEPIN*}\"; trap\n");
        let Output {
            status,
            stdout,
            stderr,
        } = Command::new("bash")
            .arg("-c")
            .arg(&script.0)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env(START_VARIABLE, "/somebody's/claim")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (status.code().unwrap(), text(stdout), text(stderr))
    }

    #[test]
    fn lines_run_in_one_shell_and_leave_nothing_of_their_own() {
        let (code, stdout, stderr) = run(&["A=1", "A=\"$A 'b'\""]);
        assert_eq!((code, &*stdout, &*stderr), (0, "1 'b' \n", ""));
    }

    #[test]
    fn a_line_that_fails_is_told_by_number_and_text() {
        let (code, stdout, stderr) = run(&["true", "(exit 3) # it's", "echo on"]);
        assert_eq!((code, &*stdout), (3, ""));
        assert_eq!(
            stderr,
            "chiltepin: environment line 2, `(exit 3) # it's`, ended the block with exit code 3\n"
        );
        for (line, expected) in [("exit 0", 0), ("exit 7", 7), ("set -e; false; true", 1)] {
            let (code, stdout, stderr) = run(&[line]);
            assert_eq!((code, &*stdout), (expected, ""), "{line}");
            let message = format!("line 1, `{line}`, ended the block with exit code {expected}");
            assert!(stderr.contains(&message), "{stderr}");
        }
    }

    #[test]
    fn words_keep_what_they_are() {
        let words = [
            "a", "a b", "it's", "", "$HOME", "*", "~", "--x=y z", "a;b", "=ls", "\\",
        ];
        for text in words {
            let mut command = OsString::from("printf %s ");
            command.push(word(OsStr::new(text)));
            let output = Command::new("bash")
                .arg("-c")
                .arg(command)
                .output()
                .unwrap();
            assert_eq!(output.stdout, text.as_bytes(), "{text}");
        }
        assert_eq!(word(OsStr::new("--nodes=2")), "--nodes=2");
    }

    #[test]
    fn times_are_never_less_than_what_was_asked_for() {
        let apart = |time| clock(time, Days::Apart);
        assert_eq!(apart(Duration::from_secs(600)), "00:10:00");
        assert_eq!(apart(Duration::from_millis(600_001)), "00:10:01");
        assert_eq!(apart(Duration::from_secs(93_784)), "1-02:03:04");
        assert_eq!(apart(Duration::ZERO), "00:00:01");
        assert_eq!(
            clock(Duration::from_secs(93_784), Days::InHours),
            "26:03:04"
        );
        assert_eq!(mebibytes((1 << 20) + 1), 2);
    }

    #[test]
    fn nothing_breaks_out_of_its_line() {
        let (settings, request) = (examples::full(), examples::request());
        assert_eq!(check("sbatch", &settings, &request), Ok(()));
        let mut other = settings.clone();
        other.directory = "/home/me\n#SBATCH --begin=tomorrow".into();
        let error = check("sbatch", &other, &request).unwrap_err();
        assert!(error.is_permanent(), "{error}");
        let mut other = settings;
        other.environment.push("a\0".to_owned());
        let error = check("sbatch", &other, &request).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`sbatch` refused: line 3 of `environment` contains a NUL byte, which no shell can take"
        );
    }
}
