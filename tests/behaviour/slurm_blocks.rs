//! Programs on blocks of a real Slurm, while nodes, jobs and drivers end under them.

use std::collections::HashSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::place::{Place, until};
use crate::program::Program;
use crate::slurm::Cluster;

/// A folder with the configuration of a program whose tasks go to blocks with these settings.
fn place(settings: &str) -> Place {
    let place = Place::new();
    place.write(
        "chiltepin.toml",
        &format!(
            "[workflow]\nexecutors = [\"block\"]\ngrace = \"1s\"\n\
             [block]\nprovider = \"slurm\"\npoll_interval = \"1s\"\nmax_idletime = \"1s\"\n\
             {settings}\n"
        ),
    );
    place
}

fn start<'a>(place: &'a Place, cluster: &Cluster, arguments: &[&str]) -> Program<'a> {
    let variables = cluster.variables();
    let mut environment: Vec<_> = variables.iter().map(|(k, v)| (&**k, &**v)).collect();
    environment.push(("CHILTEPIN_CONFIG", "chiltepin.toml"));
    environment.push(("CHILTEPIN_LOG", "info"));
    Program::start_with(place, &[&["clustered"], arguments].concat(), &environment)
}

fn said(place: &Place) -> String {
    place.text("stdout")
}

#[track_caller]
fn until_said(place: &Place, text: &str) {
    until(&format!("the program to print `{text}`"), || {
        said(place).contains(text)
    });
}

/// Waits for a program that may take longer than most.
#[track_caller]
fn ends_well(place: &Place, mut program: Program<'_>, within: Duration) {
    let begun = Instant::now();
    while program.runs() {
        let (out, err) = (said(place), place.text("stderr"));
        assert!(begun.elapsed() < within, "it goes on: {out}\n{err}");
        thread::sleep(Duration::from_millis(50));
    }
    let ended = program.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

/// All that Slurm still knows of jobs that are not over.
fn jobs(cluster: &Cluster) -> Vec<String> {
    let text = cluster.ask("squeue", &["--noheader", "--format=%i"]);
    text.lines().map(ToOwned::to_owned).collect()
}

#[track_caller]
fn no_jobs_are_left(cluster: &Cluster) {
    until("all jobs to be over", || jobs(cluster).is_empty());
}

fn sum(count: u64) -> String {
    format!("sum {}", count * (count - 1) / 2)
}

/// Runs tasks on a block of two nodes, does something to them, and sees that nothing is lost.
fn no_task_is_lost(cluster: &Cluster, settings: &str, harm: impl FnOnce(&Cluster)) -> String {
    let place = place(&format!(
        "nodes_per_block = 2\nmax_workers_per_node = 2\nwalltime = \"0:10:00\"\n{settings}"
    ));
    let program = start(&place, cluster, &["tasks", "40", "400"]);
    until_said(&place, "begun");
    harm(cluster);
    ends_well(&place, program, Duration::from_secs(150));
    let out = said(&place);
    assert!(out.contains(&sum(40)), "{out}");
    let text = place.text("runs.txt");
    let ran: HashSet<_> = text.lines().collect();
    assert_eq!(ran.len(), 40, "every task ran");
    assert!(out.contains("none left"), "{out}");
    no_jobs_are_left(cluster);
    out
}

#[test]
fn a_block_runs_tasks_on_both_of_its_nodes_and_is_given_back() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let out = no_task_is_lost(cluster, "", |_| {});
    assert!(out.contains("blocks 1"), "{out}");
}

#[test]
fn a_node_that_is_downed_loses_no_task() {
    let Some(cluster) = Cluster::up(3, 4) else {
        return;
    };
    no_task_is_lost(&cluster, "", |cluster| {
        let node = cluster.ask("squeue", &["--noheader", "--format=%B"]);
        let node = format!("nodename={}", node.trim());
        cluster.ask("scontrol", &["update", &node, "state=down", "reason=test"]);
    });
}

#[test]
fn a_node_that_crashes_loses_no_task() {
    let Some(cluster) = Cluster::up(3, 4) else {
        return;
    };
    no_task_is_lost(&cluster, "", |cluster| cluster.kill_node("n2"));
}

#[test]
fn a_block_that_is_cancelled_is_replaced() {
    let Some(cluster) = Cluster::up(3, 4) else {
        return;
    };
    let out = no_task_is_lost(&cluster, "", |cluster| {
        for job in jobs(cluster) {
            cluster.ask("scancel", &[&job]);
        }
    });
    assert!(out.contains("blocks 2"), "{out}");
}

#[test]
fn blocks_grow_to_the_most_and_shrink_to_none() {
    let Some(cluster) = Cluster::up(3, 4) else {
        return;
    };
    let place = place("max_workers_per_node = 2\nmax_blocks = 2\nwalltime = \"0:10:00\"");
    let program = start(&place, &cluster, &["tasks", "40", "200"]);
    until("both blocks to run", || jobs(&cluster).len() == 2);
    ends_well(&place, program, Duration::from_secs(100));
    let out = said(&place);
    assert!(
        out.contains(&sum(40)) && out.contains("blocks 2") && out.contains("none left"),
        "{out}"
    );
    no_jobs_are_left(&cluster);
}

#[test]
fn a_walltime_that_ends_meanwhile_loses_no_task() {
    let Some(cluster) = Cluster::up(2, 4) else {
        return;
    };
    let place = place("max_workers_per_node = 2\nwalltime = \"0:01:00\"");
    let program = start(&place, &cluster, &["tasks", "8", "25000"]);
    ends_well(&place, program, Duration::from_secs(240));
    let out = said(&place);
    assert!(out.contains(&sum(8)), "{out}");
    assert!(
        !out.contains("blocks 1\n"),
        "one minute is not enough: {out}"
    );
    no_jobs_are_left(&cluster);
}

#[test]
fn two_applications_run_on_nodes_of_their_own_at_once() {
    let Some(cluster) = Cluster::up(3, 4) else {
        return;
    };
    let place =
        place("mpi = true\nmax_mpi_apps = 2\nnodes_per_block = 3\nwalltime = \"0:10:00\"\n");
    let program = start(&place, &cluster, &["applications"]);
    ends_well(&place, program, Duration::from_secs(100));
    let nodes = |name: &str| -> HashSet<String> {
        let text = place.text(&format!("{name}.hosts"));
        text.lines().map(ToOwned::to_owned).collect()
    };
    let (two, one) = (nodes("two"), nodes("one"));
    assert_eq!((two.len(), one.len()), (2, 1), "{two:?} {one:?}");
    assert!(two.is_disjoint(&one), "{two:?} {one:?}");
    let time = |name: &str| place.text(name).trim().parse::<f64>().unwrap();
    assert!(time("two.begun") < time("one.ended"));
    assert!(time("one.begun") < time("two.ended"));
    no_jobs_are_left(&cluster);
}

#[test]
fn nothing_is_left_of_a_driver_that_is_killed() {
    let Some(cluster) = Cluster::up(2, 4) else {
        return;
    };
    let place = place("nodes_per_block = 2\nwalltime = \"0:10:00\"");
    let program = start(&place, &cluster, &["tasks", "40", "100000"]);
    until("a task to run", || place.path("runs.txt").exists());
    program.signal(Signal::KILL);
    let begun = Instant::now();
    no_jobs_are_left(&cluster);
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    drop(program);
    let folder = place.root().to_string_lossy().into_owned();
    until("all processes to be gone", || {
        processes_in(&folder).is_empty()
    });
}

/// The processes that were started from a folder.
fn processes_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap();
    let programs = entries.filter_map(|entry| fs::read_link(entry.ok()?.path().join("exe")).ok());
    let programs = programs.map(|program| program.to_string_lossy().into_owned());
    programs
        .filter(|program| program.starts_with(folder))
        .collect()
}

#[test]
fn an_interrupt_cancels_the_block() {
    let Some(cluster) = Cluster::up(2, 4) else {
        return;
    };
    let place = place("walltime = \"0:10:00\"");
    let program = start(&place, &cluster, &["tasks", "4", "100000"]);
    until("a task to run", || place.path("runs.txt").exists());
    program.signal(Signal::INT);
    // It says itself how its tasks have ended.
    assert_eq!(program.ended().code, Some(1));
    no_jobs_are_left(&cluster);
}

#[test]
fn a_wrong_partition_ends_the_wait_with_the_words_of_slurm() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let place = place("partition = \"nowhere\"");
    let program = start(&place, cluster, &["waits", "0"]);
    ends_well(&place, program, Duration::from_secs(60));
    let out = said(&place);
    assert!(out.contains("invalid partition"), "{out}");
    assert!(out.contains("cannot run on executor `block`"), "{out}");
}

#[test]
fn a_block_that_slurm_will_never_start_is_waited_for_with_the_reason() {
    let Some(cluster) = Cluster::up(1, 2) else {
        return;
    };
    let place = place("nodes_per_block = 9");
    let program = start(&place, &cluster, &["waits", "0"]);
    // Which of its reasons Slurm gives depends on what it looks at first.
    until_said(&place, "  Partition");
    program.says("will not get nodes as things stand; Slurm says why: Partition");
    program.signal(Signal::INT);
    // It says itself how its task has ended.
    let ended = program.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    no_jobs_are_left(&cluster);
}

#[test]
fn a_failing_environment_line_is_in_the_error_with_what_it_wrote() {
    let Some(cluster) = Cluster::up(1, 2) else {
        return;
    };
    let place = place("environment = [\"echo no such module >&2; false\"]");
    let program = start(&place, &cluster, &["waits", "0"]);
    ends_well(&place, program, Duration::from_secs(200));
    let out = said(&place);
    assert!(out.contains("no such module"), "{out}");
    no_jobs_are_left(&cluster);
}

#[test]
fn without_slurm_the_error_names_the_command_that_is_missing() {
    let place = place("");
    let empty = place.path("empty");
    fs::create_dir(&empty).unwrap();
    let environment = [
        ("CHILTEPIN_CONFIG", "chiltepin.toml"),
        ("PATH", empty.to_str().unwrap()),
    ];
    let program = Program::start_with(&place, &["clustered", "waits", "0"], &environment);
    ends_well(&place, program, Duration::from_secs(40));
    let out = said(&place);
    assert!(out.contains("`sbatch` is not on this machine"), "{out}");
}
