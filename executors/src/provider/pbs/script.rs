//! The batch script of a block of PBS Pro's.

use std::ffi::{OsStr, OsString};

use crate::command::quoted;
use crate::provider::script::{Days, STARTED_VARIABLE, Script, clock, mebibytes};
use crate::provider::{BatchSettings, BlockRequest};

/// Writes the script of a batch job.
pub(super) fn batch_script(settings: &BatchSettings, request: &BlockRequest) -> Script {
    let mut script = Script::new();
    head(&mut script, settings, request);
    script.push("\n");
    body(&mut script, settings, request);
    script
}

/// Writes what starts the agents on the nodes of a job that is there.
pub(in crate::provider) fn step_script(settings: &BatchSettings, request: &BlockRequest) -> Script {
    let mut script = Script::new();
    body(&mut script, settings, request);
    script
}

fn head(script: &mut Script, settings: &BatchSettings, request: &BlockRequest) {
    let mut option = |name: &str, value: &OsStr| {
        script.push(format!("#PBS -{name} "));
        script.push(word(value));
        script.push("\n");
    };
    let mut text = |name: &str, value: &str| option(name, OsStr::new(value));
    text("N", &request.name);
    // A task of pbsdsh's for each chunk, and so for each node.
    let mut chunk = format!("select={}:mpiprocs=1", settings.nodes);
    if let Some(cores) = settings.cores_per_node {
        chunk.push_str(&format!(":ncpus={cores}"));
    }
    if let Some(memory) = settings.memory_per_node {
        chunk.push_str(&format!(":mem={}mb", mebibytes(memory)));
    }
    if let Some(gpus) = settings.gpus_per_node
        && gpus > 0
    {
        chunk.push_str(&format!(":ngpus={gpus}"));
    }
    text("l", &chunk);
    let place = if settings.exclusive {
        "place=scatter:exclhost"
    } else {
        "place=scatter"
    };
    text("l", place);
    let time = clock(settings.walltime, Days::InHours);
    text("l", &format!("walltime={time}"));
    if let Some(queue) = &settings.queue {
        text("q", queue);
    }
    if let Some(account) = &settings.account {
        text("A", account);
    }
    text("S", "/bin/bash");
    // The server's own words about the job, which come at its end.
    let mut words = request.output.as_os_str().to_owned();
    words.push(".pbs");
    option("o", &words);
    // A block that comes back by itself would find its driver gone, or
    // replaced already. The user's environment comes along.
    script.push("#PBS -j oe\n#PBS -r n\n#PBS -V\n");
    // Last, so that they win.
    for option in &settings.scheduler_options {
        script.push(format!("#PBS {option}\n"));
    }
}

/// The job's shell becomes pbsdsh, which runs this very script again on each node: what a task of
/// pbsdsh's finds in its environment is the job's own, and not what the job's shell has made of it.
/// What is printed goes to its file at once, and not by the server at the job's end.
fn body(script: &mut Script, settings: &BatchSettings, request: &BlockRequest) {
    script.push("exec >>");
    script.push(quoted(request.output.as_os_str()));
    script.push(" 2>&1\n");
    script.push("if [ $# = 0 ]; then\n  exec pbsdsh -- /bin/bash ");
    script.push(quoted(request.script.as_os_str()));
    script.push(" \"$(date +%s)\"\nfi\n");
    script.push(format!("export {STARTED_VARIABLE}=$1; shift\n"));
    script.push("cd -- ");
    script.push(quoted(settings.directory.as_os_str()));
    script.push(" || exit\n");
    script.environment(&settings.environment);
    script.agent(&[], &settings.prefix, request);
}

/// A value for the head of a script, in quotes where qsub needs them.
fn word(value: &OsStr) -> OsString {
    let bytes = value.as_encoded_bytes();
    if bytes.iter().any(u8::is_ascii_whitespace) {
        let mut quoted = OsString::from("\"");
        quoted.push(value);
        quoted.push("\"");
        quoted
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::script::examples;

    #[test]
    fn a_block_with_everything() {
        let mut settings = examples::full();
        settings.partition = None;
        settings.scheduler_options = vec!["-l software=model".to_owned()];
        let script = batch_script(&settings, &examples::request());
        insta::assert_snapshot!(script.into_text());
    }

    #[test]
    fn a_block_with_nothing_said() {
        let settings = BatchSettings {
            exclusive: false,
            ..BatchSettings::default()
        };
        let script = batch_script(&settings, &examples::request());
        insta::assert_snapshot!(script.into_text());
    }
}
