use std::io;
use std::sync::Arc;

use proptest::prelude::*;

use super::message::{WireFailure, WireFailureKind};
use super::{CallEnd, FinishedCall, FromWorker, Part, WireUsage, codec, write_frame};
use crate::registry::{ErrorCodec, TaskInfo, example};
use crate::{AnyError, Failure, FailureKind, LostWorker, PanicReport, ProcessEnd, UserError};

/// A task whose error is a number, one over 9000 cannot be encoded; or many bytes.
static TASK: TaskInfo = TaskInfo {
    error: || {
        Some(ErrorCodec {
            encode: |error| {
                if let Some(bytes) = error.downcast_ref::<Vec<u8>>() {
                    return Some(bytes.clone());
                }
                let number = error.downcast_ref::<u32>()?;
                assert!(*number <= 9000, "too much");
                let mut bytes = Vec::new();
                codec::encode(number, &mut bytes).ok()?;
                Some(bytes)
            },
            decode: |bytes| Some(Arc::new(codec::decode::<u32>(bytes).ok()?)),
        })
    },
    ..example("m::f", 1)
};

static PLAIN: TaskInfo = example("m::g", 1);

fn sent(failure: &Failure, info: &TaskInfo) -> Failure {
    let mut bytes = Vec::new();
    codec::encode(&WireFailure::of(failure, info), &mut bytes).unwrap();
    let received: WireFailure = codec::decode(&bytes).unwrap();
    received.into_failure(info)
}

fn user(value: Option<Arc<AnyError>>) -> Failure {
    Failure::new(FailureKind::User(UserError {
        message: "no convergence".to_owned(),
        causes: vec!["step 7".to_owned()],
        value,
    }))
}

fn number(failure: &Failure) -> Option<u32> {
    match &failure.kind {
        FailureKind::User(error) => {
            assert_eq!(error.message, "no convergence");
            assert_eq!(error.causes, ["step 7"]);
            error.value.as_ref()?.downcast_ref().copied()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_error_that_can_travel_arrives_with_its_type() {
    assert_eq!(number(&sent(&user(Some(Arc::new(7_u32))), &TASK)), Some(7));
}

#[test]
fn an_error_that_cannot_travel_keeps_its_words() {
    for (value, info) in [
        (None, &TASK),
        (Some(Arc::new(7_u32) as Arc<AnyError>), &PLAIN),
        (Some(Arc::new("of another type")), &TASK),
        // Its `Serialize` panics.
        (Some(Arc::new(9001_u32)), &TASK),
    ] {
        assert_eq!(number(&sent(&user(value), info)), None);
    }
    let garbage = WireFailure {
        kind: WireFailureKind::User {
            message: "no convergence".to_owned(),
            causes: vec!["step 7".to_owned()],
            value: Some(vec![1, 2, 3]),
        },
        retryable: true,
    };
    assert_eq!(number(&garbage.into_failure(&TASK)), None);
}

#[test]
fn errors_of_the_system_keep_number_and_kind() {
    let numbered = io::Error::from_raw_os_error(13);
    let named = io::Error::new(io::ErrorKind::UnexpectedEof, "half a line");
    for error in [numbered, named] {
        let (code, kind, words) = (error.raw_os_error(), error.kind(), error.to_string());
        let failure = Failure::permanent(FailureKind::System {
            action: "read `x`".to_owned(),
            error: Arc::new(error),
        });
        match sent(&failure, &TASK).kind {
            FailureKind::System { action, error } => {
                assert_eq!(action, "read `x`");
                assert_eq!((error.raw_os_error(), error.kind()), (code, kind));
                assert_eq!(error.to_string(), words);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_only_the_driver_can_know_arrives_in_words() {
    let lost = FailureKind::NodesLost {
        reason: "its node `n3` is gone".to_owned(),
        losses: 1,
    };
    let join = FailureKind::Join(Arc::new(io::Error::other("the cause")));
    for (kind, words) in [(lost, "`n3`"), (join, "the cause")] {
        match sent(&Failure::new(kind), &TASK).kind {
            FailureKind::Invalid { reason } => assert!(reason.contains(words), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}

/// A text of so many bytes.
fn text(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// The words of an error that a task returned.
fn words(failure: Failure) -> (String, Vec<String>, bool) {
    match failure.kind {
        FailureKind::User(error) => (error.message, error.causes, error.value.is_some()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_too_long_arrives_cut() {
    let failure = Failure::new(FailureKind::User(UserError {
        message: text(4 << 20),
        causes: vec![text(4 << 20), "the root".to_owned()],
        value: Some(Arc::new(vec![0_u8; 4 << 20])),
    }));
    let (message, causes, is_typed) = words(sent(&failure, &TASK));
    assert!(message.starts_with(&text(1000)), "{message}");
    assert!(message.contains("bytes were cut"), "{message}");
    assert!(
        message.contains("4194304 bytes when it is encoded"),
        "{message}"
    );
    assert!(causes[0].contains("bytes were cut"), "{causes:?}");
    assert_eq!(causes[1], "the root");
    assert!(!is_typed);
    // The last lines of a command are those that say what went wrong.
    let stderr = text(4 << 20) + "the last line";
    let failure = Failure::new(FailureKind::ExitCode { code: 1, stderr });
    match sent(&failure, &TASK).kind {
        FailureKind::ExitCode { stderr, .. } => assert!(stderr.ends_with("the last line")),
        other => panic!("{other:?}"),
    }
}

/// Sizes about those at which something is cut, and far above.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        0..100_usize,
        (10..22_u32).prop_flat_map(|power| {
            let size = 1_usize << power;
            size - 3..size + 3
        })
    ]
}

proptest! {
    /// `Debug` shows all that these kinds hold.
    #[test]
    fn what_is_reported_arrives_as_it_was(
        text in ".*",
        other in ".*",
        number: i32,
        line: Option<u32>,
        retryable: bool,
    ) {
        let stderr = || other.clone();
        let kinds = [
            FailureKind::User(UserError {
                message: text.clone(),
                causes: vec![other.clone(), text.clone()],
                value: None,
            }),
            FailureKind::Panicked(PanicReport {
                message: text.clone(),
                file: line.map(|_| other.clone()),
                line,
            }),
            FailureKind::ExitCode { code: number, stderr: stderr() },
            FailureKind::Signal { signal: number, stderr: stderr() },
            FailureKind::MissingOutput { path: text.clone().into() },
            FailureKind::Invalid { reason: text.clone() },
            FailureKind::Encoding { reason: text.clone() },
            FailureKind::WorkerLost(LostWorker {
                worker: text.clone(),
                end: line.map_or(ProcessEnd::Unknown, |_| ProcessEnd::Signal(number)),
                stderr: stderr(),
                losses: line.unwrap_or_default(),
            }),
            FailureKind::Unavailable { reason: text.clone() },
        ];
        for kind in kinds {
            let failure = Failure { kind, retryable };
            let arrived = sent(&failure, &TASK);
            prop_assert_eq!(format!("{arrived:?}"), format!("{failure:?}"));
        }
    }

    /// The pool's readers have a mebibyte for what is no value.
    #[test]
    fn a_failure_always_fits_into_a_frame(
        sizes in [size(), size(), size()],
        causes in prop::collection::vec(size(), 0..4),
        many in 0..2000_usize,
        number: i32,
    ) {
        let [first, second, value] = sizes;
        let mut causes: Vec<String> = causes.into_iter().map(text).collect();
        causes.resize(causes.len() + many, text(value.min(1000)));
        let kinds = [
            FailureKind::User(UserError {
                message: text(first),
                causes,
                value: Some(Arc::new(vec![0_u8; value])),
            }),
            FailureKind::Panicked(PanicReport {
                message: text(first),
                file: Some(text(second)),
                line: Some(u32::MAX),
            }),
            FailureKind::ExitCode { code: number, stderr: text(first) },
            FailureKind::Signal { signal: number, stderr: text(first) },
            FailureKind::MissingOutput { path: text(first).into() },
            FailureKind::System {
                action: text(first),
                error: Arc::new(io::Error::other(text(second))),
            },
            FailureKind::Invalid { reason: text(first) },
            FailureKind::Unavailable { reason: text(first) },
            FailureKind::Encoding { reason: text(first) },
            FailureKind::WorkerLost(LostWorker {
                worker: text(first),
                end: ProcessEnd::Code(number),
                stderr: text(second),
                losses: u32::MAX,
            }),
            FailureKind::Join(Arc::new(io::Error::other(text(first)))),
        ];
        for kind in kinds {
            let failure = WireFailure::of(&Failure::new(kind), &TASK);
            let message = FromWorker::Finished(FinishedCall {
                sequence: u64::MAX,
                end: CallEnd::Failed(failure),
                usage: WireUsage {
                    run: u64::MAX,
                    user: u64::MAX,
                    system: u64::MAX,
                    peak_memory: Some(u64::MAX),
                },
                stdout: Some(Part { start: u64::MAX, length: u64::MAX }),
                stderr: Some(Part { start: u64::MAX, length: u64::MAX }),
            });
            let mut frame = Vec::new();
            write_frame(&mut frame, &message, &[]).unwrap();
            prop_assert!(frame.len() < 1 << 20, "{} bytes", frame.len());
        }
    }
}
