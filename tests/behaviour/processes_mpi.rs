//! MPI applications on this machine, as far as no MPI is needed: a launcher of the test's own says
//! that it is Open MPI and starts as many ranks as it is told.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use chiltepin::{
    AppFuture, ErrorKind, Status, TaskContext, TaskGeometry, Workflow, bash_task, task,
};

use crate::place::{Place, shell, until};

/// Takes the words that Open MPI does on one machine; the ranks have their number in `RANK`.
const LAUNCHER: &str = r#"#!/bin/bash
[ "$1" = --version ] && { echo version >> "${0%/*}/asked"; echo 'mpiexec (Open MPI) 4.1.4'; exit; }
[ "$1" = -n ] || exit 100
ranks=$2; shift 2
while [[ $1 == -* ]]; do [ "$1" = --bind-to ] && shift; shift; done
for ((rank = 0; rank < ranks; rank++)); do RANK=$rank "$@" & jobs+=($!); done
for job in "${jobs[@]}"; do wait "$job" || code=$?; done
exit "${code:-0}"
"#;

/// A workflow with an executor `mpi` on this machine, which stands for three nodes.
fn workflow(place: &Place, max_apps: u32) -> Workflow {
    let launcher = place.write("mpiexec", LAUNCHER);
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o700)).unwrap();
    with_launcher(place, max_apps, launcher.to_str().unwrap())
}

fn with_launcher(place: &Place, max_apps: u32, launcher: &str) -> Workflow {
    place.configured(&format!(
        "[mpi]\nprovider = 'localhost'\nmpi = true\nnodes_per_block = 3\n\
         max_mpi_apps = {max_apps}\nmpi_launcher = '{launcher}'\nkill_grace = '1s'\n"
    ))
}

/// Runs a script as an application of so many nodes with two ranks each.
fn application(place: &Place, workflow: &Workflow, nodes: u32, script: &str) -> AppFuture<i32> {
    shell(script)
        .on("mpi")
        .geometry(TaskGeometry::nodes(nodes).ranks_per_node(2))
        .directory(place.root())
        .submit(workflow)
}

#[chiltepin::test]
fn an_application_finds_its_geometry_and_starts_its_ranks() {
    let place = Place::new();
    let workflow = workflow(&place, 1);
    let script = "
        $CHILTEPIN_MPI_PREFIX bash -c 'echo rank $RANK' | sort > ranks
        $PARSL_MPIEXEC_PREFIX bash -c 'echo rank $RANK' | sort > parsl
        for name in NUM_NODES NUM_RANKS RANKS_PER_NODE MPI_NODELIST; do
            for family in CHILTEPIN PARSL; do
                of_family=${family}_$name; echo \"$name ${!of_family}\"
            done
        done > facts";
    application(&place, &workflow, 2, script).result().unwrap();
    assert_eq!(place.text("ranks"), "rank 0\nrank 1\nrank 2\nrank 3\n");
    assert_eq!(place.text("parsl"), place.text("ranks"));
    assert_eq!(
        place.text("facts"),
        "NUM_NODES 2\nNUM_NODES 2\nNUM_RANKS 4\nNUM_RANKS 4\nRANKS_PER_NODE 2\n\
         RANKS_PER_NODE 2\nMPI_NODELIST localhost,localhost\nMPI_NODELIST localhost,localhost\n"
    );
    // Without a geometry it is one rank on one node.
    let alone = shell("$CHILTEPIN_MPI_PREFIX bash -c 'echo rank $RANK' > alone")
        .on("mpi")
        .directory(place.root());
    alone.submit(&workflow).result().unwrap();
    assert_eq!(place.text("alone"), "rank 0\n");
    assert_eq!(
        place.text("asked"),
        "version\n",
        "the launcher is asked once"
    );
}

#[chiltepin::test]
fn as_many_run_at_once_as_there_are_nodes_and_may_be() {
    let place = Place::new();
    let workflow = workflow(&place, 2);
    let wait =
        |name: &str| format!("touch {name}; until [ -e go ]; do sleep 0.01; done; rm {name}");
    let first = application(&place, &workflow, 1, &wait("first"));
    let second = application(&place, &workflow, 1, &wait("second"));
    let both = || place.path("first").exists() && place.path("second").exists();
    until("both to run", both);
    // These fail if they run beside both: the third wants all nodes, and for the fourth there are
    // nodes and no leave.
    let third = application(&place, &workflow, 3, "[ ! -e first ] && [ ! -e second ]");
    let fourth = application(&place, &workflow, 1, "[ ! -e first ] || [ ! -e second ]");
    place.write("go", "");
    for future in [first, second, third, fourth] {
        future.result().unwrap();
    }
}

#[chiltepin::test]
fn a_geometry_that_no_block_can_hold_is_refused_at_submit() {
    let place = Place::new();
    let workflow = workflow(&place, 1);
    let error = application(&place, &workflow, 4, "true")
        .result()
        .unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::ImpossibleGeometry { .. }),
        "{error}"
    );
    let said = error.to_string();
    let expected = "on `mpi` it spans 4 nodes, and a block of `mpi` has 3";
    assert!(said.contains(expected), "{said}");
    assert!(!place.path("asked").exists(), "nothing was started for it");
}

#[chiltepin::test]
fn a_failing_rank_is_an_error_with_what_it_said() {
    let place = Place::new();
    let workflow = workflow(&place, 1);
    let script = "$CHILTEPIN_MPI_PREFIX bash -c 'echo no pressure in rank $RANK >&2; exit 3'";
    let error = application(&place, &workflow, 1, script)
        .result()
        .unwrap_err();
    let ErrorKind::ExitCode {
        code: 3, stderr, ..
    } = error.kind()
    else {
        panic!("{error}")
    };
    assert!(stderr.contains("no pressure in rank 1"), "{stderr}");
}

/// Ranks that left the launcher's group, and go on.
const STRAYS: &str = "$CHILTEPIN_MPI_PREFIX setsid bash -c 'echo $$ > pid.$RANK; exec sleep 1000'";

#[chiltepin::test]
fn a_stop_or_a_timeout_ends_all_ranks() {
    let place = Place::new();
    let workflow = workflow(&place, 1);
    for by_timeout in [false, true] {
        let call = shell(STRAYS)
            .on("mpi")
            .geometry(TaskGeometry::ranks(2))
            .directory(place.root());
        let call = match by_timeout {
            true => call.timeout(Duration::from_secs(3)),
            false => call,
        };
        let future = call.submit(&workflow);
        let ranks = [place.process("pid.0"), place.process("pid.1")];
        if !by_timeout {
            future.cancel();
        }
        let error = future.result().unwrap_err();
        match by_timeout {
            true => assert!(
                matches!(error.kind(), ErrorKind::TimedOut { .. }),
                "{error}"
            ),
            false => assert!(error.is_cancelled(), "{error}"),
        }
        until("the ranks to be gone", || {
            !ranks.iter().any(|rank| rank.runs())
        });
        for name in ["pid.0", "pid.1"] {
            fs::remove_file(place.path(name)).unwrap();
        }
    }
}

#[chiltepin::test]
fn one_that_waits_for_nodes_can_be_cancelled() {
    let place = Place::new();
    let workflow = workflow(&place, 1);
    let running = application(
        &place,
        &workflow,
        3,
        "touch on; until [ -e go ]; do sleep 0.01; done",
    );
    until("it to run", || place.path("on").exists());
    let waiting = application(&place, &workflow, 1, "touch ran");
    waiting.cancel();
    assert!(waiting.result().unwrap_err().is_cancelled());
    assert_eq!(waiting.status(), Status::Cancelled);
    place.write("go", "");
    running.result().unwrap();
    application(&place, &workflow, 1, "true").result().unwrap();
    assert!(!place.path("ran").exists());
}

/// What another command would leave running, since it was started to stay, would be in the way of
/// the next application.
#[chiltepin::test]
fn what_an_application_leaves_behind_is_gone_when_it_has_ended() {
    let place = Place::new();
    let workflow = workflow(&place, 1);
    let script = "(setsid bash -c 'echo $$ > pid; exec sleep 1000' &)\n\
                  until [ -s pid ]; do sleep 0.01; done";
    let ended = application(&place, &workflow, 1, script);
    ended.result().unwrap();
    let id = place.text("pid");
    assert!(crate::process::Process::find(id.trim()).is_none_or(|left| !left.runs()));
}

#[task]
fn launch(context: &TaskContext, folder: String) -> (String, bool, i32) {
    let prefix = context.variable("CHILTEPIN_MPI_PREFIX").unwrap();
    let mut bash = std::process::Command::new("bash");
    let script = format!("{prefix} bash -c 'echo $RANK > rank.$RANK'");
    bash.args(["-c", &script]).current_dir(folder);
    let status = bash.envs(context.variables().iter().cloned()).status();
    (
        context.variable("PARSL_NUM_RANKS").unwrap().to_owned(),
        context.variable("no such").is_none(),
        status.unwrap().code().unwrap(),
    )
}

#[bash_task]
fn told(context: &TaskContext) -> String {
    let nodes = context.variable("CHILTEPIN_NUM_NODES").unwrap();
    format!("echo {nodes} $CHILTEPIN_NUM_NODES > told")
}

#[task]
fn untold(context: &TaskContext) -> usize {
    context.variables().len()
}

#[chiltepin::test]
fn bodies_learn_of_their_application_by_their_context() {
    let place = Place::new();
    let workflow = workflow(&place, 1);
    let geometry = TaskGeometry::nodes(2).ranks_per_node(1);
    let folder = place.root().to_str().unwrap();
    let launched = launch(folder).on("mpi").geometry(geometry);
    let launched = launched.submit(&workflow).result().unwrap();
    assert_eq!(launched, ("2".to_owned(), true, 0));
    assert_eq!(place.text("rank.1"), "1\n");
    let command = told().on("mpi").geometry(geometry).directory(place.root());
    command.submit(&workflow).result().unwrap();
    assert_eq!(place.text("told"), "2 2\n");
    assert_eq!(untold().on("local").submit(&workflow).result().unwrap(), 0);
}

#[chiltepin::test]
fn a_launcher_that_cannot_be_used_is_told_to_every_call() {
    let refused = |launcher: &str| {
        let place = Place::new();
        let workflow = with_launcher(&place, 1, launcher);
        let first = application(&place, &workflow, 1, "true");
        let second = application(&place, &workflow, 1, "true");
        let error = first.result().unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::UnavailableExecutor { .. }),
            "{error}"
        );
        let again = second.result().unwrap_err();
        assert!(matches!(
            again.kind(),
            ErrorKind::UnavailableExecutor { .. }
        ));
        let later = application(&place, &workflow, 1, "true").result();
        let later = later.unwrap_err();
        assert!(matches!(
            later.kind(),
            ErrorKind::UnavailableExecutor { .. }
        ));
        error.to_string()
    };
    let missing = refused("/no/such/mpiexec");
    let said = "the MPI launcher `/no/such/mpiexec` is not there (looked for along `PATH`)";
    assert!(missing.contains(said), "{missing}");
    let unknown = refused("cat");
    let said = "`cat --version` says `cat (GNU coreutils)";
    assert!(unknown.contains(said), "{unknown}");
    if std::env::var_os("SLURM_JOB_ID").is_none() {
        let alone = refused("srun");
        let said = "its MPI launcher `srun` works within a Slurm job alone";
        assert!(alone.contains(said), "{alone}");
    }
}

#[chiltepin::test]
fn environment_lines_come_before_the_launcher() {
    let place = Place::new();
    drop(workflow(&place, 1));
    let workflow = place.configured(&format!(
        "[mpi]\nprovider = 'localhost'\nmpi = true\nenvironment = ['PATH={}:$PATH', 'export WORD=a']\n",
        place.root().display()
    ));
    let call = shell("$CHILTEPIN_MPI_PREFIX bash -c 'echo $WORD$RANK' > said").on("mpi");
    let call = call.directory(place.root()).submit(&workflow);
    call.result().unwrap();
    assert_eq!(place.text("said"), "a0\n");
}
