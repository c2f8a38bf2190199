//! What stands in for Slurm where agents are simulated: its commands as small scripts, which run a
//! batch script at once, on this machine.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Starts the batch script, which comes last, with both streams in a file beside it.
const SBATCH: &str = r#"#!/bin/bash
for script; do :; done
setsid bash "$script" > "$script.out" 2>&1 < /dev/null &
echo $! >> "$STAND_IN/jobs"
echo $!
"#;

/// Tells of each job that still runs.
const SQUEUE: &str = r#"#!/bin/bash
exit 0
"#;

const SCANCEL: &str = r#"#!/bin/bash
for job; do kill -- -"$job"; done 2> /dev/null
exit 0
"#;

/// Becomes all the agents of the block.
const SRUN: &str = r#"#!/bin/bash
exec "$STAND_IN_AGENTS" --simulate-agents "$STAND_IN_COUNT"
"#;

/// Writes the commands into a folder, to be put before all others in `PATH`.
pub(crate) fn write(folder: &Path) -> io::Result<()> {
    let commands = [
        ("sbatch", SBATCH),
        ("squeue", SQUEUE),
        ("scancel", SCANCEL),
        ("srun", SRUN),
    ];
    for (name, script) in commands {
        let path = folder.join(name);
        fs::write(&path, script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
