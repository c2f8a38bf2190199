//! One call again, in the foreground: `chiltepin rerun` asks for it, and the program's own copy
//! does it.
//!
//! ```text
//!   chiltepin rerun ── Request file, CHILTEPIN_RERUN=its path ──► program ── init ──► body
//!                   ◄───────────────── Outcome file ◄──────────────────────────────────┘
//! ```

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use chiltepin_executors::panic::{self, catch};
use chiltepin_executors::registry::{Entry, Functions, TaskInfo};
use chiltepin_executors::wire::WireValue;
use chiltepin_executors::{
    Attempt, AttemptId, EncodedValues, Failure, FailureKind, ServedCall, StopSignal, TaskId,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::TaskError;
use crate::config::LogLevel;
use crate::environment;
use crate::error::{ErrorKind, ErrorPlace};

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The registered name of the function, and the number made of it.
    pub(crate) function: String,
    pub(crate) body: u128,
    /// The call's own name, if it has one, and its number.
    pub(crate) name: Option<String>,
    pub(crate) task: u64,
    /// How many bytes each argument has, and all of them.
    pub(crate) sizes: Vec<u32>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) directory: Option<String>,
    pub(crate) allowed_exit_codes: Vec<i32>,
    /// The file to write the [`Outcome`] to.
    pub(crate) outcome: String,
}

/// How it went.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// How long the body took, in microseconds.
    pub(crate) took: u64,
    pub(crate) end: End,
}

/// How the call ended.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum End {
    /// With a value of so many bytes, encoded.
    Value { bytes: u64 },
    /// A command, with this code.
    ExitCode(i32),
    /// With this error and its causes.
    Failed { error: String },
    /// It was not run, for this reason.
    Refused { reason: String },
}

/// Runs the call that this process was started for, if it was; its exit code then.
pub(crate) fn serve() -> Option<i32> {
    let file = environment::rerun_request()?;
    let bytes = fs::read(&file).ok()?;
    // Whatever the body starts inherits the variable, and is not to do the same again.
    fs::remove_file(&file).ok()?;
    let Ok(request) = postcard::from_bytes::<Request>(&bytes) else {
        eprintln!("error: `{}` asks for nothing known", file.display());
        return Some(1);
    };
    panic::install_hook(environment::backtrace());
    let level = environment::log_level().ok().flatten();
    crate::log::install(level.unwrap_or(LogLevel::Info));
    let path = request.outcome.clone();
    let outcome = run(request);
    let written = postcard::to_stdvec(&outcome).map_err(io::Error::other);
    if let Err(error) = written.and_then(|bytes| fs::write(&path, bytes)) {
        eprintln!("error: cannot say how it went: {error}");
    }
    let is_well = matches!(outcome.end, End::Value { .. } | End::ExitCode(_));
    Some(i32::from(!is_well))
}

fn run(request: Request) -> Outcome {
    let mut functions = Functions::of_program().iter();
    let info = match functions.find(|info| *info.registered_name() == *request.function) {
        Some(info) if info.body == request.body => info,
        Some(_) => return refused("is another function in this program"),
        None => return refused("is not in this program"),
    };
    let name = request.name.clone();
    let name = name.unwrap_or_else(|| info.short_name().to_owned());
    let number = request.task;
    let begun = Instant::now();
    let end = match catch(|| call(info, request)) {
        Ok(Ok(end)) => end,
        Ok(Err(failure)) => failed(failure, name, number),
        Err(report) => failed(Failure::new(FailureKind::Panicked(report)), name, number),
    };
    let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
    Outcome { took, end }
}

fn refused(reason: &str) -> Outcome {
    let reason = reason.to_owned();
    Outcome {
        took: 0,
        end: End::Refused { reason },
    }
}

/// The error as a future of the call would give it.
fn failed(failure: Failure, task: String, number: u64) -> End {
    let place = ErrorPlace {
        task,
        id: Some(TaskId::new(number, 0)),
        attempt: 1,
        ..ErrorPlace::default()
    };
    // An error that the user wrote shows itself.
    let error = catch(|| {
        let kind = ErrorKind::of_failure(failure.kind, None);
        format!("{:#}", TaskError::new(kind, place))
    });
    End::Failed {
        error: error.unwrap_or_else(|_panic| "an error that cannot be shown".to_owned()),
    }
}

/// Runs the body. Panics are the caller's to catch.
fn call(info: &'static TaskInfo, request: Request) -> Result<End, Failure> {
    let values = request.sizes.into_iter().map(WireValue::Inline).collect();
    let arguments = EncodedValues {
        values,
        bytes: request.bytes.into(),
    };
    let id = AttemptId {
        task: TaskId::new(request.task, 0),
        attempt: 1,
    };
    let call = Arc::new(ServedCall {
        info,
        name: request.name,
        directory: request.directory.map(Into::into),
        attempt: Attempt {
            id,
            deadline: None,
            last: true,
        },
        arguments: Mutex::new(arguments),
        variables: Vec::new(),
        stop: StopSignal::new(),
    });
    if let Some(directory) = &call.directory {
        fs::create_dir_all(directory).map_err(|error| system("make its directory", error))?;
    }
    let value = |bytes: &[u8]| End::Value {
        bytes: bytes.len() as u64,
    };
    match info.entry {
        Entry::Function(entry) => {
            let mut out = Vec::new();
            entry(&call, &mut out).map(|()| value(&out))
        }
        Entry::AsyncFunction(entry) => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(|error| system("start a runtime", error))?;
            runtime.block_on(entry(call)).map(|out| value(&out))
        }
        Entry::Command(entry) => {
            let script = entry(&call)?;
            let directory = call.directory.as_deref();
            let beside = request.outcome;
            execute(&script, directory, id, &beside, &request.allowed_exit_codes)
        }
        Entry::Join => Err(Failure::permanent(FailureKind::Invalid {
            reason: "is a join, which needs its workflow".to_owned(),
        })),
    }
}

/// Longer scripts cannot be arguments.
const LONGEST_ARGUMENT: usize = 100_000;

/// Executes a command's script with this process's own streams.
fn execute(
    script: &str,
    directory: Option<&Path>,
    attempt: AttemptId,
    beside: &str,
    allowed: &[i32],
) -> Result<End, Failure> {
    let mut bash = Command::new("bash");
    if script.len() <= LONGEST_ARGUMENT {
        bash.arg("-c").arg(script);
    } else {
        let file = format!("{beside}.sh");
        fs::write(&file, script).map_err(|error| system("write the script", error))?;
        bash.arg(file);
    }
    bash.env("CHILTEPIN_TASK_ID", attempt.task.to_string())
        .env("CHILTEPIN_ATTEMPT", attempt.attempt.to_string());
    if let Some(directory) = directory {
        bash.current_dir(directory);
    }
    let status = bash
        .status()
        .map_err(|error| system("start `bash`", error))?;
    // What it wrote is on the screen.
    let stderr = String::new();
    match (status.code(), status.signal()) {
        (Some(code), _) if code == 0 || allowed.contains(&code) => Ok(End::ExitCode(code)),
        (Some(code), _) => Err(Failure::new(FailureKind::ExitCode { code, stderr })),
        (None, signal) => Err(Failure::new(FailureKind::Signal {
            signal: signal.unwrap_or_default(),
            stderr,
        })),
    }
}

fn system(action: &str, error: io::Error) -> Failure {
    Failure::new(FailureKind::System {
        action: action.to_owned(),
        error: Arc::new(error),
    })
}

#[cfg(test)]
mod tests {
    use chiltepin::task;

    use super::*;

    #[task]
    fn double(x: u64) -> u64 {
        2 * x
    }

    fn request(function: &str, bytes: &[u8]) -> Request {
        let mut functions = Functions::of_program().iter();
        let info = functions.find(|info| info.registered_name().ends_with("rerun::tests::double"));
        let info = info.unwrap();
        Request {
            function: function.replace("double", &info.registered_name()),
            body: info.body,
            name: None,
            task: 7,
            sizes: vec![u32::try_from(bytes.len()).unwrap()],
            bytes: bytes.to_vec(),
            directory: None,
            allowed_exit_codes: Vec::new(),
            outcome: String::new(),
        }
    }

    #[test]
    fn what_is_not_the_function_that_was_called_is_not_run() {
        let well = run(request("double", &[3])).end;
        assert!(matches!(well, End::Value { bytes: 1 }), "{well:?}");
        let other = Request {
            body: 1,
            ..request("double", &[3])
        };
        let reason = |request| match run(request).end {
            End::Refused { reason } => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(other), "is another function in this program");
        assert_eq!(reason(request("halve", &[3])), "is not in this program");
    }

    #[test]
    fn arguments_that_cannot_be_decoded_are_the_call_s_failure() {
        let End::Failed { error } = run(request("double", &[0x80])).end else {
            panic!("a number was cut off");
        };
        assert!(error.contains("has an argument `x` (`u64`)"), "{error}");
    }
}
