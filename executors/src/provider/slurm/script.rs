//! The batch script of a block of Slurm's.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::provider::script::{Days, STARTED_VARIABLE, Script, clock, mebibytes};
use crate::provider::{BatchSettings, BlockRequest};

/// What a job's own options put into its environment and would narrow the step of the agents, whose
/// options are all said: an agent is to see the whole of what its node has given to the job.
const NARROWING: &str = "SLURM_EXACT SLURM_EXCLUSIVE SLURM_CPU_BIND SLURM_MEM_BIND SLURM_HINT \
                         SLURM_DISTRIBUTION SLURM_THREADS_PER_CORE SLURM_CORE_SPEC \
                         SLURM_NTASKS_PER_CORE SLURM_NTASKS_PER_SOCKET SLURM_NTASKS_PER_GPU \
                         SLURM_TRES_PER_TASK SLURM_CPUS_PER_GPU SLURM_GPUS_PER_TASK SLURM_GPU_BIND";

/// Writes the script of a batch job.
pub(in crate::provider) fn batch_script(
    settings: &BatchSettings,
    request: &BlockRequest,
) -> Script {
    let mut script = Script::new();
    head(&mut script, settings, request);
    script.push("\n");
    body(&mut script, settings, request, &[]);
    script
}

/// Writes what starts the agents within an allocation that is there, on these of its nodes.
pub(in crate::provider) fn step_script(
    settings: &BatchSettings,
    request: &BlockRequest,
    nodes: &[String],
) -> Script {
    let mut script = Script::new();
    let within = format!("--nodelist={}", nodes.join(","));
    body(&mut script, settings, request, &[&within]);
    script
}

fn head(script: &mut Script, settings: &BatchSettings, request: &BlockRequest) {
    let mut option = |name: &str, value: &OsStr| {
        script.push(format!("#SBATCH --{name}="));
        script.push(word(value));
        script.push("\n");
    };
    let mut text = |name: &str, value: &str| option(name, OsStr::new(value));
    text("job-name", &request.name);
    text("nodes", &settings.nodes.to_string());
    text("ntasks-per-node", "1");
    if let Some(partition) = &settings.partition {
        text("partition", partition);
    }
    if let Some(quality) = &settings.queue {
        text("qos", quality);
    }
    if let Some(account) = &settings.account {
        text("account", account);
    }
    text("time", &clock(settings.walltime, Days::Apart));
    if let Some(cores) = settings.cores_per_node {
        text("cpus-per-task", &cores.to_string());
    }
    if let Some(memory) = settings.memory_per_node {
        text("mem", &format!("{}M", mebibytes(memory)));
    }
    if let Some(gpus) = settings.gpus_per_node
        && gpus > 0
    {
        text("gpus-per-node", &gpus.to_string());
    }
    if !request.exclude.is_empty() {
        text("exclude", &request.exclude.join(","));
    }
    option("chdir", settings.directory.as_os_str());
    option("output", &without_patterns(request.output.as_os_str()));
    if settings.exclusive {
        script.push("#SBATCH --exclusive\n");
    }
    // A block that comes back by itself would find its driver gone, or replaced already. One that
    // loses a node goes on with the others. The user's environment comes along.
    script.push("#SBATCH --no-requeue\n#SBATCH --no-kill\n#SBATCH --export=ALL\n");
    // Last, so that they win.
    for option in &settings.scheduler_options {
        script.push(format!("#SBATCH {option}\n"));
    }
}

/// The shell becomes srun: whatever ends the job's batch step ends the agents' step, and the other
/// way round. An agent that ends, in whatever way, does not end the others; the step holds no
/// cores and no memory against those of tasks; it sets up no MPI, which would be inherited by all
/// that tasks start.
fn body(script: &mut Script, settings: &BatchSettings, request: &BlockRequest, more: &[&str]) {
    script.push(format!("export {STARTED_VARIABLE}=$(date +%s)\n"));
    script.environment(&settings.environment);
    script.push(format!("unset {NARROWING}\n"));
    let nodes = settings.nodes;
    let (nodes, tasks) = (format!("--nodes={nodes}"), format!("--ntasks={nodes}"));
    let cores = settings
        .cores_per_node
        .map(|cores| format!("--cpus-per-task={cores}"));
    let mut launcher = vec!["srun", &*nodes, &*tasks, "--ntasks-per-node=1"];
    launcher.extend(cores.as_deref());
    launcher.extend_from_slice(more);
    launcher.extend([
        "--overlap",
        "--mem=0",
        "--cpu-bind=none",
        "--no-kill",
        "--kill-on-bad-exit=0",
        "--wait=0",
        "--mpi=none",
        "--input=none",
        "--export=ALL",
    ]);
    script.agent(&launcher, &settings.prefix, request);
}

/// A value for the head of a script, in quotes where sbatch needs them.
fn word(value: &OsStr) -> OsString {
    let bytes = value.as_bytes();
    let special =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'\\' | b'#');
    if !bytes.iter().any(special) {
        return value.to_owned();
    }
    let mut quoted = vec![b'"'];
    for &byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            quoted.push(b'\\');
        }
        quoted.push(byte);
    }
    quoted.push(b'"');
    OsString::from_vec(quoted)
}

/// The name of a file of which Slurm replaces nothing.
fn without_patterns(path: &OsStr) -> OsString {
    let mut plain = Vec::new();
    for &byte in path.as_bytes() {
        plain.push(byte);
        if byte == b'%' {
            plain.push(byte);
        }
    }
    OsString::from_vec(plain)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::provider::script::examples;

    #[test]
    fn a_block_with_everything() {
        let script = batch_script(&examples::full(), &examples::request());
        insta::assert_snapshot!(script.into_text());
    }

    #[test]
    fn a_block_with_nothing_said() {
        let mut request = examples::request();
        request.arguments.clear();
        let script = batch_script(&BatchSettings::default(), &request);
        insta::assert_snapshot!(script.into_text());
    }

    #[test]
    fn nodes_that_failed_are_excluded_and_those_shared_are_not_exclusive() {
        let settings = BatchSettings {
            exclusive: false,
            walltime: Duration::from_millis(60_500),
            ..BatchSettings::default()
        };
        let mut request = examples::request();
        request.exclude = vec!["n1".to_owned(), "n7".to_owned()];
        request.output = "/runs/100% mine/\"x\"".into();
        let text = batch_script(&settings, &request).into_text();
        for line in [
            "#SBATCH --exclude=n1,n7",
            "#SBATCH --time=00:01:01",
            r#"#SBATCH --output="/runs/100%% mine/\"x\"""#,
        ] {
            assert!(text.lines().any(|other| other == line), "{line}\n{text}");
        }
        assert!(!text.contains("--exclusive"), "{text}");
    }

    #[test]
    fn a_step_says_its_nodes_and_has_no_head() {
        let nodes = ["n1".to_owned(), "n3".to_owned()];
        let text = step_script(&examples::full(), &examples::request(), &nodes).into_text();
        assert!(text.contains(" --nodelist=n1,n3 "), "{text}");
        assert!(!text.contains("#SBATCH"), "{text}");
    }
}
