use std::time::{Duration, Instant};

use super::support::{Place, Wish};
use crate::process::until;

#[test]
fn what_lines_set_holds_for_commands() {
    let place = Place::lines(&[
        "export GREETING='hello you'; noise() { echo noise; }; noise",
        "ulimit -n 321",
        "wait; read -r ignored || true",
        "export -n UNSEEN=1; [ -n \"$GREETING\" ]",
    ]);
    place.ready();
    place.execute(
        1,
        "echo \"$GREETING\" $(ulimit -n) ${UNSEEN-none} ${CHILTEPIN_START-none}; export",
    );
    assert_eq!(place.executed().1.unwrap(), 0);
    let out = place.text("stdout");
    assert_eq!(out.lines().next(), Some("hello you 321 none none"));
    assert!(!out.contains("__chiltepin"), "{out}");
    assert!(!out.contains("noise"), "{out}");
}

#[test]
fn a_node_sees_the_variables_that_it_is_to_see() {
    let shown = "${CARGO_PKG_NAME-none} ${CARGO_PKG_VERSION-none} $GREETING";
    for lines in [vec![], vec!["export LATER=\"$GREETING\"".to_owned()]] {
        let script = format!("echo {shown} > \"$PLACE/shown\"; echo >> \"$PLACE/shown\"");
        let place = Place::with(Wish {
            removed_variables: ["CARGO_PKG_NAME", "GREETING", "CHILTEPIN_START"]
                .map(str::to_owned)
                .to_vec(),
            variables: vec![("GREETING".to_owned(), "hello".to_owned())],
            environment: lines.clone(),
            prefix: ["bash", "-c", &super::support::instead(&script), "worker"]
                .map(str::to_owned)
                .to_vec(),
            ..Wish::default()
        });
        place.ready();
        place.execute(1, &format!("echo {shown} ${{LATER-none}}"));
        assert_eq!(place.executed().1.unwrap(), 0);
        let later = if lines.is_empty() { "none" } else { "hello" };
        let expected = format!("none {} hello", env!("CARGO_PKG_VERSION"));
        assert_eq!(place.text("stdout"), format!("{expected} {later}\n"));
        place.launch(0);
        until("the worker to end", || {
            std::fs::read_to_string(place.path("shown")).is_ok_and(|text| text.ends_with("\n\n"))
        });
        assert_eq!(place.text("shown"), format!("{expected}\n\n"));
    }
}

#[test]
fn a_line_that_fails_is_named_with_the_shell_s_words() {
    let place = Place::lines(&["true", "no_such_program --at-all", "touch never"]);
    let reason = place.failed();
    for part in [
        "`compute`",
        "line 2 of its environment, `no_such_program --at-all`, ended with exit code 127",
        "command not found",
    ] {
        assert!(reason.contains(part), "{part} in {reason}");
    }
    let reason = Place::lines(&["echo first", "exit 7"]).failed();
    assert!(
        reason.contains("line 2 of its environment, `exit 7`, ended with exit code 7"),
        "{reason}"
    );
    assert!(reason.contains("first"), "{reason}");
    let reason = Place::lines(&["if true"]).failed();
    assert!(
        reason.contains("line 1") && reason.contains("syntax error"),
        "{reason}"
    );
    let reason = Place::lines(&["kill -KILL $$"]).failed();
    assert!(
        reason.contains("line 1") && reason.contains("by signal 9"),
        "{reason}"
    );
}

#[test]
fn a_line_fails_by_its_own_code_and_not_within() {
    // What `set -e` would stop at, as it would within many a site's scripts.
    let place = Place::lines(&["check() { false; true; }; check", "false || true"]);
    place.ready();
}

#[test]
fn a_line_that_waits_fails_after_its_time() {
    let begun = Instant::now();
    let place = Place::with(Wish {
        environment: vec!["echo $$ > /dev/null".to_owned(), "sleep 1000".to_owned()],
        start_timeout: Some(Duration::from_millis(500)),
        ..Wish::default()
    });
    let reason = place.failed();
    assert!(reason.contains("did not start within 0.5 s"), "{reason}");
    assert!(
        reason.contains("line 2") && reason.contains("`sleep 1000`"),
        "{reason}"
    );
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_failure_leaves_the_folder_to_the_driver() {
    let place = Place::lines(&["false"]);
    place.failed();
    assert!(place.private.path().exists() && place.program.path().exists());
    assert_eq!(place.private.path().read_dir().unwrap().count(), 0);
}

#[test]
fn a_node_that_is_shut_down_while_a_line_waits_ends_at_once() {
    let place = Place::lines(&["echo $$ > \"$TMPDIR_OF_TEST\" 2>/dev/null; sleep 1000"]);
    let begun = Instant::now();
    place
        .runtime
        .block_on(place.node.shutdown(Duration::from_secs(30)));
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(place.says_nothing_more());
    assert!(place.program.path().exists());
}

#[test]
fn a_program_that_cannot_run_is_told_with_the_system_s_words() {
    // As a missing library does: the program ends before its main.
    let place = Place::lines(&["export LD_PRELOAD=", "ulimit -v 1000"]);
    let reason = place.failed();
    assert!(
        reason.contains("the process that starts its workers and commands ended"),
        "{reason}"
    );
}
