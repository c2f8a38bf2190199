use std::io::Write;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use chiltepin_executors::start::START_VARIABLE;
use chiltepin_executors::{ByteSize, signal_name};

use super::exit::Exit;
use super::explain::find;
use super::record::{self, Told};
use crate::config::{Config, Provider};
use crate::driver::PROGRAM;
use crate::environment::RERUN_VARIABLE;
use crate::report::{self, Arguments, Kind, RunStarted, TaskRecord, WholeArguments};
use crate::rerun::{End, Outcome, Request};

/// Runs a call of a run again, here, with the arguments that the run has recorded
///
/// The run's own copy of its program does it, in the folder in which the run's program worked, with
/// the terminal's streams. By default arguments are recorded of calls that fail; see
/// `record_arguments` in `chiltepin defaults`.
#[derive(Debug, clap::Args)]
pub(super) struct Rerun {
    /// The run's number below `run_dir`, as 7; `latest`; or its folder
    run: PathBuf,
    /// The task's number or name, or the name of its function where that has one call
    task: String,
    /// Prints how it went as JSON, with the time in microseconds; what the call prints goes to
    /// stderr
    #[arg(long)]
    json: bool,
}

/// Why a call is not run again, and what to do about it.
#[derive(Debug)]
struct Refusal {
    reason: String,
    hint: Option<String>,
}

impl Refusal {
    fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            hint: None,
        }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        let hint = Some(hint.into());
        Self { hint, ..self }
    }
}

impl Rerun {
    pub(super) fn run(self, out: &mut dyn Write, errors: &mut dyn Write) -> std::io::Result<Exit> {
        let told = match record::tell(Some(&self.run), errors)? {
            Ok(told) => told,
            Err(exit) => return Ok(exit),
        };
        let (number, task) = match find(&told.record, &self.task) {
            Ok(found) => found,
            Err(reason) => {
                writeln!(errors, "error: {reason}")?;
                return Ok(Exit::Usage);
            }
        };
        let name = task.shown_name();
        let prepared = Prepared::new(&told, number, task);
        out.flush()?;
        let outcome = prepared.and_then(|prepared| prepared.start(self.json));
        let outcome = match outcome {
            Ok(Outcome {
                end: End::Refused { reason },
                ..
            }) => Err(Refusal::new(format!(
                "`{}` {reason}, `{PROGRAM}` of the run",
                task.function.as_deref().unwrap_or_default()
            ))),
            outcome => outcome,
        };
        let Outcome { took, end } = match outcome {
            Ok(outcome) => outcome,
            Err(Refusal { reason, hint }) => {
                writeln!(errors, "error: {reason}")?;
                if let Some(hint) = hint {
                    writeln!(errors, "  hint: {hint}")?;
                }
                return Ok(Exit::Failure);
            }
        };
        let error = match &end {
            End::Failed { error } => Some(&**error),
            _ => None,
        };
        let bytes = match end {
            End::Value { bytes } => Some(bytes),
            _ => None,
        };
        let code = match end {
            End::ExitCode(code) => Some(code),
            _ => None,
        };
        if self.json {
            let value = serde_json::json!({
                "task": number,
                "name": name,
                "succeeded": error.is_none(),
                "took": took,
                "value_bytes": bytes,
                "exit_code": code,
                "error": error,
            });
            record::print_json(out, &value)?;
        } else if let Some(error) = error {
            writeln!(errors, "error: {error}")?;
        } else {
            let took = report::time(took);
            let value =
                bytes.map(|bytes| format!(", its value has {} encoded", report::memory(bytes)));
            let code = code.filter(|code| *code != 0);
            let code = code.map(|code| format!(" with exit code {code}"));
            let more = value.or(code).unwrap_or_default();
            writeln!(out, "`{name}` succeeded after {took}{more}")?;
        }
        Ok(if error.is_some() {
            Exit::Failure
        } else {
            Exit::Success
        })
    }
}

/// What a call is run again with.
struct Prepared<'a> {
    request: Request,
    program: PathBuf,
    started: &'a RunStarted,
    restart: &'a [String],
    /// Shell lines to be run before.
    lines: Vec<String>,
}

impl<'a> Prepared<'a> {
    fn new(told: &'a Told, number: u64, task: &TaskRecord) -> Result<Self, Refusal> {
        let name = task.shown_name();
        let Some(started) = &told.record.started else {
            return Err(Refusal::new(
                "the journal does not say which program the run was",
            ));
        };
        if task.needs.kind == Kind::Join {
            let refusal = Refusal::new(format!(
                "`{name}` ({number}) is a join, which needs its workflow"
            ));
            return Err(refusal.hint("run one of the tasks again that it has submitted"));
        }
        let config = Config::from_toml(&started.config).ok();
        let arguments = arguments(told, started, config.as_ref(), number, task)?;
        let Some(restart) = &started.restart else {
            return Err(Refusal::new(
                "the run's program cannot be started for one call alone",
            ));
        };
        let program = std::path::absolute(told.folder.join(PROGRAM));
        let program = program.unwrap_or_else(|_| told.folder.join(PROGRAM));
        if !program.is_file() {
            return Err(Refusal::new(format!(
                "`{}`, the copy of the run's program, is not there: it was removed, or could not \
                 be made",
                program.display()
            ))
            .hint(
                "run the workflow again; each run keeps a copy of its program when a call fails",
            ));
        }
        let executor = task
            .executor()
            .map(|executor| told.record.executor(executor));
        let lines = config.and_then(|config| environment_lines(&config, executor?));
        Ok(Self {
            request: Request {
                function: task.function.as_deref().unwrap_or_default().to_owned(),
                body: arguments.body,
                name: task.name.as_deref().map(ToOwned::to_owned),
                task: number,
                sizes: arguments.sizes.clone(),
                bytes: arguments.bytes.clone(),
                directory: arguments.directory.clone(),
                allowed_exit_codes: arguments.allowed_exit_codes.clone(),
                outcome: String::new(),
            },
            program,
            started,
            restart,
            lines: lines.unwrap_or_default(),
        })
    }

    /// Starts the program, and waits for its end.
    fn start(mut self, is_json: bool) -> Result<Outcome, Refusal> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Refusal::new(format!("cannot {what}: {error}"))
        };
        let folder = tempfile::tempdir().map_err(|error| failed("make a folder", &error))?;
        let file = |name: &str| folder.path().join(name);
        let (asked, told) = (file("request"), file("outcome"));
        self.request.outcome = told.display().to_string();
        let bytes = postcard::to_stdvec(&self.request);
        let bytes = bytes.map_err(|error| failed("ask for the call", &error))?;
        std::fs::write(&asked, bytes).map_err(|error| failed("ask for the call", &error))?;
        let directory = Path::new(&self.started.directory);
        if !directory.is_dir() {
            return Err(Refusal::new(format!(
                "the folder `{}`, in which the run's program worked, is not there",
                directory.display()
            )));
        }
        let mut command = self.command();
        command
            .args(self.restart)
            .current_dir(directory)
            .env_remove(START_VARIABLE)
            .env(RERUN_VARIABLE, &asked);
        if is_json {
            command.stdout(Stdio::from(std::io::stderr()));
        }
        let status = command.status();
        let status = status.map_err(|error| failed("start the run's program", &error))?;
        let outcome = std::fs::read(&told).ok();
        let outcome = outcome.and_then(|bytes| postcard::from_bytes(&bytes).ok());
        outcome.ok_or_else(|| {
            let program = format!("the program ended {}", ended(status));
            Refusal::new(if asked.exists() {
                format!("{program} and never came to `chiltepin::init()`")
            } else {
                format!("{program} before the call did")
            })
        })
    }

    /// The program, in a shell that has run the lines if there are any.
    fn command(&self) -> Command {
        if self.lines.is_empty() {
            return Command::new(&self.program);
        }
        let mut bash = Command::new("bash");
        let lines = self.lines.join("\n");
        bash.arg("-c")
            .arg(format!("set -e\n{lines}\nset +e\nexec \"$0\" \"$@\""))
            .arg(&self.program);
        bash
    }
}

fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("with exit code {code}"),
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            format!("by signal {signal} ({})", signal_name(signal))
        }
    }
}

/// The recorded arguments, or why there are none.
fn arguments<'a>(
    told: &Told,
    started: &RunStarted,
    config: Option<&Config>,
    number: u64,
    task: &'a TaskRecord,
) -> Result<&'a WholeArguments, Refusal> {
    let call = format!("`{}` ({number})", task.shown_name());
    match task.arguments.as_deref() {
        Some(Arguments::Whole(arguments)) => Ok(arguments),
        Some(Arguments::TooLarge { most }) => Err(Refusal::new(format!(
            "the arguments of {call} have more than {}, and were not recorded",
            ByteSize(*most)
        ))
        .hint("write what is large to a file and pass its path")),
        Some(Arguments::NotEncoded { reason }) => Err(Refusal::new(format!(
            "the arguments of {call} were not recorded: it {reason}"
        ))),
        Some(Arguments::NoMore { most }) => Err(Refusal::new(format!(
            "the arguments of {call} were not recorded: those of other calls have {} already",
            ByteSize(*most)
        ))
        .hint("run one of those again")),
        None if !told.damages.is_empty() => Err(Refusal::new(format!(
            "the journal is damaged, and the arguments of {call} are not in what can be read"
        ))),
        None if started.restart.is_none() => Err(Refusal::new(
            "the run's program cannot be started for one call alone, so it has recorded no arguments",
        )
        .hint("call `chiltepin::init()` first in `main`, or use `#[chiltepin::main]`")),
        None if task.is_cached() => Err(Refusal::new(format!(
            "{call} was not run: its value came from the cache"
        ))
        .hint("`chiltepin cache clear` removes it, so that the call runs in the next run")),
        None if task.attempts.is_empty() => Err(Refusal::new(format!(
            "{call} has never started, so it has no arguments that could be recorded"
        ))
        .hint("`chiltepin explain` says why; run what it waited for again")),
        None => {
            let setting = config.map(|config| config.workflow.record_arguments);
            let setting = setting.unwrap_or_default();
            let state = match task.state().word() {
                state @ ("succeeded" | "failed") => format!("has {state}"),
                state => format!("is {state}"),
            };
            Err(Refusal::new(format!(
                "no arguments are recorded of {call}, which {state}: `record_arguments` of the \
                 run is \"{setting}\""
            ))
            .hint(
                "with `record_arguments = \"all\"` in the table `workflow` of the configuration a \
                 run records those of each call that starts, with \"failed\" of those that fail",
            ))
        }
    }
}

/// The lines that prepare the environment of an executor's tasks.
fn environment_lines(config: &Config, executor: &str) -> Option<Vec<String>> {
    let mut resources = config.resources.iter();
    let resource = resources.find(|resource| resource.name == executor)?;
    match &resource.provider {
        Provider::Localhost(pool) => Some(pool.environment.clone()),
        Provider::Slurm(batch) | Provider::PbsPro(batch) => Some(batch.pool.environment.clone()),
        _ => None,
    }
}
