//! Compiles a C program with `mpicc` and runs it as two MPI applications at once: on two nodes with
//! two ranks each, and on a third with three.
//!
//! ```text
//! cargo run --example mpi_pi -- [--executor NAME]
//!
//!   compile ─► run (2 nodes, 4 ranks) ─► pi
//!          └─► run (1 node,  3 ranks) ─► pi
//! ```
//!
//! Each application prints pi and the hosts it ran on:
//!
//! ```text
//! 2 nodes: pi = 3.1415926536 by 4 ranks on n1 n2
//! 1 node: pi = 3.1415926536 by 3 ranks on n3
//! ```
//!
//! The executor `NAME` is one of the configuration: that of `CHILTEPIN_CONFIG`, else
//! `examples/chiltepin.toml`, which has `mpi` (this machine, which stands for three nodes; that is
//! what is used without a name) and `slurm-mpi` (a block of three nodes from Slurm). `MPICC` names
//! another compiler than `mpicc`; it has to be of the MPI that the executor's launcher is of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chiltepin::{AppFuture, TaskGeometry, Workflow, bash_task, environment, sh};

const SOURCE: &str = include_str!("mpi_pi.c");

#[bash_task]
fn compile(source: PathBuf, program: PathBuf) -> String {
    sh!(
        "compiler=${{MPICC:-mpicc}}
         if ! command -v \"$compiler\" > /dev/null; then
             echo \"there is no \\`$compiler\\` here: install an MPI (Debian: libopenmpi-dev and\" \\
                 \"openmpi-bin), load its module, or name its compiler by MPICC\" >&2
             exit 127
         fi
         \"$compiler\" -O2 {source} -o {program}"
    )
}

#[bash_task]
fn run(program: PathBuf) -> String {
    sh!("$CHILTEPIN_MPI_PREFIX {program}")
}

fn open() -> chiltepin::Result<Workflow> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("chiltepin.toml");
    let mut builder = Workflow::builder().handle_signals();
    if environment::config_path().is_none() && config.is_file() {
        builder = builder.config(config);
    }
    builder.open()
}

fn print_pi(executor: &str) -> chiltepin::Result<()> {
    let workflow = open()?;
    // Where the program works, which the nodes of a cluster see too.
    fs::create_dir_all("runs")?;
    let folder = tempfile::tempdir_in("runs")?;
    let path = |name: &str| std::path::absolute(folder.path().join(name));
    let (source, program) = (path("mpi_pi.c")?, path("mpi_pi")?);
    fs::write(&source, SOURCE)?;

    let compiled = compile(&source, &program)
        .on(executor)
        .outputs([&program])
        .submit(&workflow);
    let start = |nodes, ranks| -> chiltepin::Result<(PathBuf, AppFuture<i32>)> {
        let output = path(&format!("{ranks}.out"))?;
        let ended = run(&program)
            .on(executor)
            .inputs([&compiled])
            .geometry(TaskGeometry::nodes(nodes).num_ranks(ranks))
            .stdout(&output)
            .submit(&workflow);
        Ok((output, ended))
    };
    let applications = [("2 nodes", start(2, 4)?), ("1 node", start(1, 3)?)];
    for (nodes, (output, ended)) in applications {
        ended.result()?;
        print!("{nodes}: {}", fs::read_to_string(output)?);
    }
    workflow.close_blocking();
    Ok(())
}

fn main() -> ExitCode {
    chiltepin::init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let executor = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => "mpi",
        ["--executor", name] => name,
        _ => {
            eprintln!("usage: mpi_pi [--executor NAME]");
            return ExitCode::from(2);
        }
    };
    match print_pi(executor) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:?}");
            ExitCode::FAILURE
        }
    }
}
