//! What workers find, how many there are, and what runs together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chiltepin::{Resources, Workflow, bash_task, task};

use crate::crew::{Crew, MARK, note, notes, wait_for};
use crate::place::until;
use crate::process::Process;
use crate::processes_driver::PROGRAMS;
use crate::program::Program;

/// What as many workers find, a line each, in order.
fn facts(settings: &str, count: u32, variables: &[(&str, &str)]) -> Vec<String> {
    let crew = Crew::new();
    // What is for the run stands before the settings of the workers.
    let (run, settings) = match settings.strip_prefix("workflow.") {
        Some(line) => (line, ""),
        None => ("", settings),
    };
    let config = crew.config(&[], settings);
    let config = config.replacen("[workflow]", &format!("[workflow]\n{run}"), 1);
    crew.place.write("chiltepin.toml", &config);
    let mark = crew.mark();
    let mut command = std::process::Command::new(PROGRAMS);
    command.args(["facts", &count.to_string()]);
    for name in ["OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES"] {
        command.env_remove(name);
    }
    let mut all = vec![(MARK, &*mark)];
    all.extend_from_slice(variables);
    let ended = Program::spawn(&crew.place, command, &all).ended();
    assert_eq!((ended.code, &*ended.err), (Some(0), ""), "{ended:?}");
    let mut lines: Vec<_> = ended.out.lines().map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}

/// The value of a fact in each line.
fn each<'a>(lines: &'a [String], name: &str) -> Vec<Option<&'a str>> {
    let find = |line: &'a String| {
        line.split(' ')
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    };
    lines.iter().map(find).collect()
}

#[test]
fn workers_are_numbered_and_told_how_many_threads_they_have() {
    let lines = facts(
        "max_workers_per_node = 3\ncores_per_worker = 2\ncores_per_node = 6",
        3,
        &[],
    );
    assert_eq!(
        each(&lines, "CHILTEPIN_WORKER_ID"),
        [Some("0"), Some("1"), Some("2")]
    );
    assert_eq!(each(&lines, "OMP_NUM_THREADS"), [Some("2"); 3]);
    let preset = [("OMP_NUM_THREADS", "5")];
    let lines = facts(
        "max_workers_per_node = 1\ncores_per_worker = 2\ncores_per_node = 2",
        1,
        &preset,
    );
    assert_eq!(each(&lines, "OMP_NUM_THREADS"), [Some("5")]);
}

#[test]
fn gpus_are_divided_among_the_workers() {
    let granted = [("CUDA_VISIBLE_DEVICES", "4,5,6,7")];
    let lines = facts(
        "max_workers_per_node = 2\ncores_per_node = 2\ngpus_per_worker = 2",
        2,
        &granted,
    );
    assert_eq!(
        each(&lines, "CUDA_VISIBLE_DEVICES"),
        [Some("4,5"), Some("6,7")]
    );
    // No more workers than there are GPUs for.
    let lines = facts(
        "max_workers_per_node = 8\ncores_per_node = 8\ngpus_per_worker = 4",
        1,
        &granted,
    );
    assert_eq!(each(&lines, "CUDA_VISIBLE_DEVICES"), [Some("4,5,6,7")]);
}

#[test]
fn workers_log_what_the_program_does() {
    let lines = facts("workflow.log_level = \"error\"", 1, &[]);
    assert_eq!(each(&lines, "CHILTEPIN_LOG"), [Some("error")]);
    let lines = facts("", 1, &[]);
    assert_eq!(each(&lines, "CHILTEPIN_LOG"), [None]);
}

/// The CPUs that this process may use.
fn own_cpus() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    line.unwrap().trim().to_owned()
}

#[test]
fn workers_are_bound_to_cores_of_their_own_where_that_is_asked_for() {
    let own = own_cpus();
    let lines = facts("max_workers_per_node = 1", 1, &[]);
    assert_eq!(each(&lines, "cpus"), [Some(&*own)]);
    let count = std::thread::available_parallelism().unwrap().get();
    let count = u32::try_from(count).unwrap().min(2);
    let settings = format!("max_workers_per_node = {count}\ncpu_affinity = true");
    let lines = facts(&settings, count, &[]);
    let bound = each(&lines, "cpus");
    let mut cpus: Vec<_> = bound.iter().map(|cpus| cpus.unwrap()).collect();
    assert!(
        cpus.iter().all(|cpus| cpus.parse::<u32>().is_ok()),
        "{cpus:?}"
    );
    cpus.dedup();
    assert_eq!(cpus.len(), count as usize, "{cpus:?}");
}

#[task]
fn process() -> u32 {
    std::process::id()
}

#[task]
fn hold(begun: PathBuf, go: PathBuf) -> u32 {
    note(&begun, "begun");
    wait_for(&go);
    std::process::id()
}

fn hold_some(crew: &Crew, workflow: &Workflow, count: usize) {
    let (begun, go) = (crew.place.path("begun"), crew.place.path("go"));
    let _ = std::fs::remove_file(&go);
    let _ = std::fs::remove_file(&begun);
    let held = workflow.map(0..count, |_| hold(begun.clone(), go.clone()));
    until("the tasks to run", || notes(&begun).len() == count);
    let workers = crew.workers().len();
    crew.place.write("go", "");
    let mut processes: Vec<_> = held.iter().map(|future| future.result().unwrap()).collect();
    processes.sort_unstable();
    processes.dedup();
    assert_eq!((processes.len(), workers), (count, count));
}

#[chiltepin::test]
fn workers_are_started_on_demand_and_end_when_idle() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 3\ncores_per_node = 3\nmax_idletime = \"1s\"");
    assert!(crew.workers().is_empty());
    process().submit(&workflow).result().unwrap();
    assert_eq!(crew.workers().len(), 1);
    hold_some(&crew, &workflow, 3);
    until("all to be given back", || crew.workers().is_empty());
    process().submit(&workflow).result().unwrap();
    assert_eq!(crew.workers().len(), 1);
}

#[chiltepin::test]
fn min_blocks_keeps_workers_and_replaces_them() {
    let crew = Crew::new();
    let workflow = crew.open(
        "max_workers_per_node = 1\ncores_per_node = 3\nmin_blocks = 1\ninit_blocks = 2\n\
         max_blocks = 3\nmax_idletime = \"1s\"",
    );
    until("the first to be started without a task", || {
        !crew.workers().is_empty()
    });
    hold_some(&crew, &workflow, 3);
    until("all but one to be given back", || crew.workers().len() == 1);
    crew.workers().iter().for_each(Process::kill);
    until("another to be started", || {
        crew.workers().iter().any(Process::runs)
    });
}

#[chiltepin::test]
fn what_was_sent_ahead_to_a_busy_worker_is_taken_over() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 2\ncores_per_node = 2");
    // Many short ones first, so that many are sent ahead.
    for future in workflow.map(0..500, |_| process()) {
        future.result().unwrap();
    }
    let (begun, go) = (crew.place.path("begun"), crew.place.path("go"));
    let long = hold(begun.clone(), go).submit(&workflow);
    let short = workflow.map(0..100, |_| process());
    until("the long one to run", || begun.exists());
    for future in short {
        future
            .result_timeout(Duration::from_secs(60))
            .unwrap()
            .unwrap();
    }
    assert!(!long.done());
    crew.place.write("go", "");
    long.result().unwrap();
}

/// Counts itself among those that run now, and notes how many they are.
#[task]
fn count_in(folder: PathBuf, number: u32) -> u32 {
    be_counted(&folder, number, || {
        std::thread::sleep(Duration::from_millis(30))
    });
    number
}

#[bash_task]
fn count_in_command(folder: PathBuf, number: u32) -> String {
    chiltepin::sh!(
        "cd {folder}; : > inside-{number}; sleep 0.03; ls -d inside-* | wc -l >> counts; \
         rm inside-{number}"
    )
}

fn be_counted(folder: &Path, number: u32, act: impl FnOnce()) {
    let own = folder.join(format!("inside-{number}"));
    std::fs::write(&own, "").unwrap();
    act();
    let entries = std::fs::read_dir(folder).unwrap();
    let inside = entries
        .filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().starts_with("inside-")
        })
        .count();
    note(&folder.join("counts"), &inside.to_string());
    std::fs::remove_file(own).unwrap();
}

/// The most tasks that ran at once, of some with these resources.
fn most_at_once(settings: &str, resources: Resources) -> u32 {
    let crew = Crew::new();
    let workflow = crew.open(settings);
    let folder = crew.place.path("counted");
    std::fs::create_dir(&folder).unwrap();
    let functions = workflow.map(0..20, |number| {
        count_in(folder.clone(), number).resources(resources)
    });
    let commands = workflow.map(20..30, |number| {
        count_in_command(folder.clone(), number).resources(resources)
    });
    for future in functions {
        future.result().unwrap();
    }
    for future in commands {
        assert_eq!(future.result().unwrap(), 0);
    }
    let counts = notes(&folder.join("counts"));
    assert_eq!(counts.len(), 30);
    counts
        .iter()
        .map(|count| count.trim().parse().unwrap())
        .max()
        .unwrap()
}

#[chiltepin::test]
fn what_a_call_asks_for_limits_what_runs_beside_it() {
    const GIB: u64 = 1 << 30;
    let node = "max_workers_per_node = 4\ncores_per_node = 4\nmemory_per_node = \"4GiB\"";
    let ask = |cores, memory| Resources {
        cores,
        memory,
        ..Resources::default()
    };
    assert_eq!(most_at_once(node, ask(0, 3 * GIB)), 1);
    assert_eq!(most_at_once(node, ask(2, 0)), 2);
    assert_eq!(most_at_once(node, ask(3, 0)), 1);
    assert!(most_at_once(node, ask(1, 0)) > 2);
    assert!(most_at_once(node, ask(0, GIB)) > 2);
}
