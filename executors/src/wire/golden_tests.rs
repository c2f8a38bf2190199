//! The bytes of every message, kept in `golden/<protocol>/`: they change with the protocol's
//! number and not otherwise.
//!
//! After a change raise [`PROTOCOL`], remove the old folder, and run these tests once with
//! `WRITE_GOLDEN=1`: they write the files that are not there, and never change one that is.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};
use std::fs;
use std::path::PathBuf;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::examples::{self, Example};
use super::frame::{Message, read_message};
use super::message::{CallEnd, PROTOCOL, WireFailureKind, WireValue};
use super::{FromWorker, ToWorker, codec};
use crate::ProcessEnd;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/wire/golden")
}

/// What a file says of these bytes: the message for people, then the bytes.
fn print(message: &impl Debug, frame: &[u8]) -> String {
    let mut text = format!("# {message:?}\n");
    for line in frame.chunks(16) {
        let bytes: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{}", bytes.join(" ")).unwrap();
    }
    text
}

/// The bytes of a file.
fn parse(text: &str) -> Vec<u8> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

fn check<M: Message + Debug + PartialEq>(direction: &str, examples: &[Example<M>]) -> Vec<String> {
    let protocol = folder().join(PROTOCOL.to_string());
    let mut names = Vec::new();
    for example in examples {
        let name = format!("{direction}_{}.hex", example.name);
        let path = protocol.join(&name);
        let frame = example.frame();
        if std::env::var_os("WRITE_GOLDEN").is_some() && !path.exists() {
            fs::create_dir_all(&protocol).unwrap();
            fs::write(&path, print(&example.message, &frame)).unwrap();
        }
        let golden = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; see this test's module", path.display()));
        let golden = parse(&golden);
        assert_eq!(
            print(&example.message, &frame),
            print(&example.message, &golden),
            "the bytes of `{name}` have changed: a driver and a worker of different builds would \
             misread each other. Raise `PROTOCOL`; see this test's module"
        );
        let frame = Bytes::from(golden).slice(4..);
        let (message, body) = read_message::<M>(&frame).unwrap();
        assert_eq!((&message, &body[..]), (&example.message, example.body));
        names.push(name);
    }
    names
}

#[test]
fn the_bytes_of_messages_change_with_the_protocol_alone() {
    let mut names: BTreeSet<_> = check("to_worker", &examples::to_worker())
        .into_iter()
        .collect();
    names.extend(check("from_worker", &examples::from_worker()));

    let listed = |folder: PathBuf| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        entries.map(|entry| name(entry.unwrap())).collect()
    };
    assert_eq!(listed(folder()), BTreeSet::from([PROTOCOL.to_string()]));
    assert_eq!(listed(folder().join(PROTOCOL.to_string())), names);
}

/// Fails where there is a variant without an example.
#[track_caller]
fn all_variants_among<T: Serialize + DeserializeOwned + 'static>(examples: &[T]) {
    let index = |example: &T| {
        let mut bytes = Vec::new();
        codec::encode(example, &mut bytes).unwrap();
        bytes[0]
    };
    let indices: BTreeSet<_> = examples.iter().map(index).collect();
    let count = indices.len() as u8;
    assert_eq!(indices, (0..count).collect::<BTreeSet<_>>());
    let next = codec::decode::<T>(&[count]).map(|_| ()).unwrap_err();
    assert!(
        next.to_string().contains("expected variant index"),
        "there are more: {next}"
    );
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
