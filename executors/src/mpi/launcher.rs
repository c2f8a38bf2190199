use std::sync::Arc;

use super::Geometry;

/// The launchers that are told apart: each has words of its own for the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Launcher {
    /// Slurm's `srun`.
    Srun,
    /// The `mpiexec` of MPICH, MVAPICH and Intel MPI.
    Hydra,
    /// The `mpirun` of Open MPI; from release 5 on it is another program.
    OpenMpi {
        /// The first part of its version.
        major: u32,
    },
    /// The `aprun` of older Cray systems.
    Aprun,
}

/// What is launched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Launch<'a> {
    pub(super) geometry: Geometry,
    /// The names of its nodes; none on this machine, where all is.
    pub(super) nodes: Option<&'a [Arc<str>]>,
    /// Words of the configuration and of the call.
    pub(super) options: &'a [String],
    /// Whether this user is root, which Open MPI wants to be told.
    pub(super) is_root: bool,
}

impl Launcher {
    /// The words that come before a program to run it as this application.
    pub(super) fn words(self, program: &str, launch: &Launch<'_>) -> Vec<String> {
        let mut words = vec![program.to_owned()];
        match self {
            Self::Srun => words.extend(srun(launch)),
            Self::Hydra => words.extend(hydra(launch)),
            Self::OpenMpi { major } => words.extend(open_mpi(launch, major)),
            Self::Aprun => words.extend(aprun(launch)),
        }
        words.extend(launch.options.iter().cloned());
        words
    }
}

/// The step shares its nodes with the agents' step, and so takes no memory of its own. Ranks that
/// wait for one that has failed would wait for ever, so they end with it, as with the others.
fn srun(launch: &Launch<'_>) -> Vec<String> {
    let Launch {
        geometry, nodes, ..
    } = launch;
    let mut words = vec![
        "--overlap".to_owned(),
        "--mem=0".to_owned(),
        "--kill-on-bad-exit=1".to_owned(),
        format!("--nodes={}", geometry.num_nodes),
        format!("--ntasks={}", geometry.num_ranks),
        format!("--ntasks-per-node={}", geometry.ranks_per_node),
    ];
    if geometry.num_ranks.get() % geometry.ranks_per_node != 0 {
        // Slurm would spread what does not divide evenly; the others fill node after node.
        words.push(format!("--distribution=plane={}", geometry.ranks_per_node));
    }
    words.extend(nodes.map(|nodes| format!("--nodelist={}", join(nodes))));
    words
}

fn hydra(launch: &Launch<'_>) -> Vec<String> {
    let Launch {
        geometry, nodes, ..
    } = launch;
    let mut words = vec!["-n".to_owned(), geometry.num_ranks.to_string()];
    if let Some(nodes) = nodes {
        words.extend(["-ppn".to_owned(), geometry.ranks_per_node.to_string()]);
        words.extend(["-hosts".to_owned(), join(nodes)]);
    }
    words
}

/// Each node is given as many slots as it gets ranks, which fills them one after the other. Where
/// all is one machine there may be more ranks than cores, and another application beside them, so
/// they are bound to no cores.
fn open_mpi(launch: &Launch<'_>, major: u32) -> Vec<String> {
    let Launch {
        geometry, nodes, ..
    } = launch;
    let mut words = vec!["-n".to_owned(), geometry.num_ranks.to_string()];
    match nodes {
        Some(nodes) => {
            let slots = |node| format!("{node}:{}", geometry.ranks_per_node);
            let hosts: Vec<String> = nodes.iter().map(slots).collect();
            words.extend(["--host".to_owned(), hosts.join(",")]);
            // By which the ranks on other nodes are found when they are to be gone.
            words.extend(["-x".to_owned(), super::APPLICATION_VARIABLE.to_owned()]);
        }
        None => {
            let given = |option: &str| launch.options.iter().any(|word| word == option);
            if major < 5 {
                words.push("--oversubscribe".to_owned());
            } else if !given("--map-by") {
                words.extend(["--map-by", ":OVERSUBSCRIBE"].map(str::to_owned));
            }
            if !given("--bind-to") && !given("-bind-to") {
                words.extend(["--bind-to", "none"].map(str::to_owned));
            }
        }
    }
    if launch.is_root {
        words.push("--allow-run-as-root".to_owned());
    }
    words
}

fn aprun(launch: &Launch<'_>) -> Vec<String> {
    let Launch {
        geometry, nodes, ..
    } = launch;
    let mut words = vec!["-n".to_owned(), geometry.num_ranks.to_string()];
    words.extend(["-N".to_owned(), geometry.ranks_per_node.to_string()]);
    if let Some(nodes) = nodes {
        words.extend(["-node-list".to_owned(), join(nodes)]);
    }
    words
}

fn join(nodes: &[Arc<str>]) -> String {
    nodes.join(",")
}

/// The words as a variable holds them, which scripts use without quotes: `$CHILTEPIN_MPI_PREFIX`.
///
/// There the shell splits at spaces and takes quotes for letters, so a word is quoted only where it
/// could not be used otherwise; a script that is to have such a word says `eval`.
pub(super) fn in_one(words: &[String]) -> String {
    let means_itself =
        |letter: char| letter.is_alphanumeric() || "-_=+,.:/@%^~[]*?#".contains(letter);
    let one = |word: &String| {
        if !word.is_empty() && word.chars().all(means_itself) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    words.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::TaskGeometry;
    use super::*;

    fn line(
        launcher: Launcher,
        program: &str,
        ranks: u32,
        per_node: u32,
        options: &[&str],
    ) -> String {
        let geometry = TaskGeometry::ranks(ranks).ranks_per_node(per_node);
        let geometry = geometry.resolve().unwrap();
        let nodes: Vec<Arc<str>> = (1..=geometry.num_nodes.get())
            .map(|node| Arc::from(format!("n{node}")))
            .collect();
        let options: Vec<String> = options.iter().map(|&word| word.to_owned()).collect();
        let launch = Launch {
            geometry,
            nodes: Some(&nodes),
            options: &options,
            is_root: false,
        };
        in_one(&launcher.words(program, &launch))
    }

    fn here(launcher: Launcher, program: &str, options: &[&str], is_root: bool) -> String {
        let options: Vec<String> = options.iter().map(|&word| word.to_owned()).collect();
        let launch = Launch {
            geometry: TaskGeometry::nodes(2).ranks_per_node(4).resolve().unwrap(),
            nodes: None,
            options: &options,
            is_root,
        };
        in_one(&launcher.words(program, &launch))
    }

    const OPEN_MPI: Launcher = Launcher::OpenMpi { major: 4 };

    #[test]
    fn each_launcher_has_its_words_for_nodes() {
        let lines = [
            (Launcher::Srun, "srun"),
            (Launcher::Hydra, "mpiexec"),
            (OPEN_MPI, "mpirun"),
            (Launcher::Aprun, "aprun"),
        ]
        .map(|(launcher, program)| line(launcher, program, 8, 4, &[]));
        assert_eq!(
            lines,
            [
                "srun --overlap --mem=0 --kill-on-bad-exit=1 --nodes=2 --ntasks=8 \
                 --ntasks-per-node=4 --nodelist=n1,n2",
                "mpiexec -n 8 -ppn 4 -hosts n1,n2",
                "mpirun -n 8 --host n1:4,n2:4 -x CHILTEPIN_APPLICATION",
                "aprun -n 8 -N 4 -node-list n1,n2",
            ]
        );
    }

    #[test]
    fn the_last_node_may_have_fewer_ranks() {
        let lines = [
            (Launcher::Srun, "srun"),
            (Launcher::Hydra, "mpiexec"),
            (OPEN_MPI, "mpirun"),
            (Launcher::Aprun, "aprun"),
        ]
        .map(|(launcher, program)| line(launcher, program, 7, 4, &["-v"]));
        assert_eq!(
            lines,
            [
                "srun --overlap --mem=0 --kill-on-bad-exit=1 --nodes=2 --ntasks=7 \
                 --ntasks-per-node=4 --distribution=plane=4 --nodelist=n1,n2 -v",
                "mpiexec -n 7 -ppn 4 -hosts n1,n2 -v",
                "mpirun -n 7 --host n1:4,n2:4 -x CHILTEPIN_APPLICATION -v",
                "aprun -n 7 -N 4 -node-list n1,n2 -v",
            ]
        );
    }

    #[test]
    fn on_one_machine_no_nodes_are_named() {
        assert_eq!(here(Launcher::Hydra, "mpiexec", &[], true), "mpiexec -n 8");
        assert_eq!(
            here(OPEN_MPI, "mpiexec", &[], false),
            "mpiexec -n 8 --oversubscribe --bind-to none"
        );
        assert_eq!(
            here(OPEN_MPI, "mpiexec", &["--bind-to", "core"], true),
            "mpiexec -n 8 --oversubscribe --allow-run-as-root --bind-to core"
        );
        let five = Launcher::OpenMpi { major: 5 };
        assert_eq!(
            here(five, "mpirun", &[], false),
            "mpirun -n 8 --map-by :OVERSUBSCRIBE --bind-to none"
        );
        assert_eq!(
            here(five, "mpirun", &["--map-by", "core:OVERSUBSCRIBE"], false),
            "mpirun -n 8 --bind-to none --map-by core:OVERSUBSCRIBE"
        );
        assert_eq!(
            here(Launcher::Srun, "srun", &["--mpi=pmix"], false),
            "srun --overlap --mem=0 --kill-on-bad-exit=1 --nodes=2 --ntasks=8 \
             --ntasks-per-node=4 --mpi=pmix"
        );
    }

    #[test]
    fn words_are_quoted_only_where_they_must_be() {
        let words = [
            "/a b/mpirun",
            "--mpi=pmix",
            "",
            "it's",
            "-x",
            "A=$B",
            "n[1-2]",
        ];
        assert_eq!(
            in_one(&words.map(str::to_owned)),
            r"'/a b/mpirun' --mpi=pmix '' 'it'\''s' -x 'A=$B' n[1-2]"
        );
    }
}
