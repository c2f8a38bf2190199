use std::os::unix::fs::symlink;

use chiltepin_executors::FailureKind;

use crate::support::{Place, failure, run};

#[test]
fn exit_code_0_is_a_value() {
    assert_eq!(run(&Place::new().spec("true")).unwrap(), 0);
}

#[test]
fn another_exit_code_is_an_error_unless_it_is_allowed() {
    let place = Place::new();
    let mut spec = place.spec("echo why >&2; exit 7");
    let (kind, retryable) = failure(run(&spec));
    let FailureKind::ExitCode { code: 7, stderr } = kind else {
        panic!("{kind:?}")
    };
    assert_eq!((stderr.as_str(), retryable), ("why", true));
    spec.allowed_exit_codes = vec![3, 7];
    assert_eq!(run(&spec).unwrap(), 7);
    spec.script = "exit 4".to_owned();
    assert!(run(&spec).is_err());
}

#[test]
fn a_failing_line_does_not_end_the_script() {
    assert_eq!(run(&Place::new().spec("false\ntrue")).unwrap(), 0);
}

#[test]
fn a_signal_is_an_error_with_its_number() {
    let (kind, retryable) = failure(run(&Place::new().spec("echo last words >&2; kill -9 $$")));
    let FailureKind::Signal { signal: 9, stderr } = kind else {
        panic!("{kind:?}")
    };
    assert_eq!((stderr.as_str(), retryable), ("last words", true));
}

#[test]
fn stdin_is_empty() {
    assert_eq!(run(&Place::new().spec("test -z \"$(cat)\"")).unwrap(), 0);
}

#[test]
fn the_shell_leads_a_group_of_its_own() {
    let script = "test \"$(cut -d ' ' -f 5 /proc/$$/stat)\" = $$";
    assert_eq!(run(&Place::new().spec(script)).unwrap(), 0);
}

#[test]
fn the_environment_is_inherited_and_added_to() {
    let place = Place::new();
    let mut spec = place.spec("test -n \"$PATH\" && printf %s \"$GREETING\"");
    spec.stdout = place.file("out", false);
    spec.environment = vec![("GREETING".to_owned(), "it's \"so\"\n".to_owned())];
    assert_eq!(run(&spec).unwrap(), 0);
    assert_eq!(place.text("out"), "it's \"so\"\n");
}

#[test]
fn the_working_directory_is_made() {
    let place = Place::new();
    let mut spec = place.spec("echo x > here");
    spec.directory = Some(place.path("a/b"));
    assert_eq!(run(&spec).unwrap(), 0);
    assert_eq!(place.text("a/b/here"), "x\n");
}

#[test]
fn a_working_directory_that_cannot_be_made_is_an_error() {
    let place = Place::new();
    std::fs::write(place.path("file"), "").unwrap();
    let mut spec = place.spec("true");
    spec.directory = Some(place.path("file"));
    let (kind, retryable) = failure(run(&spec));
    let FailureKind::System { action, .. } = kind else {
        panic!("{kind:?}")
    };
    assert_eq!(
        action,
        format!("make working directory `{}`", place.path("file").display())
    );
    assert!(!retryable);
}

#[test]
fn promised_files_must_be_there() {
    let place = Place::new();
    let mut spec = place.spec("touch relative && touch \"$ABSOLUTE\"");
    spec.environment = vec![(
        "ABSOLUTE".to_owned(),
        place.path("absolute").display().to_string(),
    )];
    spec.outputs = vec!["relative".into(), place.path("absolute")];
    assert_eq!(run(&spec).unwrap(), 0);
    spec.outputs.push("missing".into());
    let (kind, retryable) = failure(run(&spec));
    let FailureKind::MissingOutput { path } = kind else {
        panic!("{kind:?}")
    };
    assert_eq!((path, retryable), (place.path("missing"), true));
    symlink("nowhere", place.path("missing")).unwrap();
    assert!(run(&spec).is_err(), "a link to nothing is no file");
}

#[test]
fn the_exit_code_goes_before_promised_files() {
    let place = Place::new();
    let mut spec = place.spec("exit 3");
    spec.outputs = vec!["missing".into()];
    assert!(matches!(
        failure(run(&spec)).0,
        FailureKind::ExitCode { code: 3, .. }
    ));
    spec.allowed_exit_codes = vec![3];
    assert!(matches!(
        failure(run(&spec)).0,
        FailureKind::MissingOutput { .. }
    ));
}
