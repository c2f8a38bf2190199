//! What a batch system's step puts into the environment of its processes, and tasks must not see.
//!
//! An agent is started by `srun`, and a task that starts an application by `srun` or `mpirun` is to
//! meet what it would in the block's own script: a launcher that finds the variables of the agent's
//! step takes them for its own, and starts one process per node, or none.

use crate::start::START_VARIABLE;

/// Variables of a step, by how their names begin.
const OF_STEP: &[&str] = &[
    "SLURM_STEP",
    "SLURM_CPU_BIND",
    "SLURM_MEM_BIND",
    "SLURM_SRUN_",
    "SLURM_PMI",
    // Those of the whole job stay, as they do in a script; these are copies made for the step.
    "SLURM_JOB_CPUS_PER_NODE_PACK_GROUP_",
    "PMI_",
    "PMI2_",
    "PMIX_",
    // What a block's script says to its agents.
    "CHILTEPIN_BLOCK_",
];

/// Variables of a step, by their names.
const NAMES: &[&str] = &[
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "SLURM_NODEID",
    "SLURM_GTIDS",
    "SLURM_TASK_PID",
    "SLURM_LAUNCH_NODE_IPADDR",
    "SLURM_NTASKS",
    "SLURM_NPROCS",
    "SLURM_NTASKS_PER_NODE",
    "SLURM_TASKS_PER_NODE",
    "SLURM_DISTRIBUTION",
    "SLURM_MPI_TYPE",
    "SLURM_UMASK",
    "SRUN_DEBUG",
    START_VARIABLE,
];

/// Settings of the library that look like variables of a step, and are the user's.
const KEPT: &str = "PMIX_MCA_";

/// Tells Open MPI's own `srun` to share the nodes with what runs there, as the agent.
const OPEN_MPI: (&str, &str) = ("OMPI_MCA_plm_slurm_args", "--overlap");

/// Tells any `srun` the same.
const SRUN: (&str, &str) = ("SLURM_OVERLAP", "1");

/// How the environment of an agent becomes that of what it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// What is taken away.
    pub(super) removed: Vec<String>,
    /// What is set, after that.
    pub(super) set: Vec<(String, String)>,
}

/// What to change in an environment.
pub(super) fn changes(environment: &[(String, String)]) -> Changes {
    let value = |name: &str| {
        let found = environment.iter().find(|(variable, _)| variable == name);
        found.map(|(_, value)| value.as_str())
    };
    let names = environment.iter().map(|(name, _)| name);
    let removed = names.filter(|name| is_of_step(name)).cloned().collect();
    let mut set = Vec::new();
    if value("SLURM_JOB_ID").is_some() {
        let (name, option) = OPEN_MPI;
        let options = match value(name) {
            Some(own) if own.split_whitespace().any(|word| word == option) => own.to_owned(),
            Some(own) if !own.trim().is_empty() => format!("{own} {option}"),
            _ => option.to_owned(),
        };
        set.push((name.to_owned(), options));
        set.push((SRUN.0.to_owned(), SRUN.1.to_owned()));
        // Without it Open MPI refuses to run, and with that of the step it starts one process per
        // node.
        let per_node = value("SLURM_JOB_CPUS_PER_NODE")
            .and_then(|cpus| tasks_per_node(cpus, value("SLURM_CPUS_PER_TASK")));
        set.extend(per_node.map(|tasks| ("SLURM_TASKS_PER_NODE".to_owned(), tasks)));
    }
    Changes { removed, set }
}

fn is_of_step(name: &str) -> bool {
    let begins = OF_STEP.iter().any(|beginning| name.starts_with(beginning));
    (begins && !name.starts_with(KEPT)) || NAMES.contains(&name)
}

/// How many tasks each node of the job takes, as Slurm writes it, as `4(x2),8`: as many as it has
/// CPUs for.
fn tasks_per_node(cpus_per_node: &str, cpus_per_task: Option<&str>) -> Option<String> {
    let per_task: u32 = cpus_per_task.map_or(Some(1), |cpus| cpus.parse().ok())?;
    let groups = cpus_per_node.split(',').map(|group| {
        let end = group.find('(').unwrap_or(group.len());
        let (cpus, times) = group.split_at(end);
        let cpus: u32 = cpus.parse().ok()?;
        Some(format!("{}{times}", cpus.checked_div(per_task)?.max(1)))
    });
    Some(groups.collect::<Option<Vec<_>>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The environment of the second process of `srun --overlap --ntasks-per-node=1` in a block of
    /// two nodes, as Slurm 22.05 made it, with what its PMI libraries add.
    const STEP: &str = include_str!("captured/srun_step.txt");

    fn environment(text: &str) -> Vec<(String, String)> {
        let pair = |line: &str| {
            let (name, value) = line.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        };
        text.lines().map(pair).collect()
    }

    /// What is left, as lines.
    fn changed(environment: &[(String, String)]) -> Vec<String> {
        let Changes { removed, set } = changes(environment);
        let mut left: Vec<_> = environment
            .iter()
            .filter(|(name, _)| !removed.contains(name))
            .filter(|(name, _)| !set.iter().any(|(changed, _)| changed == name))
            .chain(&set)
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        left.sort_unstable();
        left
    }

    #[test]
    fn a_step_s_process_becomes_one_of_the_block_s_script() {
        let expected = "\
CUDA_VISIBLE_DEVICES=0,1
GPU_DEVICE_ORDINAL=0,1
HOME=/home/user
OMPI_MCA_plm_slurm_args=--overlap
OMP_NUM_THREADS=2
PATH=/usr/bin:/bin
PMIX_MCA_gds=hash
ROCR_VISIBLE_DEVICES=0,1
SLURMD_NODENAME=n2
SLURM_CLUSTER_NAME=cluster
SLURM_CONF=/etc/slurm/slurm.conf
SLURM_CPUS_ON_NODE=4
SLURM_GPUS_ON_NODE=2
SLURM_GPUS_PER_NODE=2
SLURM_JOBID=1
SLURM_JOB_CPUS_PER_NODE=4(x2)
SLURM_JOB_GID=1000
SLURM_JOB_GPUS=0,1
SLURM_JOB_ID=1
SLURM_JOB_NAME=job.sh
SLURM_JOB_NODELIST=n[1-2]
SLURM_JOB_NUM_NODES=2
SLURM_JOB_PARTITION=batch
SLURM_JOB_UID=1000
SLURM_JOB_USER=user
SLURM_MEM_PER_NODE=1000
SLURM_NNODES=2
SLURM_NODELIST=n[1-2]
SLURM_NODE_ALIASES=(null)
SLURM_OVERLAP=1
SLURM_PRIO_PROCESS=0
SLURM_SUBMIT_DIR=/home/user/run
SLURM_SUBMIT_HOST=login
SLURM_TASKS_PER_NODE=4(x2)
SLURM_TOPOLOGY_ADDR=n2
SLURM_TOPOLOGY_ADDR_PATTERN=node
SLURM_WORKING_CLUSTER=cluster:127.0.0.1:24988:9728:109
ZE_AFFINITY_MASK=0,1";
        let left = changed(&environment(STEP));
        assert_eq!(left.join("\n"), expected);
    }

    #[test]
    fn elsewhere_nothing_is_set() {
        let other = environment("PBS_JOBID=7\nPMI_RANK=0\nCHILTEPIN_START=/claim\nHOME=/home/user");
        assert_eq!(changed(&other), ["HOME=/home/user", "PBS_JOBID=7"]);
        assert_eq!(changes(&other).set, []);
    }

    #[test]
    fn options_of_the_user_s_stay() {
        let options = |own: &str| {
            let environment =
                environment(&format!("SLURM_JOB_ID=1\nOMPI_MCA_plm_slurm_args={own}"));
            changes(&environment).set[0].1.clone()
        };
        assert_eq!(options(""), "--overlap");
        assert_eq!(options("--mem=0"), "--mem=0 --overlap");
        assert_eq!(options("--overlap --mem=0"), "--overlap --mem=0");
    }

    #[test]
    fn tasks_of_a_node_follow_from_its_cpus() {
        let tasks = |cpus, per_task| tasks_per_node(cpus, per_task);
        assert_eq!(tasks("4(x2),8", None).as_deref(), Some("4(x2),8"));
        assert_eq!(tasks("4(x2),9", Some("2")).as_deref(), Some("2(x2),4"));
        assert_eq!(tasks("4", Some("8")).as_deref(), Some("1"));
        for (cpus, per_task) in [("", None), ("x", None), ("4", Some("0")), ("4", Some("x"))] {
            assert_eq!(tasks(cpus, per_task), None, "{cpus} {per_task:?}");
        }
    }

    proptest! {
        #[test]
        fn any_environment_is_read(
            environment in proptest::collection::vec((".*", ".*"), 0..8),
            cpus in ".*",
            per_task in proptest::option::of(".*"),
        ) {
            let mut environment = environment;
            environment.push(("SLURM_JOB_ID".to_owned(), "1".to_owned()));
            environment.push(("SLURM_JOB_CPUS_PER_NODE".to_owned(), cpus));
            environment.extend(per_task.map(|cpus| ("SLURM_CPUS_PER_TASK".to_owned(), cpus)));
            changes(&environment);
        }
    }
}
