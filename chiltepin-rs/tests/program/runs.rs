//! `chiltepin status` and `chiltepin clean`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::{Place, errors, out};

const RUN: &str = "0007";

/// A run with two jobs that are not over and one that is, and what it said of its blocks.
fn run(place: &Place) -> PathBuf {
    let run = place.folder.path().join("runs").join(RUN);
    fs::create_dir_all(&run).unwrap();
    fs::create_dir(place.folder.path().join("runs/0006")).unwrap();
    let job = |name: u32, more: &str| {
        format!(
            "{{\"provider\":\"slurm\",\"executor\":\"compute\",\"block\":{name},\
             \"name\":\"chiltepin-{name}\"{more}}}\n"
        )
    };
    let ledger = [
        job(1, ""),
        job(1, ",\"job\":\"11\""),
        job(2, ""),
        job(3, ",\"job\":\"13\""),
        job(4, ",\"job\":\"14\",\"over\":true"),
        job(5, ",\"job\":\"15\""),
        "{\"provider\":\"slu".to_owned(),
    ];
    fs::write(run.join("jobs.jsonl"), ledger.concat()).unwrap();
    run
}

/// Slurm knows some of them, one under a number that was never noted, and one whose number is
/// somebody else's by now.
fn slurm(place: &Place) {
    place.command(
        "squeue",
        "echo \"$*\" >> squeue.log
         [ -e cancelled ] && exit 0
         cat <<'END'
11|RUNNING|9:59|n[1-2]|chiltepin-1|None
12|PENDING|10:00||chiltepin-2|Resources
99|RUNNING|9:00|n7|chiltepin-5|None
END",
    );
    place.command("scancel", "echo \"$*\" >> scancel.log; touch cancelled");
}

#[test]
fn status_tells_of_the_newest_run() {
    let place = Place::new();
    let run = run(&place);
    slurm(&place);
    fs::write(
        run.join("blocks.json"),
        r#"[{"executor": "compute", "provider": "Slurm", "waiting": 12,
            "trouble": null, "blocks": [
            {"block": 1, "job": "11", "phase": "running", "reason": null,
             "asked": {"secs_since_epoch": 0, "nanos_since_epoch": 0},
             "left": {"secs": 600, "nanos": 0},
             "nodes": [{"node": "n1", "state": "ready", "calls": 3}]},
            {"block": 2, "job": null, "phase": "pending", "reason": "Resources",
             "asked": {"secs_since_epoch": 0, "nanos_since_epoch": 0},
             "left": null, "nodes": []}]}]"#,
    )
    .unwrap();
    let output = place.run_with_commands(&["status"]);
    assert_eq!(errors(&output), "");
    assert_eq!(output.status.code(), Some(0));
    let text = out(&output);
    let told = text.find("the run told ").unwrap();
    let ago = told + text[told..].find(" ago").unwrap();
    let text = format!("{}the run told TIME{}", &text[..told], &text[ago..]);
    insta::assert_snapshot!(text);
    for name in ["7", "0007", "latest"] {
        let by_name = place.run_with_commands(&["status", name]);
        assert_eq!(by_name.status.code(), Some(0), "{name}");
        assert!(out(&by_name).starts_with("run runs/0007\n"));
    }
    let by_path = place.run_with_commands(&["status", run.to_str().unwrap()]);
    assert_eq!(by_path.status.code(), Some(0));
}

#[test]
fn status_of_a_run_without_blocks_says_so() {
    let place = Place::new();
    fs::create_dir_all(place.folder.path().join("runs").join(RUN)).unwrap();
    let output = place.run(&["status"]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    insta::assert_snapshot!(out(&output), @r"
    run runs/0007
    it has no blocks
    ");
}

#[test]
fn a_run_that_is_not_there_is_told_where_it_was_looked_for() {
    let place = Place::new();
    let output = place.run(&["status"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(errors(&output), @"error: there is no run below `runs`; name its folder, or say where it is by `run_dir` in the configuration that `CHILTEPIN_CONFIG` names");
    let output = place.run(&["clean", "nosuch"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(errors(&output), @"error: there is no run `nosuch`, neither as a folder nor below `runs`");
    assert_eq!(place.run(&["clean"]).status.code(), Some(2));
}

#[test]
fn clean_cancels_what_is_the_runs_own_and_removes_what_is_private() {
    let place = Place::new();
    let run = run(&place);
    slurm(&place);
    for (name, mode) in [
        ("chiltepin-Xy12", 0o700),
        ("chiltepin-open", 0o755),
        ("task-1", 0o700),
    ] {
        let folder = run.join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("key"), "").unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
    }
    std::os::unix::fs::symlink(place.folder.path(), run.join("chiltepin-link")).unwrap();
    let output = place.run_with_commands(&["clean", RUN]);
    assert_eq!(errors(&output), "");
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(place.without_path(out(&output)));
    let cancelled = fs::read_to_string(place.folder.path().join("scancel.log")).unwrap();
    assert_eq!(cancelled, "11 12\n");
    assert!(!run.join("chiltepin-Xy12").exists());
    assert!(run.join("chiltepin-open/key").exists() && run.join("task-1/key").exists());
    assert!(place.folder.path().join("runs").exists());

    let again = place.run_with_commands(&["clean", RUN]);
    assert_eq!(again.status.code(), Some(0), "{}", errors(&again));
    assert_eq!(out(&again), format!("nothing to clean in runs/{RUN}\n"));
    let asked = fs::read_to_string(place.folder.path().join("squeue.log")).unwrap();
    assert_eq!(asked.lines().count(), 1, "{asked}");
}

#[test]
fn clean_removes_nothing_while_slurm_does_not_answer() {
    let place = Place::new();
    let run = run(&place);
    let private = run.join("private");
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, Permissions::from_mode(0o700)).unwrap();
    place.command(
        "squeue",
        "echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2; exit 1",
    );
    let output = place.run_with_commands(&["clean", RUN]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(errors(&output));
    assert!(private.exists());
}
