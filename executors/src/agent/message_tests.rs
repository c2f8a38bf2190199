//! The bytes of every message, kept in `golden/<protocol>/`, and what any other bytes are taken for.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::message::*;
use super::{examples, fuzzing};
use crate::wire::fuzzing_tests::{change, changed};
use crate::wire::golden::{Golden, all_variants_among};

#[test]
fn the_bytes_of_messages_change_with_the_protocol_alone() {
    let mut golden = Golden::new("src/agent/golden", PROTOCOL);
    golden.check("to_agent", &examples::to_agent());
    golden.check("from_agent", &examples::from_agent());
    for (name, hello) in [
        ("hello", examples::hello()),
        ("hello_bare", examples::bare_hello()),
    ] {
        let bytes = golden.bytes(format!("{name}.hex"), &hello, &hello.encode().unwrap());
        assert_eq!(AgentHello::decode(&bytes).unwrap(), hello);
    }
    let welcome = examples::welcome();
    let bytes = golden.bytes(
        "welcome.hex".to_owned(),
        &welcome,
        &welcome.encode().unwrap(),
    );
    assert_eq!(AgentWelcome::decode(&bytes).unwrap(), welcome);
    golden.end();
}

#[test]
fn every_variant_has_its_file() {
    let to_agent = examples::to_agent().into_iter().map(|one| one.message);
    all_variants_among(&to_agent.collect::<Vec<_>>());
    let from_agent: Vec<_> = examples::from_agent()
        .into_iter()
        .map(|one| one.message)
        .collect();
    all_variants_among(&from_agent);
    let ends = from_agent.into_iter().filter_map(|message| match message {
        FromAgent::Finished(finished) => Some(finished.end),
        _ => None,
    });
    all_variants_among(&ends.collect::<Vec<_>>());
}

#[test]
fn another_version_is_told_by_its_number_whatever_follows() {
    let error = AgentHello::decode(&[77, 1, 2, 3]).unwrap_err();
    assert!(matches!(error, GreetingError::OtherProtocol(77)), "{error}");
    let mut longer = examples::hello().encode().unwrap();
    longer.push(0);
    for bytes in [&[][..], &[u8::try_from(PROTOCOL).unwrap()], &longer] {
        let error = AgentHello::decode(bytes).unwrap_err();
        assert!(matches!(error, GreetingError::Malformed(_)), "{error}");
    }
}

/// All examples, without the lengths of frames.
fn all() -> Vec<Vec<u8>> {
    let to_agent = examples::to_agent().into_iter().map(|one| one.frame());
    let from_agent = examples::from_agent().into_iter().map(|one| one.frame());
    let greetings = [
        examples::hello().encode().unwrap(),
        examples::welcome().encode().unwrap(),
    ];
    to_agent
        .chain(from_agent)
        .map(|frame| frame[4..].to_vec())
        .chain(greetings)
        .collect()
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        fuzzing::to_agent(&bytes);
        fuzzing::from_agent(&bytes);
        fuzzing::greetings(&bytes);
    }

    /// Small numbers make counts, variants and options that are right more often.
    #[test]
    fn small_bytes_are_read_or_refused(bytes in vec(0_u8..8, 0..60)) {
        fuzzing::to_agent(&bytes);
        fuzzing::from_agent(&bytes);
        fuzzing::greetings(&bytes);
    }

    #[test]
    fn changed_messages_are_read_or_refused(
        bytes in select(all()),
        changes in vec(change(), 0..4),
    ) {
        let bytes = changed(bytes, changes);
        fuzzing::to_agent(&bytes);
        fuzzing::from_agent(&bytes);
        fuzzing::greetings(&bytes);
    }
}
