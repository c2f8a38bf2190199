//! From a specification to a running shell.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Pid;

use super::CommandSpec;
use super::failure::{invalid, system};
use super::mark::{COMMAND_VARIABLE, Mark};
use super::running::Running;
use super::script::{self, Script};
use super::streams::{Stderr, Streams};
use crate::Failure;
use crate::start::START_VARIABLE;

/// A command that has all it needs and is yet to be started.
pub(super) struct Prepared {
    command: Command,
    script: Script,
    stderr: Stderr,
    mark: Mark,
}

/// Checks the specification, makes its folders and opens its files.
pub(super) fn prepare(
    spec: &CommandSpec,
    bash: &Path,
    script_folder: &Path,
    mark: Mark,
) -> Result<Prepared, Failure> {
    check_environment(&spec.environment)?;
    let script = script::carry(&spec.script, script_folder)?;
    if let Some(directory) = &spec.directory {
        fs::create_dir_all(directory).map_err(|error| {
            system(
                format!("make working directory `{}`", directory.display()),
                error,
            )
        })?;
    }
    let streams = Streams::open(&spec.stdout, &spec.stderr)?;
    let mut command = match spec.prefix.split_first() {
        None => Command::new(bash),
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(bash);
            command
        }
    };
    // Nothing here may ask for code between fork and exec: without that, the standard library
    // spawns without copying the driver's page tables, which takes long for a large driver.
    command
        .arg("-c")
        .arg(&script.argument)
        .stdin(Stdio::null())
        .stdout(streams.stdout)
        .stderr(streams.stderr)
        .envs(spec.environment.iter().map(|(name, value)| (name, value)))
        .env(COMMAND_VARIABLE, mark.value())
        .env_remove(START_VARIABLE)
        .process_group(0);
    if let Some(directory) = &spec.directory {
        command.current_dir(directory);
    }
    if spec.prefix.is_empty() {
        // What `$0` and the shell's messages show.
        command.arg0("bash");
    }
    Ok(Prepared {
        command,
        script,
        stderr: streams.kept,
        mark,
    })
}

fn check_environment(environment: &[(String, String)]) -> Result<(), Failure> {
    for (name, value) in environment {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(invalid(format!(
                "`{}` cannot be the name of an environment variable; \
                 choose one that is not empty and contains neither `=` nor a NUL byte",
                name.escape_default()
            )));
        }
        if value.contains('\0') {
            return Err(invalid(format!(
                "the value of the environment variable `{name}` contains a NUL byte, which no \
                 program can be given; pass binary data in a file"
            )));
        }
    }
    Ok(())
}

impl Prepared {
    /// Starts the shell.
    pub(super) fn spawn(self) -> Result<Running, Failure> {
        let Self {
            mut command,
            script,
            stderr,
            mark,
        } = self;
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::ArgumentListTooLong => {
                return Err(invalid(format!(
                    "the command's environment is larger than the system lets a program be \
                     started with ({error}); pass large values in files"
                )));
            }
            Err(error) => {
                let bash = Path::new(command.get_program()).display();
                let place = command
                    .get_current_dir()
                    .map_or_else(String::new, |directory| {
                        format!(" in `{}`", directory.display())
                    });
                return Err(system(format!("start `{bash}`{place}"), error));
            }
        };
        // The command holds copies of the ends that the shell has got; only without them does a
        // pipe end with its last writer.
        drop(command);
        Running::new(Pid::from_child(&child), mark, stderr, script)
            .map_err(|error| system("watch the command's shell".to_owned(), error))
    }
}
