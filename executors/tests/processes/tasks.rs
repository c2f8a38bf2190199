//! The tasks that agents run.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use chiltepin_executors::registry::{
    Entry, ErrorCodec, Location, Registration, ServedFuture, TaskDefaults, TaskInfo,
};
use chiltepin_executors::wire::codec;
use chiltepin_executors::{AnyError, Failure, FailureKind, ServedCall, TaskKind, UserError};

const fn task(name: &'static str, kind: TaskKind, entry: Entry) -> TaskInfo {
    TaskInfo {
        type_name: || "agents::tasks::Item",
        function: name,
        name: Some(name),
        kind,
        location: Location {
            file: file!(),
            line: line!(),
            column: 1,
        },
        defaults: TaskDefaults::NONE,
        parameters: &[],
        returns: "String",
        takes_context: false,
        body: 0,
        entry,
        error: || {
            Some(ErrorCodec {
                encode: |error: &AnyError| {
                    let mut bytes = Vec::new();
                    codec::encode(error.downcast_ref::<u32>()?, &mut bytes).ok()?;
                    Some(bytes)
                },
                decode: |bytes| Some(Arc::new(codec::decode::<u32>(bytes).ok()?)),
            })
        },
    }
}

/// Does what its argument says.
pub(crate) static ACT: TaskInfo = task("act", TaskKind::Function, Entry::Function(act));

/// The same, as an async body.
pub(crate) static ACT_ASYNC: TaskInfo = task(
    "act_async",
    TaskKind::AsyncFunction,
    Entry::AsyncFunction(act_async),
);

/// Its argument is the script.
pub(crate) static SCRIPT: TaskInfo = task("script", TaskKind::Command, Entry::Command(argument));

inventory::submit! { Registration(&ACT) }
inventory::submit! { Registration(&ACT_ASYNC) }
inventory::submit! { Registration(&SCRIPT) }

fn argument(call: &Arc<ServedCall>) -> Result<String, Failure> {
    codec::decode(&call.arguments.lock().bytes).map_err(|error| invalid(error.to_string()))
}

fn invalid(reason: String) -> Failure {
    Failure::permanent(FailureKind::Invalid { reason })
}

/// Splits `verb:rest`.
fn act(call: &Arc<ServedCall>, out: &mut Vec<u8>) -> Result<(), Failure> {
    let text = argument(call)?;
    let (verb, rest) = text.split_once(':').unwrap_or((&text, ""));
    let value = match verb {
        "say" => rest.to_owned(),
        "print" => {
            println!("{rest}");
            String::new()
        }
        // Adds a line to a file, which counts how often it was done.
        "count" => {
            count(rest);
            String::new()
        }
        "sleep" => {
            std::thread::sleep(milliseconds(rest));
            "slept".to_owned()
        }
        "fail" => {
            return Err(Failure::new(FailureKind::User(UserError {
                message: "no convergence".to_owned(),
                causes: vec!["step 7".to_owned()],
                value: Some(Arc::new(rest.parse::<u32>().unwrap())),
            })));
        }
        "panic" => panic!("{rest}"),
        "abort" => {
            eprintln!("{rest}");
            std::process::abort()
        }
        // Writes the process id into a file, and stays.
        "stay" => {
            fs::write(rest, format!("{}\n", std::process::id())).unwrap();
            std::thread::sleep(Duration::from_secs(1000));
            String::new()
        }
        "variable" => std::env::var(rest).unwrap_or_else(|_| "none".to_owned()),
        other => return Err(invalid(format!("`{other}` is no verb"))),
    };
    codec::encode(&value, out).map_err(|error| invalid(error.to_string()))
}

fn act_async(call: Arc<ServedCall>) -> ServedFuture {
    Box::pin(async move {
        let text = argument(&call)?;
        if let Some(time) = text.strip_prefix("sleep:") {
            tokio::time::sleep(milliseconds(time)).await;
        }
        let mut out = Vec::new();
        codec::encode(&text, &mut out).map_err(|error| invalid(error.to_string()))?;
        Ok(out)
    })
}

fn milliseconds(text: &str) -> Duration {
    Duration::from_millis(text.parse().unwrap())
}

fn count(file: &str) {
    let mut options = OpenOptions::new();
    let mut file = options.append(true).create(true).open(file).unwrap();
    file.write_all(b"x\n").unwrap();
}
