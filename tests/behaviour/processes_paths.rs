//! Files and folders whose names are no text, which systems allow, with worker processes.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use chiltepin::{ErrorKind, TaskContext, Workflow, task};

use crate::crew::{Crew, MARK};
use crate::place::shell;
use crate::processes_driver::{PROGRAMS, folders_are_gone};
use crate::program::Program;

/// No character ends with the byte before the last.
const ODD: &[u8] = b"mar\xe9es";

fn odd(crew: &Crew) -> PathBuf {
    crew.place.root().join(OsStr::from_bytes(ODD))
}

#[task]
fn half(value: u32) -> u32 {
    println!("halved");
    value / 2
}

/// The bytes of where it works: a path could not travel as the value it is.
#[task]
fn directory(context: &TaskContext) -> Vec<u8> {
    context.directory().into_os_string().into_vec()
}

fn bytes(path: PathBuf) -> Vec<u8> {
    OsString::from(path).into_vec()
}

#[chiltepin::test]
fn runs_may_be_kept_in_a_folder_whose_name_is_no_text() {
    let crew = Crew::new();
    let config = crew.config(&[], "max_workers_per_node = 1");
    let workflow = Workflow::builder()
        .config_value(chiltepin::config::Config::from_toml(&config).unwrap())
        .run_dir(odd(&crew))
        .open()
        .unwrap();
    let future = half(8).submit(&workflow);
    assert_eq!(future.result().unwrap(), 4);
    let command = shell("echo out".to_owned()).submit(&workflow);
    assert_eq!(command.result().unwrap(), 0);
    let made = half(6).fresh_directory().submit(&workflow);
    assert_eq!(made.result().unwrap(), 3);
    workflow.close_blocking();
    assert!(odd(&crew).is_dir());
    crew.nobody_is_left();
}

#[chiltepin::test]
fn calls_may_work_in_a_directory_whose_name_is_no_text() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 2");
    let place = odd(&crew);
    let functions = workflow.map(0..100, |_| directory().directory(&place));
    let commands = workflow.map(0..100, |_| {
        shell("printf . >> dots".to_owned()).directory(&place)
    });
    for future in functions {
        assert_eq!(future.result().unwrap(), bytes(place.clone()));
    }
    for future in commands {
        assert_eq!(future.result().unwrap(), 0);
    }
    assert_eq!(fs::read(place.join("dots")).unwrap(), [b'.'; 100]);
    workflow.close_blocking();
    crew.nobody_is_left();
}

#[chiltepin::test]
fn commands_may_write_and_promise_files_whose_names_are_no_text() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    let file = |end: &str| {
        let mut path = odd(&crew).into_os_string();
        path.push(end);
        PathBuf::from(path)
    };
    let said = shell("echo out; echo err >&2".to_owned())
        .stdout(file(".out"))
        .stderr(file(".err"))
        .submit(&workflow);
    assert_eq!(said.result().unwrap(), 0);
    assert_eq!(fs::read(file(".out")).unwrap(), b"out\n");
    assert_eq!(fs::read(file(".err")).unwrap(), b"err\n");
    let promised = shell("true".to_owned())
        .outputs([file(".made")])
        .submit(&workflow);
    let error = promised.result().unwrap_err();
    match error.kind() {
        ErrorKind::MissingOutput { path } => assert_eq!(*path, file(".made")),
        other => panic!("{other:?}"),
    }
    workflow.close_blocking();
    crew.nobody_is_left();
}

#[test]
fn the_temporary_folder_may_have_a_name_that_is_no_text() {
    let crew = Crew::new();
    // With a line there is a shell that becomes the program, and without there is none.
    for lines in [&["true"][..], &[]] {
        let config = crew.config(lines, "max_workers_per_node = 1");
        let config = match lines {
            [] => without_environment(&config),
            _ => config,
        };
        crew.place.write("chiltepin.toml", &config);
        let temporary = crew.place.path("tmp").join(OsStr::from_bytes(ODD));
        fs::create_dir_all(&temporary).unwrap();
        let mut command = Command::new(PROGRAMS);
        command
            .args(["facts", "1"])
            .env("TMPDIR", &temporary)
            .process_group(0);
        let mark = crew.mark();
        let ended = Program::spawn(&crew.place, command, &[(MARK, &mark)]).ended();
        assert!(ended.out.contains("CHILTEPIN_WORKER_ID=0"), "{ended:?}");
        assert!(!ended.out.contains("error"), "{ended:?}");
        crew.nobody_is_left();
        fs::remove_dir(&temporary).expect("nothing is left in it");
        folders_are_gone(&crew);
    }
}

fn without_environment(config: &str) -> String {
    let lines = config.lines();
    let lines = lines.filter(|line| !line.starts_with("environment"));
    lines.map(|line| format!("{line}\n")).collect()
}
