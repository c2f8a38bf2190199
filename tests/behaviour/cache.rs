//! Results that outlive their run.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use chiltepin::{File, Workflow, bash_task, sh, task};
use proptest::strategy::{Strategy, ValueTree as _};
use rustix::process::Signal;

use crate::place::Place;
use crate::program::Program;

/// A workflow that keeps its results here.
fn open(place: &Place) -> Workflow {
    place.configured(&format!(
        "[workflow]\ncache = '{}'",
        folder(place).display()
    ))
}

fn folder(place: &Place) -> PathBuf {
    place.path("cache")
}

/// How often a body ran, told by a file: bodies may run in other processes.
fn runs(place: &Place, name: &str) -> usize {
    fs::read_to_string(place.path(name)).map_or(0, |text| text.lines().count())
}

fn note(log: &PathBuf) {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap();
    writeln!(file, "ran").unwrap();
}

#[task(cache, ignore(log))]
fn square(n: u64, log: PathBuf) -> u64 {
    note(&log);
    n * n
}

#[task(cache, ignore(log))]
fn sum(values: Vec<u64>, log: PathBuf) -> u64 {
    note(&log);
    values.iter().sum()
}

#[task(cache, ignore(log))]
fn length(file: File, log: PathBuf) -> std::io::Result<usize> {
    note(&log);
    Ok(fs::read_to_string(&file)?.len())
}

#[chiltepin::test]
fn what_was_worked_out_is_not_worked_out_again(_workflow: Workflow) -> chiltepin::Result<()> {
    let place = Place::new();
    for run in 1..=2 {
        let workflow = open(&place);
        let squares: Vec<_> = (0..10)
            .map(|n| square(n, place.path("squares")).submit(&workflow))
            .collect();
        let total = sum(squares, place.path("sums")).submit(&workflow);
        assert_eq!(total.result()?, 285, "run {run}");
        assert_eq!((runs(&place, "squares"), runs(&place, "sums")), (10, 1));
        let status = workflow.status().tasks;
        let cached = if run == 1 { 0 } else { 11 };
        assert_eq!((status.succeeded, status.cached), (11, cached));
    }
    // One argument is another one.
    let workflow = open(&place);
    assert_eq!(
        square(10, place.path("squares"))
            .submit(&workflow)
            .result()?,
        100
    );
    assert_eq!(runs(&place, "squares"), 11);
    Ok(())
}

#[chiltepin::test]
fn a_value_that_is_worked_out_anew_and_equal_changes_nothing_behind_it(
    _workflow: Workflow,
) -> chiltepin::Result<()> {
    let place = Place::new();
    for run in 1..=2 {
        let workflow = open(&place);
        let three = square(3, place.path("squares"))
            .cache(false)
            .submit(&workflow);
        let total = sum(vec![three], place.path("sums")).submit(&workflow);
        assert_eq!(total.result()?, 9);
        assert_eq!((runs(&place, "squares"), runs(&place, "sums")), (run, 1));
    }
    Ok(())
}

#[chiltepin::test]
fn a_file_counts_by_what_it_holds(_workflow: Workflow) -> chiltepin::Result<()> {
    let place = Place::new();
    let texts = [("one", 1), ("one", 1), ("three", 2), ("one", 2)];
    for (text, ran) in texts {
        let file = place.write("text", text);
        let workflow = open(&place);
        let length = length(File::new(file), place.path("lengths")).submit(&workflow);
        assert_eq!(length.result()?, text.len());
        assert_eq!(runs(&place, "lengths"), ran, "{text}");
    }
    Ok(())
}

#[chiltepin::test]
fn a_file_that_is_not_there_is_the_task_s_own_error(_workflow: Workflow) {
    let place = Place::new();
    let workflow = open(&place);
    for ran in 1..=2 {
        let file = File::new(place.path("nothing"));
        let error = length(file, place.path("lengths")).submit(&workflow);
        let error = error.result().unwrap_err();
        assert!(
            error.downcast_ref::<std::io::Error>().is_some()
                || error.to_string().contains("No such file"),
            "{error}"
        );
        assert_eq!(runs(&place, "lengths"), ran);
    }
}

/// What the program `kept` prints.
pub(crate) fn expected() -> u64 {
    let chain = |chain: u64| (0..8).fold(chain, |value, place| value * 3 + chain + place);
    (0..6).map(chain).sum()
}

/// Starts the program on threads of its own.
fn kept(place: &Place) -> Program<'_> {
    Program::start_with(place, &["kept"], &[("CHILTEPIN_CONFIG", "")])
}

/// The driver is killed at some moment, again and again; what was finished is not done once more.
#[chiltepin::test]
fn a_driver_that_is_killed_loses_no_finished_result(_workflow: Workflow) {
    let place = Place::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let moments = Strategy::new_tree(&proptest::collection::vec(0..60_u64, 50), &mut runner);
    for moment in moments.unwrap().current() {
        // In this process: the folders of worker processes outlive a driver that is killed while it
        // starts them.
        let program = kept(&place);
        // Whatever it has come to by then.
        std::thread::sleep(std::time::Duration::from_millis(moment));
        program.signal(Signal::KILL);
        program.ended();
    }
    let ended = kept(&place).ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.out.trim(), expected().to_string());
    let mut done = BTreeSet::new();
    let log = place.text("log");
    for line in log.lines() {
        let (what, task) = line.split_once(' ').unwrap();
        match what {
            "done" => drop(done.insert(task)),
            _ => assert!(!done.contains(task), "{task} was done and ran again"),
        }
    }
    assert_eq!(done.len(), 6 * 8);
    let ran = log.lines().filter(|line| line.starts_with("ran")).count();
    assert!(ran >= done.len(), "it ran {ran} times");
    // Now all of it is there.
    kept(&place).ended();
    let runs = |log: &str| log.lines().filter(|line| line.starts_with("ran")).count();
    assert_eq!(runs(&place.text("log")), ran);
}

static FAILURES: AtomicU32 = AtomicU32::new(0);

#[task(cache)]
fn fail_at_first() -> Result<u32, String> {
    match FAILURES.fetch_add(1, Ordering::SeqCst) {
        0 => Err("not yet".to_owned()),
        n => Ok(n),
    }
}

#[chiltepin::test]
fn a_failure_is_not_kept(_workflow: Workflow) -> chiltepin::Result<()> {
    let place = Place::new();
    let config = "[workflow]\nexecutors = ['local']\ncache = '".to_owned()
        + &folder(&place).display().to_string()
        + "'";
    let workflow = place.configured(&config);
    assert!(
        fail_at_first()
            .on("local")
            .submit(&workflow)
            .result()
            .is_err()
    );
    for _ in 0..3 {
        assert_eq!(fail_at_first().on("local").submit(&workflow).result()?, 1);
    }
    Ok(())
}

#[chiltepin::test]
fn equal_calls_at_the_same_time_run_once(_workflow: Workflow) -> chiltepin::Result<()> {
    #[task(cache, ignore(log))]
    fn slow(n: u64, log: PathBuf) -> u64 {
        note(&log);
        std::thread::sleep(std::time::Duration::from_millis(50));
        n
    }
    let place = Place::new();
    let workflow = open(&place);
    let futures: Vec<_> = (0..100)
        .map(|n| slow(n % 5, place.path("slow")).submit(&workflow))
        .collect();
    for (n, future) in (0..).zip(futures) {
        assert_eq!(future.result()?, n % 5);
    }
    assert_eq!(runs(&place, "slow"), 5);
    Ok(())
}

#[chiltepin::test]
fn of_equal_calls_another_one_runs_where_the_first_is_cancelled(
    _workflow: Workflow,
) -> chiltepin::Result<()> {
    #[task(cache)]
    fn wait(go: PathBuf) -> u32 {
        while !go.exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        7
    }
    let place = Place::new();
    let workflow = open(&place);
    let calls: Vec<_> = (0..3)
        .map(|_| wait(place.path("go")).on("local").submit(&workflow))
        .collect();
    calls[0].cancel();
    calls[1].cancel();
    place.write("go", "");
    assert_eq!(calls[2].result()?, 7);
    assert!(calls[0].result().is_err() && calls[1].result().is_err());
    Ok(())
}

#[bash_task(cache, ignore(log))]
fn report(text: String, log: PathBuf) -> String {
    sh!("echo ran >> {log}; echo {text} > report.txt; echo told {text}")
}

#[chiltepin::test]
fn the_files_of_a_command_are_put_back_or_made_anew(_workflow: Workflow) -> chiltepin::Result<()> {
    let place = Place::new();
    let call = |workflow: &Workflow| {
        report("all well".to_owned(), place.path("log"))
            .directory(place.path("work"))
            .outputs(["report.txt"])
            .stdout(place.path("told"))
            .submit(workflow)
            .result()
    };
    for run in 0..3 {
        let workflow = open(&place);
        assert_eq!(call(&workflow)?, 0);
        assert_eq!(place.text("work/report.txt"), "all well\n", "run {run}");
        assert_eq!(place.text("told"), "told all well\n", "run {run}");
        match run {
            0 => fs::remove_dir_all(place.path("work")).unwrap(),
            1 => fs::write(place.path("work/report.txt"), "changed").unwrap(),
            _ => {}
        }
    }
    assert_eq!(runs(&place, "log"), 1);
    // Without what was kept, it is made anew.
    fs::remove_dir_all(folder(&place).join("objects")).unwrap();
    fs::remove_dir_all(place.path("work")).unwrap();
    let workflow = open(&place);
    assert_eq!(call(&workflow)?, 0);
    assert_eq!(place.text("work/report.txt"), "all well\n");
    assert_eq!(runs(&place, "log"), 2);
    Ok(())
}

#[chiltepin::test]
fn what_a_command_writes_to_a_device_is_not_kept_and_nothing_is_put_in_its_place(
    _workflow: Workflow,
) -> chiltepin::Result<()> {
    let place = Place::new();
    // By links: were something put in their place, it would not be in the machine's own.
    for name in ["out", "err"] {
        std::os::unix::fs::symlink("/dev/null", place.path(name)).unwrap();
    }
    for run in 1..=2 {
        let workflow = open(&place);
        let exit = report("all well".to_owned(), place.path("log"))
            .directory(place.path("work"))
            .stdout(place.path("out"))
            .stderr(place.path("err"))
            .submit(&workflow);
        assert_eq!(exit.result()?, 0);
        assert_eq!(runs(&place, "log"), 1, "run {run}");
        let kind = |name: &str| fs::symlink_metadata(place.path(name)).unwrap().file_type();
        assert!(kind("out").is_symlink() && kind("err").is_symlink());
    }
    Ok(())
}

#[task(cache)]
fn draw(text: String, context: &chiltepin::TaskContext) -> std::io::Result<PathBuf> {
    let folder = context.directory();
    assert_eq!(fs::read_dir(&folder)?.count(), 0, "it is empty at first");
    let path = folder.join("picture");
    fs::write(&path, text)?;
    Ok(path)
}

#[chiltepin::test]
fn a_directory_of_its_own_is_kept_with_the_result(_workflow: Workflow) -> chiltepin::Result<()> {
    let place = Place::new();
    let mut paths = Vec::new();
    for _ in 0..2 {
        let workflow = open(&place);
        let path = draw("a tree".to_owned())
            .fresh_directory()
            .submit(&workflow)
            .result()?;
        assert_eq!(fs::read_to_string(&path).unwrap(), "a tree");
        paths.push(path);
    }
    assert_eq!(paths[0], paths[1]);
    assert!(paths[0].starts_with(folder(&place)));
    // Without the directory the result is worked out again.
    fs::remove_dir_all(paths[0].parent().unwrap()).unwrap();
    let workflow = open(&place);
    let path = draw("a tree".to_owned())
        .fresh_directory()
        .submit(&workflow)
        .result()?;
    assert_eq!(fs::read_to_string(&path).unwrap(), "a tree");
    Ok(())
}

#[chiltepin::test]
fn a_cache_that_cannot_be_used_keeps_no_task_from_running(
    _workflow: Workflow,
) -> chiltepin::Result<()> {
    for format in ["chiltepin cache 9\n", ""] {
        let place = Place::new();
        if format.is_empty() {
            // A file where the folder should be.
            place.write("cache", "");
        } else {
            fs::create_dir(folder(&place)).unwrap();
            fs::write(folder(&place).join("format"), format).unwrap();
        }
        let workflow = open(&place);
        for ran in 1..=2 {
            let four = square(2, place.path("squares")).submit(&workflow);
            assert_eq!(four.result()?, 4);
            assert_eq!(runs(&place, "squares"), ran);
        }
    }
    Ok(())
}

#[chiltepin::test]
fn with_the_cache_off_every_task_runs(_workflow: Workflow) -> chiltepin::Result<()> {
    let place = Place::new();
    for ran in 1..=2 {
        let workflow = place.configured("[workflow]\ncache = false");
        assert_eq!(
            square(2, place.path("squares"))
                .submit(&workflow)
                .result()?,
            4
        );
        assert_eq!(runs(&place, "squares"), ran);
    }
    assert!(!place.path("runs/cache").exists());
    Ok(())
}
