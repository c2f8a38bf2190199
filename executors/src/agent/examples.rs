//! One message of each kind, with its body: what the golden files hold, and what is mutated.

use std::path::PathBuf;
use std::time::Duration;

use super::message::*;
use crate::command::{CommandSpec, Stream};
use crate::pool::PoolRequest;
use crate::wire::examples::{Example, failures, reference};
use crate::wire::{Part, WireFailure, WireUsage, WireValue};
use crate::{Capacity, LossRule, Resources};

const ATTEMPT: WireAttempt = WireAttempt {
    task: 100_000,
    index: 300,
    attempt: 2,
};

fn text(text: &str) -> String {
    text.to_owned()
}

fn without_body<M>(name: &'static str, message: M) -> Example<M> {
    Example {
        name,
        message,
        body: b"",
    }
}

pub(super) fn hello() -> AgentHello {
    AgentHello {
        protocol: PROTOCOL,
        executor: text("compute"),
        block: 3,
        registry: 0x0123_4567_89ab_cdef,
        host: text("node-17.cluster"),
        node: text("n17"),
        process: 4321,
        cores: 64,
        memory: 128 << 30,
        gpus: Some(4),
        age: Some(Duration::from_millis(2500)),
        launcher: Some(Ok(text("mpirun (Open MPI) 4.1.4"))),
    }
}

pub(super) fn bare_hello() -> AgentHello {
    AgentHello {
        gpus: None,
        age: None,
        launcher: None,
        ..hello()
    }
}

pub(super) fn welcome() -> AgentWelcome {
    AgentWelcome {
        pool: PoolRequest {
            name: text("compute"),
            cores_per_node: Some(64),
            memory_per_node: Some(100 << 30),
            gpus_per_node: None,
            cores_per_worker: 2,
            gpus_per_worker: 1,
            max_workers_per_node: Some(4),
            threads_per_worker: 1,
            max_async: 256,
            bind_cores: true,
            min_sets: 0,
            init_sets: 1,
            max_sets: 1,
            max_idletime: Duration::from_secs(120),
            crash_limit: 3,
            kill_grace: Duration::from_secs(10),
            largest_value: 64 << 20,
            environment: vec![text("module load gcc")],
            variables: vec![(text("CHILTEPIN_LOG"), text("debug"))],
            prefix: vec![text("apptainer"), text("exec")],
        },
        output_folder: PathBuf::from("/scratch/runs/1/workers"),
    }
}

pub(super) fn to_agent() -> Vec<Example<ToAgent>> {
    let bare = StartCall {
        attempt: ATTEMPT,
        function: 0,
        name: None,
        directory: None,
        on_loss: LossRule::Repeat,
        losses: 0,
        timeout: None,
        resources: Resources::default(),
        command: None,
        variables: Vec::new(),
        arguments: Vec::new(),
    };
    let function = StartCall {
        function: 17,
        name: Some(text("tides")),
        directory: Some(PathBuf::from("/data/tides")),
        on_loss: LossRule::Fail,
        losses: 2,
        timeout: Some(Duration::from_secs(600)),
        resources: Resources {
            cores: 4,
            memory: 2 << 30,
            gpus: 1,
        },
        variables: vec![(text("CHILTEPIN_NUM_RANKS"), text("8"))],
        arguments: vec![WireValue::Inline(3), reference(), WireValue::Inline(2)],
        ..bare.clone()
    };
    let command = StartCall {
        command: Some(CommandSpec {
            prefix: Vec::new(),
            script: String::new(),
            directory: Some(PathBuf::from("/data/tides")),
            stdout: Stream::File {
                path: PathBuf::from("/data/tides/out"),
                append: true,
            },
            stderr: Stream::Discard,
            environment: vec![(text("CHILTEPIN_TASK_ID"), text("7"))],
            outputs: vec![PathBuf::from("table.csv")],
            allowed_exit_codes: vec![-1, 3],
            kill_grace: Duration::from_secs(10),
        }),
        arguments: vec![WireValue::Inline(1)],
        ..bare.clone()
    };
    vec![
        Example {
            name: "start",
            message: ToAgent::Start(Box::new(function)),
            body: &[0xaa, 0xbb, 0xcc, 0xdd, 0xee],
        },
        without_body("start_bare", ToAgent::Start(Box::new(bare))),
        Example {
            name: "start_command",
            message: ToAgent::Start(Box::new(command)),
            body: &[0xaa],
        },
        without_body("stop", ToAgent::Stop { attempt: ATTEMPT }),
        without_body("hurry", ToAgent::Hurry),
        without_body(
            "sweep",
            ToAgent::Sweep {
                number: 300,
                application: text("4321.7"),
            },
        ),
        without_body(
            "close",
            ToAgent::Close {
                grace: Duration::from_millis(2500),
            },
        ),
    ]
}

pub(super) fn from_agent() -> Vec<Example<FromAgent>> {
    let part = |file: &str, start, length| WirePart {
        file: PathBuf::from(file),
        part: Part { start, length },
    };
    let report = WireReport {
        worker: Some(text("compute-n17-3")),
        process: 4321,
        usage: WireUsage {
            run: 1_500,
            user: 1_200,
            system: 300,
            peak_memory: Some(6 << 20),
        },
        stdout: Some(part("/runs/1/workers/compute-n17-3.out", 1_000, 20)),
        stderr: None,
    };
    let finished = |end, report| {
        FromAgent::Finished(Box::new(FinishedAttempt {
            attempt: ATTEMPT,
            end,
            report,
        }))
    };
    let mut examples = vec![
        without_body("begun", FromAgent::Begun { attempt: ATTEMPT }),
        Example {
            name: "finished",
            message: finished(AttemptEnd::Value(WireValue::Inline(3)), Some(report)),
            body: &[0xaa, 0xbb, 0xcc],
        },
        without_body(
            "finished_reference",
            finished(AttemptEnd::Value(reference()), None),
        ),
        without_body("finished_exited", finished(AttemptEnd::Exited(-3), None)),
        without_body("finished_stopped", finished(AttemptEnd::Stopped, None)),
        without_body(
            "finished_returned",
            finished(
                AttemptEnd::Returned {
                    reason: text("is about to go"),
                },
                None,
            ),
        ),
        without_body("abandoned", FromAgent::Abandoned { attempt: ATTEMPT }),
        without_body("worker_lost", FromAgent::WorkerLost { attempt: ATTEMPT }),
        without_body(
            "ahead",
            FromAgent::Ahead {
                capacity: Capacity {
                    async_bodies: 1,
                    cores: 300,
                    memory: 1 << 40,
                    gpus: 2,
                },
            },
        ),
        without_body(
            "swept",
            FromAgent::Swept {
                number: 300,
                found: 8,
                left: 1,
            },
        ),
        without_body("leaving", FromAgent::Leaving { signal: 15 }),
        without_body(
            "broken",
            FromAgent::Broken {
                reason: text("line 1 of its environment ended with exit code 1"),
            },
        ),
    ];
    // How failures look is the business of `wire`; one of them here.
    examples.extend(failures().into_iter().take(1).map(|(name, kind)| {
        let retryable = true;
        let failure = WireFailure { kind, retryable };
        without_body(name, finished(AttemptEnd::Failed(failure), None))
    }));
    examples
}
