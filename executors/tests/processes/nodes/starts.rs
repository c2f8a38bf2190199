use std::process::{Command, Stdio};

use chiltepin_executors::start::{Origin, START_VARIABLE, check, enter};

use super::support::Place;

/// A process that does not ask first what it was started for.
#[test]
#[ignore = "another test starts it"]
fn ignorant() {
    match check() {
        Ok(()) => {}
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(3);
        }
    }
}

/// A driver whose processes are such.
#[test]
#[ignore = "another test starts it"]
fn driver() {
    enter(Origin::test(concat!(module_path!(), "::ignorant")), |_| {});
    println!("failed: {}", Place::new().failed());
}

fn run(test: &str, start: Option<&str>) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--include-ignored", "--nocapture"])
        .stdin(Stdio::null());
    if let Some(start) = start {
        command.env(START_VARIABLE, start);
    }
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "{}{}{}",
        text(&output.stdout),
        text(&output.stderr),
        output.status
    )
}

#[test]
fn a_process_that_never_enters_is_told_so_and_starts_nothing() {
    let said = run("nodes::starts::driver", None);
    for part in [
        "failed: cannot start processes of `compute`",
        "ended with exit code 3",
        "this process was started as the parent of the workers of `compute`",
        "put `chiltepin::init();` first in `main`",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn a_claim_that_is_gone_is_none() {
    let said = run("nodes::starts::ignorant", Some("/no/such/claim"));
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn a_claim_that_is_none_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str();
    for test in ["nodes::starts::ignorant", "entrance::entrance"] {
        let said = run(test, path);
        assert!(said.contains("does not say what this version"), "{said}");
    }
}
