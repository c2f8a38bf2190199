//! One message of each kind, with its body: what the golden files hold, and what is mutated.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use serde::Serialize;

use super::{
    CallEnd, FinishedCall, FromWorker, Hello, PROTOCOL, Part, ProgramIdentity, Reference, RunCall,
    ToWorker, Welcome, WireFailure, WireFailureKind, WireUsage, WireValue, write_frame,
};
use crate::ProcessEnd;

/// A message and its body, under a name.
pub(crate) struct Example<M> {
    pub(crate) name: &'static str,
    pub(crate) message: M,
    pub(crate) body: &'static [u8],
}

impl<M: Serialize> Example<M> {
    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut frame = Vec::new();
        write_frame(&mut frame, &self.message, self.body).unwrap();
        frame
    }
}

pub(crate) fn reference() -> WireValue {
    WireValue::Reference(Reference {
        location: "store/7".to_owned(),
        size: 1 << 40,
    })
}

pub(super) fn to_worker() -> Vec<Example<ToWorker>> {
    let welcome = Welcome {
        name: "compute-3".to_owned(),
        threads: 4,
        cores: 2,
        largest_value: 64 << 20,
    };
    let full = RunCall {
        sequence: 300,
        task: 100_000,
        attempt: 2,
        time_left: Some(600_000_000),
        function: 17,
        name: Some("tides".to_owned()),
        directory: Some(PathBuf::from("/data/tides")),
        variables: vec![("CHILTEPIN_NUM_NODES".to_owned(), "2".to_owned())],
        arguments: vec![WireValue::Inline(3), reference(), WireValue::Inline(2)],
    };
    let bare = RunCall {
        sequence: 1,
        task: 1,
        attempt: 1,
        time_left: None,
        function: 0,
        name: None,
        directory: None,
        variables: Vec::new(),
        arguments: Vec::new(),
    };
    let elsewhere = RunCall {
        directory: Some(OsStr::from_bytes(b"/data/mar\xe9es").into()),
        ..bare.clone()
    };
    let without_body = |name, message| Example {
        name,
        message,
        body: b"",
    };
    vec![
        without_body("welcome", ToWorker::Welcome(welcome)),
        Example {
            name: "run",
            message: ToWorker::Run(full),
            body: &[0xaa, 0xbb, 0xcc, 0xdd, 0xee],
        },
        without_body("run_bare", ToWorker::Run(bare)),
        without_body("run_elsewhere", ToWorker::Run(elsewhere)),
        without_body("stop", ToWorker::Stop { sequence: 300 }),
        without_body("kill", ToWorker::Kill { sequence: 300 }),
        without_body(
            "withdraw",
            ToWorker::Withdraw {
                sequences: vec![1, 300],
            },
        ),
        without_body("close", ToWorker::Close),
    ]
}

/// One failure of each kind.
pub(crate) fn failures() -> Vec<(&'static str, WireFailureKind)> {
    let text = str::to_owned;
    let command = |end| WireFailureKind::Command {
        end,
        stderr: text("no such file"),
    };
    vec![
        (
            "finished_user",
            WireFailureKind::User {
                message: text("no convergence"),
                causes: vec![text("step 7"), text("division by zero")],
                value: Some(vec![1, 2]),
            },
        ),
        (
            "finished_panicked",
            WireFailureKind::Panicked {
                message: text("index out of bounds"),
                file: Some(text("src/main.rs")),
                line: Some(300),
            },
        ),
        ("finished_command_code", command(ProcessEnd::Code(2))),
        ("finished_command_signal", command(ProcessEnd::Signal(9))),
        ("finished_command_unknown", command(ProcessEnd::Unknown)),
        ("finished_command_given_up", command(ProcessEnd::GivenUp)),
        (
            "finished_missing_output",
            WireFailureKind::MissingOutput {
                path: PathBuf::from("table.csv"),
            },
        ),
        (
            "finished_system",
            WireFailureKind::System {
                action: text("open `table.csv`"),
                code: Some(2),
                kind: 1,
                message: text("No such file or directory"),
            },
        ),
        (
            "finished_invalid",
            WireFailureKind::Invalid {
                reason: text("its script holds a NUL byte"),
            },
        ),
        (
            "finished_encoding",
            WireFailureKind::Encoding {
                reason: text("has an argument `x` (`f64`) that cannot be decoded"),
            },
        ),
        (
            "finished_worker_lost",
            WireFailureKind::WorkerLost {
                worker: text("compute-3"),
                end: ProcessEnd::Signal(11),
                stderr: text("core dumped"),
                losses: 3,
            },
        ),
        (
            "finished_unavailable",
            WireFailureKind::Unavailable {
                reason: text("line 1 of its environment ended with exit code 1"),
            },
        ),
    ]
}

pub(super) fn from_worker() -> Vec<Example<FromWorker>> {
    let hello = Hello {
        protocol: PROTOCOL,
        worker: 3,
        process: 4321,
        program: ProgramIdentity {
            device: 65_025,
            inode: 1_234_567,
            size: 10 << 20,
            modified: 1_700_000_000_123_456_789,
        },
        registry: 0x0123_4567_89ab_cdef,
    };
    let finished = |end| {
        FromWorker::Finished(FinishedCall {
            sequence: 300,
            end,
            usage: WireUsage {
                run: 1_500,
                user: 1_200,
                system: 300,
                peak_memory: Some(6 << 20),
            },
            stdout: Some(Part {
                start: 1_000,
                length: 20,
            }),
            stderr: None,
        })
    };
    let without_body = |name, message| Example {
        name,
        message,
        body: b"",
    };
    let mut examples = vec![
        without_body("hello", FromWorker::Hello(hello)),
        Example {
            name: "finished",
            message: finished(CallEnd::Value(WireValue::Inline(3))),
            body: &[0xaa, 0xbb, 0xcc],
        },
        without_body("finished_reference", finished(CallEnd::Value(reference()))),
        without_body("finished_stopped", finished(CallEnd::Stopped)),
        without_body(
            "withdrawn",
            FromWorker::Withdrawn {
                sequences: vec![1, 300],
            },
        ),
    ];
    examples.extend(failures().into_iter().map(|(name, kind)| {
        let retryable = true;
        let failure = WireFailure { kind, retryable };
        without_body(name, finished(CallEnd::Failed(failure)))
    }));
    examples
}
