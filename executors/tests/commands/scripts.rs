use chiltepin_executors::command::Shell;
use chiltepin_executors::{FailureKind, StopSignal};

use crate::support::{Place, failure, run};

fn long(script: &str) -> String {
    ": nothing\n".repeat(30 << 10) + script
}

#[test]
fn a_script_of_300_kib_runs_like_a_short_one() {
    let place = Place::new();
    let script = "printf '%s %s\\n' \"$0\" \"$#\"; cat; exit 5";
    for (name, script) in [("short", script.to_owned()), ("long", long(script))] {
        let mut spec = place.spec(&script);
        spec.stdout = place.file(name, false);
        spec.allowed_exit_codes = vec![5];
        assert_eq!(run(&spec).unwrap(), 5);
        assert_eq!(place.text(name), "bash 0\n");
    }
}

#[test]
fn the_file_of_a_long_script_is_removed_whatever_happens() {
    let place = Place::new();
    let folder = place.path("it's scripts");
    std::fs::create_dir(&folder).unwrap();
    let shell = Shell::from_environment().with_script_folder(folder.clone());
    for (end, good) in [("exit 0", true), ("exit 3", false), ("kill -9 $$", false)] {
        let script = format!("ls \"{}\" > seen; {end}", folder.display());
        let ended = shell.run(&place.spec(&long(&script)), &StopSignal::new(), 1);
        assert_eq!(ended.is_ok(), good);
        assert_eq!(place.text("seen").lines().count(), 1, "it was there");
        assert_eq!(folder.read_dir().unwrap().count(), 0, "after {end}");
    }
}

#[test]
fn the_folder_for_long_scripts_must_be_there() {
    let place = Place::new();
    let shell = Shell::from_environment().with_script_folder(place.path("missing"));
    let (kind, _) = failure(shell.run(&place.spec(&long("true")), &StopSignal::new(), 1));
    let FailureKind::System { action, .. } = kind else {
        panic!("{kind:?}")
    };
    let missing = place.path("missing");
    assert_eq!(
        action,
        format!("write the script to a file in `{}`", missing.display())
    );
}

#[test]
fn what_no_program_can_be_given_is_refused_with_the_reason() {
    let place = Place::new();
    let variable = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    let too_large = "x".repeat(1 << 20);
    for (script, environment, reason) in [
        (
            "a \0 b",
            Vec::new(),
            "the script contains a NUL byte in line 1",
        ),
        (
            "true",
            variable("A", "b\0"),
            "the value of the environment variable `A` contains a NUL",
        ),
        (
            "true",
            variable("A\0", ""),
            "`A\\u{0}` cannot be the name of an environment variable",
        ),
        (
            "true",
            variable("A=B", ""),
            "`A=B` cannot be the name of an environment variable",
        ),
        (
            "true",
            variable("", ""),
            "`` cannot be the name of an environment variable",
        ),
        (
            "true",
            variable("A", &too_large),
            "the command's environment is larger than the system",
        ),
    ] {
        let mut spec = place.spec(script);
        spec.environment = environment;
        let (kind, retryable) = failure(run(&spec));
        let FailureKind::Invalid { reason: given } = kind else {
            panic!("{kind:?}")
        };
        assert!(given.starts_with(reason), "{given}");
        assert!(!retryable);
    }
}

#[test]
fn a_missing_bash_is_named() {
    let place = Place::new();
    let shell = Shell::from_environment().with_bash("/nowhere/bash".into());
    let (kind, _) = failure(shell.run(&place.spec("true"), &StopSignal::new(), 1));
    let FailureKind::System { action, error } = kind else {
        panic!("{kind:?}")
    };
    let folder = place.path("");
    let folder = folder.display().to_string();
    assert_eq!(
        action,
        format!(
            "start `/nowhere/bash` in `{}`",
            folder.trim_end_matches('/')
        )
    );
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}
