//! The `chiltepin` program, run for real.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod batch;
mod cache;
mod records;
mod rerun;
mod runs;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn chiltepin(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chiltepin"));
        command
            .current_dir(&self.folder)
            .env_remove("CHILTEPIN_CONFIG")
            .env_remove("SLURM_JOB_ID")
            .env_remove("PBS_JOBID");
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.chiltepin().args(arguments).output().unwrap()
    }

    /// The folder's path in a text becomes `PLACE`.
    fn without_path(&self, text: &str) -> String {
        text.replace(self.folder.path().to_str().unwrap(), "PLACE")
    }

    /// A batch system's command, for the program to find before any other.
    fn command(&self, name: &str, script: &str) {
        let folder = self.folder.path().join("commands");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o700)).unwrap();
    }

    /// Runs the program with these commands, and only the most common ones beside them.
    fn run_with_commands(&self, arguments: &[&str]) -> Output {
        let commands = self.folder.path().join("commands");
        // Slurm's own commands, where they are installed, are not to be found.
        let tools = self.folder.path().join("tools");
        if !tools.exists() {
            std::fs::create_dir(&tools).unwrap();
            for tool in ["sh", "cat", "echo", "touch", "grep"] {
                std::os::unix::fs::symlink(format!("/bin/{tool}"), tools.join(tool)).unwrap();
            }
        }
        let path = std::env::join_paths([commands, tools]).unwrap();
        let mut command = self.chiltepin();
        command.args(arguments).env("PATH", path).output().unwrap()
    }
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn errors(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn check_prints_what_was_understood() {
    let place = Place::new();
    place.file(
        "site.yaml",
        "local: {provider: threads, max_threads: 3}\ncompute: {provider: slurm, partition: big}\n",
    );
    let output = place.run(&["check", "site.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert_eq!(errors(&output), "");
    insta::assert_snapshot!(out(&output));
}

#[test]
fn check_tells_mistakes_and_ends_with_2() {
    let place = Place::new();
    place.file(
        "site.toml",
        "[compute]\nprovider = 'slurm'\npartiton = 'big'\nmax_blocks = 0\n",
    );
    let output = place.run(&["check", "site.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(out(&output), "");
    insta::assert_snapshot!(errors(&output));
}

#[test]
fn check_takes_the_file_from_the_environment_or_asks_for_one() {
    let place = Place::new();
    let path = place.file("site.toml", "[a]\nprovider = 'threads'\n");
    let output = place
        .chiltepin()
        .arg("check")
        .env("CHILTEPIN_CONFIG", path)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert!(out(&output).contains("\n[a]\n"));

    for output in [
        place.run(&["check"]),
        place
            .chiltepin()
            .arg("check")
            .env("CHILTEPIN_CONFIG", "")
            .output()
            .unwrap(),
    ] {
        assert_eq!(output.status.code(), Some(2));
        insta::allow_duplicates! {
            insta::assert_snapshot!(errors(&output), @r"
            error: no file to check
              hint: run `chiltepin check FILE`, or name it in `CHILTEPIN_CONFIG`
            ");
        }
    }
}

#[test]
fn check_of_a_missing_file_says_where_it_looked() {
    let place = Place::new();
    let output = place.run(&["check", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let errors = errors(&output);
    assert!(
        errors.starts_with("nowhere.toml: cannot read the file:"),
        "{errors}"
    );
    assert!(errors.contains("/nowhere.toml`"), "{errors}");
}

#[test]
fn defaults_can_be_checked() {
    let place = Place::new();
    let output = place.run(&["defaults"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(out(&output), chiltepin::config::DEFAULT_FILE);
    place.file("default.toml", out(&output));
    assert_eq!(place.run(&["check", "default.toml"]).status.code(), Some(0));
}

#[test]
fn help_and_version() {
    let place = Place::new();
    let output = place.run(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        out(&output),
        format!("chiltepin {}\n", env!("CARGO_PKG_VERSION"))
    );
    let output = place.run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(out(&output));
}

#[test]
fn wrong_arguments_end_with_2() {
    let place = Place::new();
    for arguments in [
        &[][..],
        &["chekc"],
        &["check", "--rendr", "x.toml"],
        &["check", "a", "b"],
    ] {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
