//! What values may look like.

use std::time::Duration;

use chiltepin::config::{Allocation, Batch, Config, LogLevel, Progress, Provider, Resource};
use chiltepin::{Cause, Retries};

fn slurm(line: &str) -> Batch {
    let config = Config::from_toml(&format!("[x]\nprovider = 'slurm'\n{line}")).unwrap();
    match config.resource("x").unwrap().provider.clone() {
        Provider::Slurm(batch) => batch,
        other => panic!("{other:?}"),
    }
}

fn threads(line: &str) -> Resource {
    let config = Config::from_toml(&format!("[x]\nprovider = 'threads'\n{line}")).unwrap();
    config.resource("x").unwrap().clone()
}

#[test]
fn times() {
    let idle = |text: &str| slurm(&format!("max_idletime = {text}")).pool.max_idletime;
    assert_eq!(idle("90"), Duration::from_secs(90));
    assert_eq!(idle("'90s'"), Duration::from_secs(90));
    assert_eq!(idle("'1h30m'"), Duration::from_secs(5400));
    assert_eq!(idle("'500ms'"), Duration::from_millis(500));
    assert_eq!(
        slurm("walltime = '1-00:00:00'").walltime,
        Duration::from_secs(86_400)
    );
    assert_eq!(slurm("walltime = '2h'").walltime, Duration::from_secs(7200));
    assert_eq!(threads("kill_grace = 0").kill_grace, Duration::ZERO);
}

#[test]
fn amounts_and_numbers() {
    assert_eq!(
        slurm("memory_per_node = '16GB'").pool.memory_per_node,
        Some(16 << 30)
    );
    assert_eq!(
        slurm("memory_per_node = 4194304").pool.memory_per_node,
        Some(4 << 20)
    );
    assert!((slurm("parallelism = 0.25").pool.parallelism - 0.25).abs() < f64::EPSILON);
    assert!((slurm("parallelism = 0").pool.parallelism).abs() < f64::EPSILON);
    assert_eq!(slurm("nodes_per_block = 0x10").nodes_per_block, 16);
}

#[test]
fn words_addresses_and_ports() {
    assert_eq!(
        threads("prefix = \"nice -n '1 0'\"").prefix,
        ["nice", "-n", "1 0"]
    );
    assert_eq!(
        threads("prefix = ['nice', '-n 10']").prefix,
        ["nice", "-n 10"]
    );
    assert_eq!(slurm("address = 'login1'").address, ["login1"]);
    assert_eq!(slurm("address = ['a', 'b']").address, ["a", "b"]);
    assert_eq!(slurm("port = 50000").port, Some(50000..=50000));
    assert_eq!(slurm("port = '50000-50100'").port, Some(50000..=50100));
    assert_eq!(
        slurm("allocation = 'current'").allocation,
        Allocation::Current
    );
}

#[test]
fn progress() {
    let read = |text: &str| Config::from_toml(&format!("[workflow]\nprogress = {text}"));
    for progress in [Progress::Auto, Progress::Lines, Progress::Off] {
        let config = read(&format!("'{progress}'")).unwrap();
        assert_eq!(config.workflow.progress, progress);
        let again = Config::from_toml(&config.to_string()).unwrap();
        assert_eq!(again.workflow.progress, progress);
    }
    let error = read("'line'").unwrap_err().to_string();
    assert!(error.contains("one of `auto`, `lines`, `off`"), "{error}");
    assert!(error.contains("did you mean `lines`?"), "{error}");
    assert!(read("false").is_err());
}

#[test]
fn settings() {
    let config = Config::from_yaml(
        "workflow: {run_dir: /data/runs, retries: 2, grace: 1m, log_level: warn, \
         executors: [local], limits: {gpu: 1}}",
    )
    .unwrap();
    let settings = config.workflow;
    assert_eq!(settings.run_dir.to_str(), Some("/data/runs"));
    assert_eq!(
        (settings.retries, settings.grace),
        (Retries::new(2), Duration::from_secs(60))
    );
    assert_eq!(settings.log_level, Some(LogLevel::Warn));
    assert_eq!(settings.executors, Some(vec!["local".to_owned()]));
    assert_eq!(settings.limits, [("gpu".to_owned(), 1)].into());
}

#[test]
fn retries() {
    let second = Duration::from_secs(1);
    let minute = Duration::from_secs(60);
    for (text, expected) in [
        ("3", Retries::new(3)),
        ("{}", Retries::new(0)),
        (
            "{ others = 2, error = 0 }",
            Retries::new(2).on(Cause::Error, 0),
        ),
        (
            "{ lost = 1, timeout = 2, panic = 3, out_of_memory = 4, system = 5 }",
            Retries::new(0)
                .on(Cause::Panic, 3)
                .on(Cause::Timeout, 2)
                .on(Cause::Lost, 1)
                .on(Cause::OutOfMemory, 4)
                .on(Cause::System, 5),
        ),
        (
            "{ exit_codes = { 75 = 5, 1 = 0 }, back_off = '1s' }",
            Retries::new(0)
                .on(Cause::ExitCode(75), 5)
                .on(Cause::ExitCode(1), 0)
                .back_off(second, minute),
        ),
        (
            "{ back_off = '2m' }",
            Retries::new(0).back_off(2 * minute, 2 * minute),
        ),
        (
            "{ scale_memory = 2, scale_timeout = 1.5 }",
            Retries::new(0).scale_memory(2.0).scale_timeout(1.5),
        ),
        (
            "{ longest = 1 }",
            Retries::new(0).back_off(Duration::from_millis(100), second),
        ),
    ] {
        assert_eq!(
            threads(&format!("retries = {text}")).retries,
            Some(expected),
            "{text}"
        );
    }
    assert_eq!(threads("").retries, None);
    let config =
        "workflow: {retries: {exit_codes: {75: 5}}}\na: {provider: threads, retries: null}";
    let config = Config::from_yaml(config).unwrap();
    assert_eq!(
        config.workflow.retries,
        Retries::new(0).on(Cause::ExitCode(75), 5)
    );
    assert_eq!(config.resource("a").unwrap().retries, None);
}

#[test]
fn threads_default_to_the_cores_of_the_process() {
    let Provider::Threads(threads) = threads("").provider else {
        panic!()
    };
    assert_eq!(
        threads.max_threads,
        std::thread::available_parallelism().unwrap().get()
    );
    assert_eq!(
        (threads.max_async, threads.memory, threads.gpus),
        (256, None, 0)
    );
}

#[test]
fn this_machine_stands_for_as_many_nodes_as_a_block_has() {
    let text = "[a]\nmpi = true\nnodes_per_block = 3\nmax_mpi_apps = 2\n\n[b]\nmpi = true";
    let config = Config::from_toml(text).unwrap();
    let mpi = |name: &str| match &config.resource(name).unwrap().provider {
        Provider::Localhost(pool) => pool.mpi.clone().unwrap(),
        other => panic!("{other:?}"),
    };
    let a = mpi("a");
    assert_eq!((a.nodes_per_block, a.max_apps), (3, 2));
    assert_eq!(
        (mpi("b").nodes_per_block, &*mpi("b").launcher),
        (1, "mpiexec")
    );
    let again = Config::from_toml(&config.to_string()).unwrap();
    assert_eq!(again.resources, config.resources);
}

#[test]
fn every_provider_that_cannot_be_used_says_why_and_what_to_do() {
    let config = Config::from_toml(
        "a.provider = 'localhost'\na.mpi = true\nb.provider = 'slurm'\nc.provider = 'pbspro'\n\
         d.endpoint = '1234'\ne.provider = 'slrum'\nf.provider = 'kubernetes'\n\
         f.namespace = 'weather'\ng.endpoint = '1'\ng.provider = 'lsf'\n",
    )
    .unwrap();
    let reasons: Vec<_> = config
        .resources
        .iter()
        .map(|resource| {
            resource
                .unavailable()
                .unwrap_or_else(|| "can be used".to_owned())
        })
        .collect();
    insta::assert_snapshot!(reasons.join("\n"));
}
