use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::reader::{Damage, decode, read};
use super::scribe::Scribe;
use super::*;
use crate::cache::frame::frame;
use crate::driver::Recorder;
use crate::report::View;
use crate::report::{
    Arguments, AttemptAccount, BlockChange, Ending, Event, How, Kind, More, NodeStanding, Room,
    RunOutcome, RunStarted, Stream, Text, Trouble, What, WholeArguments,
};

/// A run that only a journal looks at.
fn stream(journal: Journal) -> Arc<Stream> {
    let views = vec![Box::new(journal) as _];
    Stream::begin(Instant::now(), RunStarted::default(), views, Arc::default()).unwrap()
}

fn text(words: &str) -> Text {
    Text::new(words)
}

fn trouble() -> Box<Trouble<Text>> {
    Box::new(Trouble {
        kind: text("panicked"),
        message: text("panicked: no"),
        place: Some(text("src/a.rs:7")),
    })
}

/// One event of each kind.
fn all() -> Vec<What<Text>> {
    let (task, attempt) = (7, 1);
    let started = RunStarted {
        program: "corpus".to_owned(),
        executors: vec![("local".to_owned(), "threads".to_owned())],
        ..RunStarted::default()
    };
    let finished = |how| What::Finished { task, attempt, how };
    let ended = |ending| What::Ended { task, ending };
    vec![
        What::RunStarted(Box::new(started)),
        What::Submitted {
            task,
            function: text("corpus::count"),
            executors: 3,
            priority: -1,
            kind: Kind::Command,
            more: Some(Box::new(More {
                name: Some(text("count a")),
                labels: vec![text("disk"), text("count a")],
                cores: 4,
                memory: 1 << 31,
                gpus: 1,
                nodes: 2,
            })),
        },
        What::Depends { task, on: 300 },
        What::DependsOutside { task },
        What::Looking { task },
        What::Looked {
            task,
            is_there: true,
        },
        What::Started {
            task,
            attempt,
            executor: 1,
            offer: 2,
        },
        What::Began { task, attempt },
        What::Placed {
            task,
            attempt,
            nodes: [3, 4].into(),
        },
        What::WorkerLost { task, losses: 2 },
        What::Arguments {
            task,
            arguments: Box::new(Arguments::Whole(WholeArguments {
                body: 1 << 100,
                sizes: vec![1, 2],
                bytes: vec![7, 1, 65],
                directory: Some("/work".to_owned()),
                allowed_exit_codes: vec![3],
            })),
        },
        What::Arguments {
            task,
            arguments: Box::new(Arguments::TooLarge { most: 9 }),
        },
        What::Arguments {
            task,
            arguments: Box::new(Arguments::NotEncoded {
                reason: text("count a"),
            }),
        },
        What::Arguments {
            task,
            arguments: Box::new(Arguments::NoMore { most: 300 }),
        },
        What::Stopping { task, attempt },
        finished(How::Succeeded),
        finished(How::Failed(trouble())),
        finished(How::Stopped),
        finished(How::Returned {
            reason: text("its node is gone"),
        }),
        finished(How::Abandoned),
        What::Reported {
            task,
            attempt,
            account: Box::new(AttemptAccount {
                node: text("n1"),
                worker: Some(text("compute-3")),
                process: 41,
                begun: 5,
                run: 1000,
                user: 900,
                system: 10,
                peak_memory: Some(1 << 30),
            }),
        },
        What::Retrying {
            task,
            attempt,
            pause: 100,
            error: Some(text("panicked: no")),
        },
        ended(Ending::Succeeded),
        ended(Ending::Failed(trouble())),
        ended(Ending::DependencyFailed { root: Some(3) }),
        ended(Ending::TimedOut { is_abandoned: true }),
        ended(Ending::Cancelled {
            is_abandoned: false,
        }),
        ended(Ending::Closed),
        What::Block(Box::new(BlockChange {
            executor: text("compute"),
            block: 1,
            job: Some(text("4711")),
            state: text("running"),
            reason: None,
            size: 2,
            nodes: vec![NodeStanding {
                number: 3,
                name: text("n1"),
                state: text("ready"),
            }],
        })),
        What::Room {
            executor: 1,
            offer: 6,
            room: Some(Box::new(Room {
                async_bodies: 256,
                cores: 8,
                memory: 1 << 34,
                gpus: 2,
            })),
        },
        What::Unavailable {
            executor: 2,
            reason: text("it is broken"),
        },
        What::Hindered {
            executor: text("compute"),
            reason: Some(text("no answer")),
        },
        What::Missed { events: 9 },
        What::RunEnded {
            outcome: RunOutcome::Closed,
        },
    ]
}

/// What a reader is to get of these.
fn read_back(events: &[Event<Text>]) -> Vec<Event<Arc<str>>> {
    let words = |text: &Text| match text {
        Text::Words(words) => Arc::clone(words),
        Text::Function(info) => Arc::from(&*info.registered_name()),
    };
    let events = events.iter();
    events.map(|event| event.map(&mut { words })).collect()
}

fn events() -> Vec<Event<Text>> {
    (0..)
        .zip(all())
        .map(|(at, what)| Event {
            at: at * 1000,
            what,
        })
        .collect()
}

/// A journal with so many events in each frame, and where each frame ends.
fn journal(events: &[Event<Text>], in_frame: usize) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = header().to_vec();
    let mut ends = vec![bytes.len()];
    let mut scribe = Scribe::default();
    for part in events.chunks(in_frame) {
        for event in part {
            scribe.add(event);
        }
        bytes.extend(frame(&scribe.take().unwrap()).unwrap());
        ends.push(bytes.len());
    }
    (bytes, ends)
}

#[test]
fn every_event_is_read_as_it_was_written() {
    let events = events();
    for in_frame in [1, 3, 100] {
        let (bytes, _) = journal(&events, in_frame);
        let read = decode(&bytes).unwrap();
        assert_eq!(read.events, read_back(&events));
        assert_eq!(read.damages, []);
    }
}

/// Whoever changes what this says makes old journals unreadable, and raises `VERSION`.
#[test]
fn the_format_is_what_it_was() {
    let (bytes, _) = journal(&events(), 100);
    let hex = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines: Vec<String> = bytes.chunks(32).map(hex).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_text_is_written_once() {
    let submitted = |task| {
        let function = text("a function with a long name");
        let what = What::Submitted {
            task,
            function,
            executors: 1,
            priority: 0,
            kind: Kind::Function,
            more: None,
        };
        Event { at: 0, what }
    };
    let events: Vec<_> = (0..100).map(submitted).collect();
    let (bytes, _) = journal(&events, 10);
    let name = b"a function with a long name";
    let found = bytes.windows(name.len()).filter(|part| part == name);
    assert_eq!(found.count(), 1);
    assert!(bytes.len() < 1200, "{}", bytes.len());
}

#[test]
fn a_journal_cut_off_at_any_byte_gives_all_up_to_the_last_whole_frame() {
    let events = events();
    let in_frame = 4;
    let (bytes, ends) = journal(&events, in_frame);
    let whole = read_back(&events);
    for length in 0..bytes.len() {
        let read = decode(&bytes[..length]).unwrap();
        let frames = ends.iter().filter(|end| **end <= length).count();
        let count = frames.saturating_sub(1) * in_frame;
        assert_eq!(read.events, whole[..count.min(whole.len())], "{length}");
        if ends.contains(&length) {
            assert_eq!(read.damages, [], "{length}");
        } else {
            let last = ends.iter().copied().filter(|end| *end < length).max();
            let at = last.unwrap_or(length);
            assert_eq!(read.damages, [Damage::CutOff { at }], "{length}");
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_costs_events_and_makes_none() {
    let events = events();
    let (bytes, _) = journal(&events, 4);
    let whole = read_back(&events);
    for at in 0..bytes.len() * 8 {
        let mut bytes = bytes.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        let Ok(read) = decode(&bytes) else {
            assert!(at / 8 < HEADER, "byte {}", at / 8);
            continue;
        };
        assert!(!read.damages.is_empty(), "byte {}", at / 8);
        // Of all other frames nothing is missing.
        assert!(read.events.len() >= whole.len() - 4, "byte {}", at / 8);
        for event in &read.events {
            let original = whole.iter().find(|original| original.at == event.at);
            let original = format!("{:?}", original.unwrap());
            // A text that was written in the lost frame is missing; nothing is made up.
            let known = format!("{event:?}");
            assert!(
                known.contains("(unreadable)") || known == original,
                "{known}"
            );
        }
    }
}

#[test]
fn frames_behind_several_that_are_damaged_are_found() {
    let events = events();
    let (bytes, ends) = journal(&events, 2);
    let whole = read_back(&events);
    let spoil = |places: &[usize], with: u8| {
        let mut bytes = bytes.clone();
        for place in places {
            bytes[ends[*place]..ends[*place] + 8].fill(with);
        }
        decode(&bytes).unwrap()
    };
    for with in [0, 1, 0xff] {
        let read = spoil(&[1, 2, 4], with);
        let times: Vec<_> = read.events.iter().map(|event| event.at).collect();
        let left = whole
            .iter()
            .zip(0..)
            .filter(|(_, number)| ![1, 2, 4].contains(&(number / 2)));
        assert_eq!(times, left.map(|(event, _)| event.at).collect::<Vec<_>>());
        assert_eq!(read.damages.len(), 2, "{:?}", read.damages);
    }
}

#[test]
fn names_are_told_again_so_that_a_damage_is_forgotten() {
    let label = |at| {
        let reason = text("a name that is used again and again");
        let how = How::Returned { reason };
        let (task, attempt) = (at, 1);
        let what = What::Finished { task, attempt, how };
        Event { at, what }
    };
    let began = Event {
        at: 0,
        what: What::RunStarted(Box::default()),
    };
    let events: Vec<_> = std::iter::once(began)
        .chain((1..1_000_000).map(label))
        .collect();
    let (mut bytes, ends) = journal(&events, 1000);
    bytes[ends[0] + 20] ^= 1;
    let read = decode(&bytes).unwrap();
    let is_known = |event: &&Event<Arc<str>>| !format!("{event:?}").contains("(unreadable)");
    let known = read.events.iter().filter(is_known).count();
    assert!(known > 500_000, "{known}");
    let has_begun = |event: &Event<_>| matches!(event.what, What::RunStarted(_));
    assert!(read.events.iter().any(has_begun));
}

proptest! {
    #[test]
    fn random_bytes_are_no_journal(mut bytes in prop::collection::vec(any::<u8>(), 0..600), begins in any::<bool>()) {
        if begins {
            bytes.splice(..bytes.len().min(HEADER), header());
            let read = decode(&bytes).unwrap();
            prop_assert!(read.events.is_empty());
        } else if let Ok(read) = decode(&bytes) {
            prop_assert!(read.events.is_empty());
        }
    }

    #[test]
    fn a_frame_of_random_bytes_does_no_harm(payload in prop::collection::vec(any::<u8>(), 1..200)) {
        let mut bytes = header().to_vec();
        bytes.extend(frame(&payload).unwrap());
        decode(&bytes).unwrap();
    }
}

#[test]
fn another_version_is_refused() {
    let mut bytes = header();
    bytes[8] = 3;
    let error = decode(&bytes).unwrap_err();
    insta::assert_snapshot!(error, @"`run.journal` of the run is written in version 3 of its format, and this program reads version 2; use the `chiltepin` that the run's program was built with");
}

#[test]
fn a_run_is_written_while_it_goes_on_and_closed_at_its_end() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("runs/one");
    let journal = stream(Journal::begin(&folder).unwrap());
    let looked = What::Looked {
        task: 1,
        is_there: false,
    };
    journal.record(Instant::now(), looked);
    let begun = Instant::now();
    let seen = loop {
        let seen = read(&folder).unwrap();
        if seen.events.len() == 2 || begun.elapsed() > Duration::from_secs(20) {
            break seen;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(seen.events.len(), 2);
    assert!(seen.is_open);
    journal.close(RunOutcome::Closed);
    let over = read(&folder).unwrap();
    assert!(!over.is_open);
    let last = &over.events.last().unwrap().what;
    assert!(
        matches!(
            last,
            What::RunEnded {
                outcome: RunOutcome::Closed
            }
        ),
        "{last:?}"
    );
}

#[test]
fn a_burst_is_written_whole() {
    let place = tempfile::tempdir().unwrap();
    let journal = stream(Journal::begin(place.path()).unwrap());
    for task in 0..50_000 {
        journal.record(Instant::now(), What::Depends { task, on: 0 });
    }
    journal.close(RunOutcome::Closed);
    let read = read(place.path()).unwrap();
    assert_eq!(read.damages, []);
    let tasks = read.events.iter().filter_map(|event| match event.what {
        What::Depends { task, .. } => Some(task),
        _ => None,
    });
    assert!(tasks.eq(0..50_000));
}

#[test]
fn a_full_disk_ends_the_journal_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(FILE);
    let mut file = file::JournalFile::create(&path).unwrap();
    file.replace(
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap(),
    );
    let journal = stream(Journal::with_file(file));
    for task in 0..100_000 {
        journal.record(Instant::now(), What::Depends { task, on: 0 });
    }
    journal.close(RunOutcome::Closed);
    assert_eq!(read(place.path()).unwrap().events, []);
}

#[test]
fn what_a_full_disk_did_not_take_is_counted_once_there_is_room() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(FILE);
    let open = |path: &Path| std::fs::File::options().append(true).open(path).unwrap();
    let mut journal = Journal::with_file(file::JournalFile::create(&path).unwrap());
    let events = |at| {
        [1, 2, 3].map(|task| Event {
            at,
            what: What::Depends { task, on: 0 },
        })
    };
    let later = Instant::now() + Duration::from_secs(1);
    journal.take(&events(5));
    assert_eq!(journal.turn(later), None);
    journal.file().replace(open("/dev/full".as_ref()));
    for at in [6, 7] {
        journal.take(&events(at));
        assert_eq!(journal.turn(later + Duration::from_secs(at)), None);
    }
    journal.file().replace(open(&path));
    journal.finish(RunOutcome::Closed);
    let read = read(place.path()).unwrap();
    assert_eq!(read.damages, []);
    let last: Vec<_> = read.events[3..]
        .iter()
        .map(|event| (event.at, &event.what))
        .collect();
    let outcome = RunOutcome::Closed;
    assert_eq!(
        last,
        [
            (7, &What::Missed { events: 6 }),
            (7, &What::RunEnded { outcome })
        ]
    );
}
