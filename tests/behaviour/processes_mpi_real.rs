//! MPI applications on this machine, with each MPI that is installed. Where there is none the tests
//! are left out, and say so.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chiltepin::{ErrorKind, TaskGeometry, Workflow};

use crate::place::{Place, shell, until};

/// Each rank tells which it is of how many; some do more, as the argument says.
const PROGRAM: &str = r#"
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **words) {
    int rank, ranks;
    MPI_Init(&count, &words);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    printf("rank %d of %d\n", rank, ranks);
    fflush(stdout);
    if (count > 1 && strcmp(words[1], "fail") == 0 && rank == 1) {
        fprintf(stderr, "no convergence in rank %d\n", rank);
        MPI_Abort(MPI_COMM_WORLD, 7);
    }
    if (count > 1 && strcmp(words[1], "wait") == 0) {
        char name[32];
        snprintf(name, sizeof name, "pid.%d", rank);
        FILE *file = fopen(name, "w");
        fprintf(file, "%d\n", (int)getpid());
        fclose(file);
        sleep(1000);
    }
    MPI_Barrier(MPI_COMM_WORLD);
    MPI_Finalize();
    return 0;
}
"#;

/// An MPI of this machine.
struct Mpi {
    compiler: &'static str,
    launcher: &'static str,
}

const OPEN_MPI: Mpi = Mpi {
    compiler: "mpicc.openmpi",
    launcher: "mpiexec.openmpi",
};
const MPICH: Mpi = Mpi {
    compiler: "mpicc.mpich",
    launcher: "mpiexec.mpich",
};

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

impl Mpi {
    /// The program, compiled, and a workflow that runs it on an executor `mpi`; none, and why,
    /// where this MPI is not installed.
    fn ready(&self, place: &Place) -> Option<(PathBuf, Workflow)> {
        if !is_there(self.compiler) || !is_there(self.launcher) {
            println!(
                "left out: `{}` and `{}` are not there (Debian: `libopenmpi-dev`, `openmpi-bin`, \
                 `libmpich-dev`, `mpich`)",
                self.compiler, self.launcher
            );
            return None;
        }
        let source = place.write("ranks.c", PROGRAM);
        let program = place.path("ranks");
        let compiled = Command::new(self.compiler)
            .args([source.as_path(), Path::new("-o"), &program])
            .output()
            .unwrap();
        assert!(compiled.status.success(), "{compiled:?}");
        let workflow = place.configured(&format!(
            "[mpi]\nprovider = 'localhost'\nmpi = true\nnodes_per_block = 2\nmax_mpi_apps = 2\n\
             mpi_launcher = '{}'\n",
            self.launcher
        ));
        Some((program, workflow))
    }

    fn gives_the_ranks_asked_for(&self) {
        let place = Place::new();
        let Some((_, workflow)) = self.ready(&place) else {
            return;
        };
        let geometries = [
            TaskGeometry::nodes(2).num_ranks(3),
            TaskGeometry::nodes(1).ranks_per_node(4),
            TaskGeometry::ranks(1),
        ];
        let futures = geometries.map(|geometry| {
            let ranks = geometry.resolve().unwrap().num_ranks;
            let future = shell("$CHILTEPIN_MPI_PREFIX ./ranks")
                .on("mpi")
                .geometry(geometry)
                .directory(place.root())
                .stdout(place.path(&format!("out.{ranks}")))
                .submit(&workflow);
            (future, ranks.get())
        });
        for (future, ranks) in futures {
            future.result().unwrap();
            let text = place.text(&format!("out.{ranks}"));
            let mut lines: Vec<_> = text.lines().collect();
            lines.sort_unstable();
            let expected: Vec<_> = (0..ranks)
                .map(|rank| format!("rank {rank} of {ranks}"))
                .collect();
            assert_eq!(lines, expected);
        }
    }

    fn fails_with_a_rank(&self) {
        let place = Place::new();
        let Some((_, workflow)) = self.ready(&place) else {
            return;
        };
        let call = shell("$CHILTEPIN_MPI_PREFIX ./ranks fail").on("mpi");
        let call = call
            .geometry(TaskGeometry::ranks(2))
            .directory(place.root());
        let error = call.submit(&workflow).result().unwrap_err();
        let ErrorKind::ExitCode {
            code: 7, stderr, ..
        } = error.kind()
        else {
            panic!("{error}")
        };
        assert!(stderr.contains("no convergence in rank 1"), "{stderr}");
    }

    fn ends_with_all_ranks(&self) {
        let place = Place::new();
        let Some((_, workflow)) = self.ready(&place) else {
            return;
        };
        let call = shell("$CHILTEPIN_MPI_PREFIX ./ranks wait")
            .on("mpi")
            .geometry(TaskGeometry::nodes(2).ranks_per_node(2))
            .directory(place.root());
        let future = call.timeout(Duration::from_secs(8)).submit(&workflow);
        let ranks: Vec<_> = (0..4)
            .map(|rank| place.process(&format!("pid.{rank}")))
            .collect();
        let error = future.result().unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::TimedOut { .. }),
            "{error}"
        );
        until("the ranks to be gone", || {
            !ranks.iter().any(|rank| rank.runs())
        });
    }
}

#[chiltepin::test]
fn open_mpi_starts_as_many_ranks_as_asked_for() {
    OPEN_MPI.gives_the_ranks_asked_for();
}

#[chiltepin::test]
fn mpich_starts_as_many_ranks_as_asked_for() {
    MPICH.gives_the_ranks_asked_for();
}

#[chiltepin::test]
fn a_rank_of_open_mpi_that_fails_is_an_error() {
    OPEN_MPI.fails_with_a_rank();
}

#[chiltepin::test]
fn a_rank_of_mpich_that_fails_is_an_error() {
    MPICH.fails_with_a_rank();
}

#[chiltepin::test]
fn ranks_of_open_mpi_end_with_their_task() {
    OPEN_MPI.ends_with_all_ranks();
}

#[chiltepin::test]
fn ranks_of_mpich_end_with_their_task() {
    MPICH.ends_with_all_ranks();
}
