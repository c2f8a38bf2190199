use std::fs;
use std::process::Output;

use crate::program::{example, stderr, stdout};

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether to leave a test out for want of an MPI.
fn lacks_mpi() -> bool {
    let missing = ["mpicc", "mpiexec"]
        .into_iter()
        .find(|name| !is_there(name));
    if let Some(missing) = missing {
        println!(
            "left out: there is no `{missing}` here; on Debian `libopenmpi-dev` and `openmpi-bin` \
             have it"
        );
    }
    missing.is_some()
}

fn host() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    host.trim().to_owned()
}

fn printed_pi(output: &Output) {
    assert!(output.status.success(), "{}", stderr(output));
    let host = host();
    let expected = format!(
        "2 nodes: pi = 3.1415926536 by 4 ranks on {host}\n\
         1 node: pi = 3.1415926536 by 3 ranks on {host}\n"
    );
    assert_eq!(stdout(output), expected);
}

#[test]
fn pi_is_printed_twice_with_its_hosts() {
    if lacks_mpi() {
        return;
    }
    let run = tempfile::tempdir().unwrap();
    let output = example("mpi_pi", run.path()).output().unwrap();
    printed_pi(&output);
}

#[test]
fn another_mpi_needs_other_words_and_no_other_program() {
    if !is_there("mpicc.mpich") || !is_there("mpiexec.mpich") {
        println!("left out: there is no MPICH here; on Debian `libmpich-dev` and `mpich` have it");
        return;
    }
    let run = tempfile::tempdir().unwrap();
    let config = run.path().join("mpich.toml");
    let text = "[mpich]\nprovider = 'localhost'\nmpi = true\nnodes_per_block = 3\n\
                max_mpi_apps = 2\nmpi_launcher = 'mpiexec.mpich'\n";
    fs::write(&config, text).unwrap();
    let output = example("mpi_pi", run.path())
        .args(["--executor", "mpich"])
        .env("CHILTEPIN_CONFIG", config)
        .env("MPICC", "mpicc.mpich")
        .output()
        .unwrap();
    printed_pi(&output);
}

#[test]
fn a_compiler_that_is_not_there_is_named_with_the_cure() {
    if lacks_mpi() {
        return;
    }
    let run = tempfile::tempdir().unwrap();
    let output = example("mpi_pi", run.path())
        .env("MPICC", "no-such-mpicc")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("there is no `no-such-mpicc` here"), "{said}");
    assert!(said.contains("task `compile`"), "{said}");
}
