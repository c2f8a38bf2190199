//! Commands: what they are given, how they end.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chiltepin::{ErrorKind, bash_task, sh};
use serde::{Deserialize, Serialize};

use crate::place::{Place, shell};

#[chiltepin::test]
fn the_value_of_a_command_is_its_exit_code() {
    let place = Place::new();
    let workflow = place.workflow();
    assert_eq!(shell("true").submit(&workflow).result().unwrap(), 0);
    assert_eq!(shell("").submit(&workflow).result().unwrap(), 0);
    // A script is no `set -e`: its last command counts.
    assert_eq!(shell("false; true").submit(&workflow).result().unwrap(), 0);
}

#[chiltepin::test]
fn any_other_exit_code_is_an_error_with_the_end_of_stderr() {
    let place = Place::new();
    let workflow = place.workflow();
    let script = "echo unseen; for i in {1..30}; do echo \"line $i\" >&2; done; exit 7";
    let error = shell(script).submit(&workflow).result().unwrap_err();
    let ErrorKind::ExitCode { code, stderr } = error.kind() else {
        panic!("{error}")
    };
    let last: Vec<_> = (11..=30).map(|number| format!("line {number}")).collect();
    assert_eq!(*code, 7);
    assert_eq!(stderr.lines().collect::<Vec<_>>(), last);
    assert_eq!((error.executor(), error.attempt()), (Some("local"), 1));
    let said = error.to_string();
    assert!(
        said.contains("task `shell`") && said.contains("exited with code 7"),
        "{said}"
    );
    assert!(
        said.contains("line 30") && !said.contains("unseen"),
        "{said}"
    );
}

#[chiltepin::test]
fn a_signal_is_an_error_with_the_end_of_stderr() {
    let place = Place::new();
    let workflow = place.workflow();
    for signal in [9, 15] {
        let call = shell(format!("echo last words >&2; kill -{signal} $$"));
        let error = call.submit(&workflow).result().unwrap_err();
        match error.kind() {
            ErrorKind::Signal { signal: by, stderr } => {
                assert_eq!((*by, stderr.trim()), (signal, "last words"));
            }
            _ => panic!("{error}"),
        }
    }
}

#[chiltepin::test]
fn allowed_exit_codes_are_values() {
    let place = Place::new();
    let workflow = place.workflow();
    let exit = |code| shell(format!("exit {code}")).allow_exit_codes([3, 255]);
    for code in [0, 3, 255] {
        assert_eq!(exit(code).submit(&workflow).result().unwrap(), code);
    }
    let error = exit(4).submit(&workflow).result().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::ExitCode { code: 4, .. }),
        "{error}"
    );
}

#[chiltepin::test]
fn stdin_is_empty() {
    let place = Place::new();
    let workflow = place.workflow();
    let script = "readlink /proc/self/fd/0; cat; echo end";
    let out = place.path("out");
    shell(script)
        .stdout(&out)
        .submit(&workflow)
        .result()
        .unwrap();
    assert_eq!(place.text("out"), "/dev/null\nend\n");
}

#[chiltepin::test]
fn a_command_knows_its_task_attempt_and_deadline() {
    let place = Place::new();
    let workflow = place.workflow();
    let script = "echo $CHILTEPIN_TASK_ID; echo $CHILTEPIN_ATTEMPT; echo $CHILTEPIN_DEADLINE
        [ $CHILTEPIN_ATTEMPT = 2 ]";
    let unix = || {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap().as_secs()
    };
    let before = unix();
    let told = shell(script)
        .stdout(place.path("out"))
        .timeout(Duration::from_secs(1000))
        .retries(1)
        .submit(&workflow);
    told.result().unwrap();
    let after = unix();
    let out = place.text("out");
    let [id, attempt, deadline] = out.lines().collect::<Vec<_>>()[..] else {
        panic!("{out}")
    };
    assert_eq!(id, told.id().unwrap().to_string());
    assert_eq!(attempt, "2");
    let deadline: u64 = deadline.parse().unwrap();
    assert!(
        (before + 999..=after + 1000).contains(&deadline),
        "{deadline} after {before}"
    );

    let untimed = shell("echo \"[$CHILTEPIN_DEADLINE]\"").stdout(place.path("untimed"));
    untimed.submit(&workflow).result().unwrap();
    assert_eq!(place.text("untimed"), "[]\n");
}

#[bash_task]
fn print_text(text: String) -> String {
    sh!("printf %s {text}")
}

#[chiltepin::test]
fn a_script_may_be_longer_than_an_argument() {
    let place = Place::new();
    let workflow = place.workflow();
    let text: String = (0..60_000).map(|number| format!("{number} ")).collect();
    assert!(text.len() > 300 << 10);
    let printed = print_text(&*text).stdout(place.path("out"));
    assert_eq!(printed.submit(&workflow).result().unwrap(), 0);
    assert_eq!(place.text("out"), text);
}

#[chiltepin::test]
fn a_script_with_a_nul_byte_is_refused_and_not_tried_again() {
    let place = Place::new();
    let workflow = place.workflow();
    let call = shell("echo \0 > ran").directory(place.root()).retries(3);
    let error = call.submit(&workflow).result().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::InvalidCall { .. }),
        "{error}"
    );
    assert_eq!(error.attempt(), 1);
    assert!(error.to_string().contains("NUL"), "{error}");
    assert!(!place.path("ran").exists());
}

#[chiltepin::test]
fn a_resource_s_prefix_stands_before_each_command() {
    let place = Place::new();
    let workflow = place.configured(
        r#"
        [listed]
        provider = "threads"
        prefix = ["env", "PREFIXED=two words"]
        [split]
        provider = "threads"
        prefix = "env 'PREFIXED=split words'"
        [wrong]
        provider = "threads"
        prefix = "no-such-container run"
        "#,
    );
    let told = |executor: &str| {
        shell("echo $PREFIXED")
            .on(executor)
            .stdout(place.path(executor))
            .submit(&workflow)
            .result()
    };
    for (executor, text) in [
        ("listed", "two words\n"),
        ("split", "split words\n"),
        ("local", "\n"),
    ] {
        assert_eq!(told(executor).unwrap(), 0);
        assert_eq!(place.text(executor), text);
    }
    let error = told("wrong").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::System { .. }), "{error}");
    assert!(error.to_string().contains("no-such-container"), "{error}");
}

#[bash_task]
fn print_words(words: Vec<String>, file: PathBuf) -> String {
    sh!("printf '%s\\0' {words} {file}")
}

#[chiltepin::test]
fn hostile_values_stay_single_words() {
    let place = Place::new();
    let workflow = place.workflow();
    let words = [
        "'; touch pwned; '",
        "\"; touch pwned; \"",
        "$(touch pwned)",
        "`touch pwned`",
        "two\nlines",
        "",
        " ",
        "*",
        "~",
        "-n",
        "\\",
        "$HOME",
        "!!",
        "&& touch pwned",
        "#",
        "é\u{1f336}",
        "\u{1b}[31m",
    ];
    let words: Vec<String> = words.map(ToOwned::to_owned).into();
    let file = OsStr::from_bytes(b"/data/caf\xe9 $(touch pwned)");
    let printed = print_words(words.clone(), PathBuf::from(file))
        .directory(place.path("empty"))
        .stdout(place.path("out"));
    assert_eq!(printed.submit(&workflow).result().unwrap(), 0);
    let out = std::fs::read(place.path("out")).unwrap();
    let read: Vec<_> = out
        .strip_suffix(b"\0")
        .unwrap()
        .split(|byte| *byte == 0)
        .collect();
    let expected: Vec<_> = words
        .iter()
        .map(|word| word.as_bytes())
        .chain([file.as_bytes()])
        .collect();
    assert_eq!(read, expected);
    assert!(
        std::fs::read_dir(place.path("empty"))
            .unwrap()
            .next()
            .is_none()
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{steps} steps are too many")]
struct TooMany {
    steps: u32,
}

#[bash_task]
fn simulate(steps: u32) -> Result<String, TooMany> {
    if steps > 10 {
        return Err(TooMany { steps });
    }
    Ok(sh!("echo ran {steps}"))
}

#[chiltepin::test]
fn a_body_may_refuse_with_an_error_of_its_own() {
    let place = Place::new();
    let workflow = place.workflow();
    let out = place.path("out");
    let run = |steps| simulate(steps).stdout(&out).submit(&workflow).result();
    let error = run(11).unwrap_err();
    assert_eq!(
        error.downcast_ref::<TooMany>(),
        Some(&TooMany { steps: 11 })
    );
    assert!(!out.exists(), "no command was started");
    assert_eq!(run(10).unwrap(), 0);
    assert_eq!(place.text("out"), "ran 10\n");
}

#[bash_task]
fn panicking() -> String {
    panic!("no script today")
}

#[chiltepin::test]
fn a_body_that_panics_is_an_error() {
    let place = Place::new();
    let error = panicking().submit(&place.workflow()).result().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Panicked(_)), "{error}");
    assert!(error.to_string().contains("no script today"), "{error}");
}

#[chiltepin::test]
fn a_flaky_command_is_tried_again() {
    let place = Place::new();
    let workflow = place.workflow();
    let flaky = |name: &str, retries| {
        shell(format!(
            "echo x >> {name}; [ $(wc -l < {name}) = 3 ] || {{ echo attempt $CHILTEPIN_ATTEMPT >&2; exit 5; }}"
        ))
        .directory(place.root())
        .retries(retries)
        .submit(&workflow)
    };
    let (enough, few) = (flaky("enough", 5), flaky("few", 1));
    assert_eq!(enough.result().unwrap(), 0);
    assert_eq!(place.text("enough"), "x\nx\nx\n");
    let error = few.result().unwrap_err();
    assert_eq!((place.text("few").as_str(), error.attempt()), ("x\nx\n", 2));
    match error.kind() {
        ErrorKind::ExitCode { code: 5, stderr } => assert_eq!(stderr.trim(), "attempt 2"),
        _ => panic!("{error}"),
    }
}

#[chiltepin::test]
fn a_command_runs_without_a_workflow_too() {
    let place = Place::new();
    let call = shell("echo $CHILTEPIN_ATTEMPT > here; exit 3")
        .directory(place.path("made"))
        .allow_exit_codes([3]);
    assert_eq!(call.run_blocking().unwrap(), 3);
    assert_eq!(place.text("made/here"), "1\n");
    let error = shell("echo no >&2; exit 4").run_blocking().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::ExitCode { code: 4, .. }),
        "{error}"
    );
}
