//! The environment of an application, made anew for each.

use std::sync::Arc;

use super::flavour::root_variables;
use super::launcher::{Launch, in_one};
use super::{APPLICATION_VARIABLE, Geometry, Launcher};

/// An application that is about to start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Application<'a> {
    /// Names it in the environment of all its processes.
    pub(super) id: &'a str,
    pub(super) geometry: Geometry,
    /// The names of its nodes, of which the first one runs the launcher.
    pub(super) nodes: &'a [Arc<str>],
    /// Whether all of them are this machine.
    pub(super) is_local: bool,
    /// The program that was configured, and what it is.
    pub(super) program: &'a str,
    pub(super) launcher: Launcher,
    /// Words for the launcher, of the configuration and then of the call.
    pub(super) options: &'a [String],
    pub(super) is_root: bool,
    /// Whether a Slurm job is around it.
    pub(super) in_slurm: bool,
}

/// Under each of these the same variables are set, so that scripts written for Parsl run.
const FAMILIES: [&str; 2] = ["CHILTEPIN", "PARSL"];

/// The variables of an application, in the order in which they are set.
pub(super) fn variables(application: &Application<'_>) -> Vec<(String, String)> {
    let Application {
        id,
        geometry,
        nodes,
        is_local,
        is_root,
        in_slurm,
        ..
    } = *application;
    let own = prefix(application, application.launcher, application.program);
    let mpiexec = match application.launcher {
        Launcher::Hydra | Launcher::OpenMpi { .. } => own.clone(),
        // What an `mpiexec` would be that was not asked for; most take these words.
        Launcher::Srun | Launcher::Aprun => prefix(application, Launcher::Hydra, "mpiexec"),
    };
    let other = |launcher, name| match application.launcher == launcher {
        true => own.clone(),
        false => prefix(application, launcher, name),
    };
    let of_family = [
        ("MPI_PREFIX", own.clone()),
        ("SRUN_PREFIX", other(Launcher::Srun, "srun")),
        ("MPIEXEC_PREFIX", mpiexec),
        ("APRUN_PREFIX", other(Launcher::Aprun, "aprun")),
        ("NUM_NODES", geometry.num_nodes.to_string()),
        ("NUM_RANKS", geometry.num_ranks.to_string()),
        ("RANKS_PER_NODE", geometry.ranks_per_node.to_string()),
        ("MPI_NODELIST", nodes.join(",")),
    ];
    let mut all = Vec::with_capacity(2 * of_family.len() + 6);
    for family in FAMILIES {
        for (name, value) in &of_family {
            all.push((format!("{family}_{name}"), value.clone()));
        }
    }
    all.push((APPLICATION_VARIABLE.to_owned(), id.to_owned()));
    if in_slurm {
        // A launcher that starts its daemons by `srun` would otherwise wait for the agents' step,
        // which never ends, to give back its cores.
        all.push(("SLURM_OVERLAP".to_owned(), "1".to_owned()));
        if is_local {
            // On other nodes the agent has added this to the user's own.
            let option = "--overlap".to_owned();
            all.push(("OMPI_MCA_plm_slurm_args".to_owned(), option));
        }
    }
    all.extend(root_variables(is_root));
    all
}

/// The words before a program that run it with this launcher; options are for the one that was
/// configured.
fn prefix(application: &Application<'_>, launcher: Launcher, program: &str) -> String {
    let options = match launcher == application.launcher {
        true => application.options,
        false => &[],
    };
    let launch = Launch {
        geometry: application.geometry,
        nodes: (!application.is_local).then_some(application.nodes),
        options,
        is_root: application.is_root,
    };
    in_one(&launcher.words(program, &launch))
}

#[cfg(test)]
mod tests {
    use super::super::TaskGeometry;
    use super::*;

    fn printed(application: &Application<'_>) -> String {
        let variables = variables(application).into_iter();
        let lines = variables.map(|(name, value)| format!("{name}={value}\n"));
        lines.collect()
    }

    #[test]
    fn in_a_block_of_slurm() {
        let options = ["--mpi=pmix".to_owned()];
        let nodes = ["n1".into(), "n2".into()];
        let application = Application {
            id: "4f2a-7.1",
            geometry: TaskGeometry::nodes(2).ranks_per_node(4).resolve().unwrap(),
            nodes: &nodes,
            is_local: false,
            program: "srun",
            launcher: Launcher::Srun,
            options: &options,
            is_root: false,
            in_slurm: true,
        };
        insta::assert_snapshot!("slurm_srun", printed(&application));
        let mpirun = Application {
            program: "/opt/openmpi/bin/mpirun",
            launcher: Launcher::OpenMpi { major: 4 },
            options: &[],
            is_root: true,
            ..application
        };
        insta::assert_snapshot!("slurm_open_mpi", printed(&mpirun));
    }

    #[test]
    fn on_one_machine() {
        let nodes = ["localhost".into(), "localhost".into()];
        let application = Application {
            id: "4f2a-7.1",
            geometry: TaskGeometry::nodes(2).num_ranks(7).resolve().unwrap(),
            nodes: &nodes,
            is_local: true,
            program: "mpiexec",
            launcher: Launcher::OpenMpi { major: 4 },
            options: &[],
            is_root: true,
            in_slurm: false,
        };
        insta::assert_snapshot!("localhost_open_mpi", printed(&application));
        let hydra = Application {
            launcher: Launcher::Hydra,
            is_root: false,
            ..application
        };
        insta::assert_snapshot!("localhost_hydra", printed(&hydra));
    }
}
