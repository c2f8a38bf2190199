//! The embedded file holds every default, and printing a configuration loses nothing.

use chiltepin::config::{Config, DEFAULT_FILE, Provider};

/// The default file with each commented key, `# key = value`, made active.
fn all_active() -> String {
    let key = |line: &str| {
        line.split_once(" = ")
            .is_some_and(|(key, _)| !key.contains(' '))
    };
    let lines = DEFAULT_FILE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if key(rest) => rest,
            _ => line,
        });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_default_file_equals_the_defaults() {
    let file = Config::from_toml(DEFAULT_FILE).unwrap();
    let plain = Config::from_toml(
        "processes.provider = 'localhost'\n\
         cluster.provider = 'slurm'\n\
         pbs.provider = 'pbspro'\n",
    )
    .unwrap();
    assert_eq!(file, plain);
    assert_eq!(file.workflow, Config::default().workflow);
    assert_eq!(file.resource("local"), Config::default().resource("local"));
}

#[test]
fn the_examples_in_the_default_file_are_valid_and_change_something() {
    let plain = Config::from_toml(DEFAULT_FILE).unwrap();
    let all = Config::from_toml(&all_active()).unwrap();
    assert_eq!(
        all.workflow.executors.as_deref(),
        Some(&["local".to_owned()][..])
    );
    assert_eq!(all.workflow.limits.len(), 2);
    assert!(matches!(&all.resource("local").unwrap().provider,
        Provider::Threads(threads) if threads.max_threads == 8 && threads.memory.is_some()));
    for name in ["local", "processes", "cluster"] {
        assert_ne!(all.resource(name), plain.resource(name), "{name}");
    }
}

#[test]
fn what_is_printed_reads_back_as_the_same() {
    for text in [DEFAULT_FILE, &all_active(), EVERYTHING] {
        let config = Config::from_toml(text).unwrap();
        let printed = config.to_string();
        assert_eq!(Config::from_toml(&printed).unwrap(), config, "{printed}");
    }
}

#[test]
fn printed() {
    insta::assert_snapshot!(Config::from_toml(EVERYTHING).unwrap());
}

const EVERYTHING: &str = r#"
[workflow]
run_dir = "results/of \"today\""
retries = 3
executors = ["local", "mpi"]
limits = { gpu = 1, "my_label" = 2, 'a.b' = 3 }
grace = "1m30s"
log_level = "debug"

[local]
provider = "threads"
max_threads = 3
max_async = 7
memory = "2G"
gpus = 1
prefix = "nice -n '1 0'"
retries = 0
kill_grace = 2

[mpi]
provider = "slurm"
mpi = true
max_mpi_apps = 4
launcher_options = "--mpi=pmix --label"
environment = ["module load gcc", "export A=\"b\""]
cores_per_node = 8
memory_per_node = 17179869184
gpus_per_node = 2
gpus_per_worker = 2
max_workers_per_node = 2
cores_per_worker = 4
init_blocks = 1
min_blocks = 1
max_blocks = 4
parallelism = 1
max_idletime = "5m"
nodes_per_block = 3
exclusive = false
partition = "compute"
queue = "debug"
account = "project"
walltime = "2-12"
scheduler_options = ["--constraint=gpu"]
retries = { others = 1, timeout = 2, exit_codes = { 75 = 5 }, back_off = "1s", longest = "5m", scale_memory = 2, scale_timeout = 1.5 }
allocation = "current"
poll_interval = "1m"
address = "login1"
interface = "ib0"
port = 50000

[pbs]
provider = "pbspro"
port = "50000-50100"
address = ["a", "b"]
parallelism = 0.5

[gc]
endpoint = "12345678-1234-1234-1234-123456789abc"
provider = "slurm"
partition = "far"

["far.away"]
provider = "kubernetes"
namespace = "weather"
"#;
