//! Files of commands: their streams, their directory, what they promise to make.

use std::path::PathBuf;

use chiltepin::{AppFuture, Capture, ErrorKind, TaskContext, bash_task, task};

use crate::place::{Place, shell};

const BOTH: &str = "echo out; echo err >&2; echo out again";

fn done(exit: &AppFuture<i32>) {
    assert_eq!(exit.result().unwrap(), 0);
}

#[chiltepin::test]
fn without_a_request_no_file_is_made() {
    let place = Place::new();
    let workflow = place.configured("[workflow]\njournal = false");
    let exits = workflow.map(0..4, |_| shell(BOTH));
    exits.iter().for_each(done);
    assert_eq!((exits[0].stdout(), exits[0].stderr()), (None, None));
    assert!(shell("exit 1").submit(&workflow).result().is_err());
    workflow.close_blocking();
    drop(workflow);
    assert!(
        std::fs::read_dir(place.root()).unwrap().next().is_none(),
        "not even the folder for runs is made"
    );
}

#[chiltepin::test]
fn streams_go_to_files_whose_folders_are_made() {
    let place = Place::new();
    let workflow = place.workflow();
    let (out, err) = (place.path("a/b/out"), place.path("c/err"));
    let exit = shell(BOTH).stdout(&out).stderr(&err).submit(&workflow);
    let (to_out, to_err) = (exit.stdout().unwrap(), exit.stderr().unwrap());
    assert_eq!((to_out.path(), to_err.path()), (&*out, &*err));
    done(&exit);
    assert_eq!(to_out.text().unwrap(), "out\nout again\n");
    assert_eq!(to_err.read().unwrap(), b"err\n");
    assert_eq!(place.text("a/b/out"), "out\nout again\n");
    assert_eq!(place.text("c/err"), "err\n");
    assert!(!place.path("runs/latest/tasks").exists());
}

#[chiltepin::test]
fn a_file_is_emptied_first_or_written_behind() {
    let place = Place::new();
    let workflow = place.workflow();
    let (new, kept) = (
        place.write("new", "much that was there before\n"),
        place.write("kept", "before\n"),
    );
    for _ in 0..2 {
        done(
            &shell(BOTH)
                .stdout(Capture::to(&new))
                .stderr(Capture::append(&kept))
                .submit(&workflow),
        );
    }
    assert_eq!(place.text("new"), "out\nout again\n");
    assert_eq!(place.text("kept"), "before\nerr\nerr\n");
}

#[chiltepin::test]
fn both_streams_may_share_a_file() {
    let place = Place::new();
    let workflow = place.workflow();
    let both = place.write("both", "before\n");
    done(
        &shell(BOTH)
            .stdout(Capture::append(&both))
            .stderr(Capture::append(&both))
            .submit(&workflow),
    );
    assert_eq!(place.text("both"), "before\nout\nerr\nout again\n");
    done(&shell(BOTH).stdout(&both).stderr(&both).submit(&workflow));
    assert_eq!(place.text("both"), "out\nerr\nout again\n");
}

#[chiltepin::test]
fn automatic_files_are_the_task_s_own() {
    let place = Place::new();
    let workflow = place.workflow();
    let call = || {
        shell("echo $CHILTEPIN_TASK_ID; echo err >&2")
            .stdout(Capture::auto())
            .stderr(Capture::auto())
            .name("odd/name of it")
    };
    let exits = [call().submit(&workflow), call().submit(&workflow)];
    for exit in &exits {
        let (out, err) = (exit.stdout().unwrap(), exit.stderr().unwrap());
        assert!(out.path().starts_with(place.path("runs")), "{out}");
        assert!(out != err);
        done(exit);
        let id = format!("{}\n", exit.id().unwrap());
        assert_eq!(std::fs::read_to_string(out).unwrap(), id);
        assert_eq!(std::fs::read_to_string(err).unwrap(), "err\n");
    }
    assert_ne!(exits[0].stdout(), exits[1].stdout());
}

#[chiltepin::test]
fn an_error_quotes_the_end_of_a_captured_stderr() {
    let place = Place::new();
    let workflow = place.workflow();
    let err = place.write("err", "of another time\n");
    let script = "for i in {1..25}; do echo $i >&2; done; exit 1";
    let call = shell(script).stderr(Capture::append(&err));
    let error = call.submit(&workflow).result().unwrap_err();
    let last: String = (6..=25).map(|number| format!("{number}\n")).collect();
    match error.kind() {
        ErrorKind::ExitCode { code: 1, stderr } => assert_eq!(stderr.trim_end(), last.trim_end()),
        _ => panic!("{error}"),
    }
    assert_eq!(place.text("err").lines().count(), 26);
    let script = "echo short >&2; exit 1";
    let call = shell(script).stderr(Capture::append(&err));
    let error = call.submit(&workflow).result().unwrap_err();
    match error.kind() {
        ErrorKind::ExitCode { stderr, .. } => assert_eq!(stderr.trim_end(), "short"),
        _ => panic!("{error}"),
    }
}

#[chiltepin::test]
fn a_file_that_cannot_be_opened_is_an_error() {
    let place = Place::new();
    let workflow = place.workflow();
    let file = place.write("file", "");
    let call = shell("touch ran")
        .directory(place.root())
        .stdout(file.join("out"));
    let error = call.submit(&workflow).result().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::System { .. }), "{error}");
    assert!(error.to_string().contains("file/out"), "{error}");
    assert!(!place.path("ran").exists());
}

#[chiltepin::test]
fn a_command_starts_in_its_directory_and_the_driver_stays_where_it_is() {
    let place = Place::new();
    let workflow = place.workflow();
    let before = std::env::current_dir().unwrap();
    let deep = place.path("some/deep");
    let told = |out: &str| shell("pwd -P").stdout(place.path(out));
    let exit = told("in").directory(&deep).submit(&workflow);
    done(&exit);
    done(&told("out").submit(&workflow));
    let pwd = |name: &str| PathBuf::from(place.text(name).trim_end());
    assert_eq!(pwd("in"), deep.canonicalize().unwrap());
    assert_eq!(pwd("out"), before.canonicalize().unwrap());
    assert_eq!(std::env::current_dir().unwrap(), before);
}

#[chiltepin::test]
fn a_directory_that_cannot_be_made_is_an_error() {
    let place = Place::new();
    let file = place.write("file", "");
    let call = shell("true").directory(file.join("below"));
    let error = call.submit(&place.workflow()).result().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::System { .. }), "{error}");
    assert!(error.to_string().contains("file/below"), "{error}");
}

#[chiltepin::test]
fn a_fresh_directory_is_the_task_s_own_and_stays() {
    let place = Place::new();
    let workflow = place.workflow();
    let exits = ["one", "two"].map(|out| {
        shell("ls -A; pwd -P; touch here")
            .fresh_directory()
            .stdout(place.path(out))
            .submit(&workflow)
    });
    exits.iter().for_each(done);
    workflow.close_blocking();
    drop(workflow);
    let [one, two] = ["one", "two"].map(|out| PathBuf::from(place.text(out).trim_end()));
    assert_ne!(one, two);
    for folder in [one, two] {
        assert!(folder.starts_with(place.path("runs").canonicalize().unwrap()));
        assert!(folder.join("here").exists());
    }
}

#[task]
fn told_directory(context: &TaskContext) -> PathBuf {
    assert!(context.directory().is_dir());
    context.directory()
}

#[bash_task]
fn body_told_directory(context: &TaskContext) -> String {
    chiltepin::sh!("test {context.directory()} -ef .")
}

#[chiltepin::test]
fn a_body_is_told_the_directory() {
    let place = Place::new();
    let workflow = place.workflow();
    let deep = place.path("some/deep");
    let told = told_directory().directory(&deep).submit(&workflow);
    assert_eq!(told.result().unwrap(), deep);
    let told = told_directory().submit(&workflow).result().unwrap();
    assert_eq!(told, std::env::current_dir().unwrap());
    done(
        &body_told_directory()
            .directory(place.path("other"))
            .submit(&workflow),
    );
    done(&body_told_directory().fresh_directory().submit(&workflow));
    done(&body_told_directory().submit(&workflow));
}

#[chiltepin::test]
fn a_promised_file_must_be_there() {
    let place = Place::new();
    let workflow = place.workflow();
    let made = |outputs: [PathBuf; 2]| {
        shell("touch relative absolute")
            .directory(place.path("work"))
            .outputs(outputs)
            .submit(&workflow)
            .result()
    };
    let absolute = place.path("work/absolute");
    assert_eq!(made(["relative".into(), absolute]).unwrap(), 0);
    let error = made(["relative".into(), "missing".into()]).unwrap_err();
    match error.kind() {
        ErrorKind::MissingOutput { path } => assert_eq!(*path, place.path("work/missing")),
        _ => panic!("{error}"),
    }
    assert!(error.to_string().contains("work/missing"), "{error}");
}

#[chiltepin::test]
fn a_failed_exit_goes_before_a_missing_file() {
    let place = Place::new();
    let call = shell("exit 2").directory(place.root()).outputs(["missing"]);
    let error = call.submit(&place.workflow()).result().unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::ExitCode { code: 2, .. }),
        "{error}"
    );
}
