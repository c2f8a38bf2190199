use std::fs;

use chiltepin_executors::FailureKind;
use chiltepin_executors::command::Stream;

use crate::support::{Place, failure, run};

fn stderr_of(kind: FailureKind) -> String {
    match kind {
        FailureKind::ExitCode { stderr, .. } | FailureKind::Signal { stderr, .. } => stderr,
        other => panic!("{other:?} has no stderr"),
    }
}

#[test]
fn files_are_emptied_or_continued() {
    let place = Place::new();
    let mut spec = place.spec("echo out; echo err >&2");
    spec.stdout = place.file("deep/down/out", false);
    spec.stderr = place.file("err", true);
    for _ in 0..2 {
        assert_eq!(run(&spec).unwrap(), 0);
    }
    assert_eq!(place.text("deep/down/out"), "out\n");
    assert_eq!(place.text("err"), "err\nerr\n");
}

#[test]
fn two_streams_in_one_file_do_not_overwrite_each_other() {
    for append in [false, true] {
        for other in ["both", "./both", "link"] {
            let place = Place::new();
            std::os::unix::fs::symlink("both", place.path("link")).unwrap();
            fs::write(place.path("both"), "before\n").unwrap();
            let mut spec = place.spec("echo 1; echo 2 >&2; echo 3; echo 4 >&2; exit 5");
            spec.stdout = place.file("both", append);
            spec.stderr = place.file(other, append);
            let stderr = stderr_of(failure(run(&spec)).0);
            let before = if append { "before\n" } else { "" };
            assert_eq!(
                place.text("both"),
                format!("{before}1\n2\n3\n4\n"),
                "{other}"
            );
            assert_eq!(
                stderr, "1\n2\n3\n4",
                "what was there before is not this command's"
            );
        }
    }
}

#[test]
fn of_discarded_stderr_the_last_twenty_lines_are_kept() {
    let place = Place::new();
    let spec = place.spec("echo no; seq 1 30 >&2; exit 1");
    let lines: Vec<_> = (11..=30).map(|line| line.to_string()).collect();
    assert_eq!(stderr_of(failure(run(&spec)).0), lines.join("\n"));
}

#[test]
fn a_command_that_writes_much_to_stderr_is_not_held_up() {
    let script = "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo last >&2; exit 1";
    assert_eq!(
        stderr_of(failure(run(&Place::new().spec(script))).0),
        "last"
    );
}

#[test]
fn of_a_stderr_file_the_last_lines_of_this_command_are_told() {
    let place = Place::new();
    fs::write(place.path("err"), "another command's\n").unwrap();
    let mut spec = place.spec("echo mine >&2; exit 1");
    spec.stderr = place.file("err", true);
    assert_eq!(stderr_of(failure(run(&spec)).0), "mine");
    spec.script = "seq 1 5000 >&2; exit 1".to_owned();
    let lines: Vec<_> = (4981..=5000).map(|line| line.to_string()).collect();
    assert_eq!(stderr_of(failure(run(&spec)).0), lines.join("\n"));
    spec.script = "echo new > err; exit 1".to_owned();
    assert_eq!(
        stderr_of(failure(run(&spec)).0),
        "new",
        "the command began the file again"
    );
    spec.script = "rm err; exit 1".to_owned();
    assert_eq!(stderr_of(failure(run(&spec)).0), "");
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_and_nothing_runs() {
    let place = Place::new();
    for stream in ["stdout", "stderr"] {
        let mut spec = place.spec("touch ran");
        fs::create_dir_all(place.path("folder")).unwrap();
        let file = place.file("folder", false);
        *(if stream == "stdout" {
            &mut spec.stdout
        } else {
            &mut spec.stderr
        }) = file;
        let (kind, retryable) = failure(run(&spec));
        let FailureKind::System { action, .. } = kind else {
            panic!("{kind:?}")
        };
        assert_eq!(
            action,
            format!("open {stream} file `{}`", place.path("folder").display())
        );
        assert!(!retryable, "a folder stays a folder");
        assert!(!place.path("ran").exists());
    }
}

#[test]
fn a_full_disk_may_have_room_later() {
    let place = Place::new();
    let mut spec = place.spec("true");
    // Not there, and nobody can make it; another attempt may find it mounted.
    spec.stdout = Stream::File {
        path: "/proc/no/such/file".into(),
        append: false,
    };
    let (kind, retryable) = failure(run(&spec));
    assert!(matches!(kind, FailureKind::System { .. }), "{kind:?}");
    assert!(retryable);
}
