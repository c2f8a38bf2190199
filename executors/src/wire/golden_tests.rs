//! The bytes of every message, kept in `golden/<protocol>/`: they change with the protocol's
//! number and not otherwise.

use super::examples;
use super::golden::{Golden, all_variants_among};
use super::message::{CallEnd, PROTOCOL, WireFailureKind, WireValue};
use super::{FromWorker, ToWorker};
use crate::ProcessEnd;

#[test]
fn the_bytes_of_messages_change_with_the_protocol_alone() {
    let mut golden = Golden::new("src/wire/golden", PROTOCOL);
    golden.check("to_worker", &examples::to_worker());
    golden.check("from_worker", &examples::from_worker());
    golden.end();
}

#[test]
fn every_variant_has_its_file() {
    let to_worker: Vec<_> = examples::to_worker()
        .into_iter()
        .map(|one| one.message)
        .collect();
    all_variants_among(&to_worker);
    let from_worker: Vec<_> = examples::from_worker()
        .into_iter()
        .map(|one| one.message)
        .collect();
    all_variants_among(&from_worker);

    let calls = from_worker.into_iter().filter_map(|message| match message {
        FromWorker::Finished(call) => Some(call.end),
        _ => None,
    });
    let ends: Vec<_> = calls.collect();
    all_variants_among(&ends);
    let kinds: Vec<_> = examples::failures()
        .into_iter()
        .map(|(_, kind)| kind)
        .collect();
    all_variants_among(&kinds);
    let processes = kinds.into_iter().filter_map(|kind| match kind {
        WireFailureKind::Command { end, .. } => Some(end),
        _ => None,
    });
    all_variants_among::<ProcessEnd>(&processes.collect::<Vec<_>>());
    let values = ends.into_iter().filter_map(|end| match end {
        CallEnd::Value(value) => Some(value),
        _ => None,
    });
    all_variants_among::<WireValue>(&values.collect::<Vec<_>>());
    let arguments = to_worker.into_iter().filter_map(|message| match message {
        ToWorker::Run(call) => Some(call.arguments),
        _ => None,
    });
    all_variants_among::<WireValue>(&arguments.flatten().collect::<Vec<_>>());
}
