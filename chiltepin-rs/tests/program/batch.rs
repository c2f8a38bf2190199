//! `chiltepin check` of resources with batch systems.

use crate::{Place, errors, out};

const SITE: &str = r#"
workflow: {run_dir: my runs}
local: {provider: threads, max_threads: 2}
compute:
  provider: slurm
  partition: big
  queue: debug
  account: weather
  cores_per_node: 8
  nodes_per_block: 2
  walltime: "02:00:00"
  environment: ["module load gcc"]
  scheduler_options: ["--constraint=gpu"]
other: {provider: pbspro, queue: workq}
"#;

#[test]
fn render_prints_the_batch_script_of_each_resource() {
    let place = Place::new();
    place.file("site.yaml", SITE);
    let output = place.run(&["check", "--render", "site.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert_eq!(errors(&output), "");
    insta::assert_snapshot!(place.without_path(out(&output)));
}

#[test]
fn render_without_a_batch_resource_says_so() {
    let place = Place::new();
    place.file("site.yaml", "local: {provider: threads}");
    let output = place.run(&["check", "--render", "site.yaml"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(out(&output), "");
    insta::assert_snapshot!(errors(&output), @"no resource has a batch script: those of the providers `slurm` and `pbspro` do");
}

#[test]
fn render_of_the_current_allocation_needs_one() {
    let place = Place::new();
    place.file("site.yaml", "here: {provider: slurm, allocation: current}");
    let output = place.run(&["check", "--render", "site.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(errors(&output), @"resource `here`: `allocation = \"current\"` refused: this process runs in no allocation (neither `SLURM_JOB_ID` nor `PBS_JOBID` is set); start the program within a batch job or `salloc`, or set `allocation` to `new`");
    let output = place
        .chiltepin()
        .args(["check", "--render", "site.yaml"])
        .env("SLURM_JOB_ID", "12")
        .env("SLURM_JOB_NODELIST", "n[3-4]")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    assert!(out(&output).contains(" --nodelist=n3 "), "{}", out(&output));
}

#[test]
fn a_submission_is_tested_without_effect() {
    let place = Place::new();
    place.file("site.yaml", SITE);
    // Only a script that is there, with these words, is taken.
    place.command(
        "sbatch",
        "[ \"$1\" = --test-only ] && grep -q -e '^#SBATCH --partition=big' \"$2\" || exit 9
         echo 'sbatch: Job 7 to start at 2026-11-21T12:00:00 using 16 processors on nodes n[1-2] in partition big' >&2",
    );
    let output = place.run_with_commands(&["check", "--submit-test", "site.yaml"]);
    assert_eq!(errors(&output), "");
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(out(&output));
}

#[test]
fn a_submission_that_would_be_refused_is_told_in_slurms_words() {
    let place = Place::new();
    place.file("site.yaml", SITE);
    place.command(
        "sbatch",
        "echo 'sbatch: error: invalid partition specified: big' >&2
         echo 'allocation failure: Invalid partition name specified' >&2; exit 1",
    );
    let output = place.run_with_commands(&["check", "--submit-test", "site.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(errors(&output), @"resource `compute`: `sbatch` refused: invalid partition specified: big; allocation failure: Invalid partition name specified");
}

#[test]
fn without_slurm_the_missing_command_is_named() {
    let place = Place::new();
    place.file("site.yaml", SITE);
    let output = place.run_with_commands(&["check", "--submit-test", "site.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(errors(&output), @"resource `compute`: `sbatch` is not on this machine (looked for along `PATH`); run this where Slurm's users log in, load the module that provides it, or install Slurm's client commands");
}

#[test]
fn more_workers_than_a_node_has_cores_for_are_refused() {
    let place = Place::new();
    let site = |cores: &str| {
        format!(
            "x: {{provider: slurm, max_workers_per_node: 8, cores_per_worker: 2{cores}, \
             partition: big}}"
        )
    };
    place.file("given.yaml", &site(", cores_per_node: 8"));
    let output = place.run(&["check", "given.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    place.file("site.yaml", &site(""));
    place.command("sbatch", "echo 'sbatch: Job 7 to start now' >&2");
    for (cores, code) in [("8|big", 1), ("8|big\n32|big", 0), ("32|big*", 0)] {
        let sinfo = format!("[ \"$*\" = '-h -o %c|%P -p big' ] || exit 9\necho '{cores}'");
        place.command("sinfo", &sinfo);
        let output = place.run_with_commands(&["check", "--submit-test", "site.yaml"]);
        assert_eq!(output.status.code(), Some(code), "{}", errors(&output));
        let told = format!("{}{}", out(&output), errors(&output));
        let warned = told.contains("is more than the 8 cores of");
        assert_eq!(warned, cores.starts_with('8'), "{told}");
    }
}

#[test]
fn a_resource_with_mpi_is_told_which_launcher_it_has() {
    let place = Place::new();
    place.file(
        "site.yaml",
        "local: {provider: threads, max_threads: 2}\n\
         a: {provider: localhost, mpi: true, mpi_launcher: ./mympi}\n\
         b: {provider: slurm, mpi: true, mpi_launcher: ./nosuch}\n",
    );
    place.command("mympi", "echo 'mpiexec (OpenRTE) 4.1.4'");
    std::fs::rename(
        place.folder.path().join("commands/mympi"),
        place.folder.path().join("mympi"),
    )
    .unwrap();
    let output = place.run(&["check", "site.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let told: Vec<_> = out(&output)
        .lines()
        .skip_while(|line| !line.starts_with("# resource `a`"))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    // It is still a configuration.
    place.file("again.toml", out(&output));
    assert_eq!(place.run(&["check", "again.toml"]).status.code(), Some(0));
}
