use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use chiltepin_executors::FailureKind;
use chiltepin_executors::command::CommandEnd;

use super::support::{Place, Said, attempt};

#[test]
fn commands_run_as_soon_as_the_node_is_ready() {
    let place = Place::new();
    place.execute(1, "echo one; exit 0");
    let facts = place.ready();
    assert!(!facts.host.is_empty() && facts.process > 0, "{facts:?}");
    let (id, end, usage, process) = place.executed();
    assert_eq!((id, end.unwrap()), (attempt(1).id, 0));
    assert_eq!((id.task.index(), id.attempt), (7, 2));
    assert!(process > 0 && usage.run > Duration::ZERO, "{usage:?}");
    assert_eq!(place.text("stdout"), "one\n");

    place.execute(2, "echo broken >&2; exit 3");
    let (_, end, ..) = place.executed();
    let Err(CommandEnd::Failed(failure)) = end else {
        panic!("{end:?}")
    };
    let FailureKind::ExitCode { code, stderr } = failure.kind else {
        panic!("{failure:?}")
    };
    assert_eq!((code, &*stderr), (3, "broken"));
}

#[test]
fn the_account_is_of_the_whole_tree() {
    let place = Place::new();
    place.ready();
    // A child of a child computes, and another takes memory.
    place.execute(
        1,
        "bash -c '(i=0; while ((i < 200000)); do ((i += 1)); done)'
         bash -c 'x=$(head -c 30000000 /dev/zero | tr \"\\\\0\" x); echo ${#x}'",
    );
    let (_, end, usage, _) = place.executed();
    assert_eq!(end.unwrap(), 0);
    assert_eq!(place.text("stdout"), "30000000\n");
    assert!(usage.user >= Duration::from_millis(50), "{usage:?}");
    assert!(usage.peak_memory.unwrap() >= 30_000_000, "{usage:?}");
    assert!(
        usage.run + Duration::from_millis(50) >= usage.user / 4,
        "{usage:?}"
    );

    place.execute(2, "true");
    let (_, _, small, _) = place.executed();
    assert!(small.user < usage.user, "{small:?}");
    assert!(small.peak_memory.unwrap() < 30_000_000, "{small:?}");
}

#[test]
fn a_command_is_stopped_with_its_grace_and_without() {
    let place = Place::new();
    place.ready();
    place.execute(
        1,
        "trap 'touch cleaned; exit 1' TERM; echo $$ > gentle; while :; do sleep 0.01; done",
    );
    let gentle = place.process("gentle");
    place.node.stop(attempt(9).id);
    place.node.stop(attempt(1).id);
    let (id, end, usage, _) = place.executed();
    assert_eq!(id, attempt(1).id);
    assert!(matches!(end, Err(CommandEnd::Stopped)), "{end:?}");
    assert!(usage.run > Duration::ZERO);
    assert!(place.path("cleaned").exists());
    assert!(!gentle.runs());

    place.execute(2, "trap '' TERM; setsid sleep 1000 & echo $! > left; echo $$ > deaf; while :; do sleep 0.01; done");
    let (deaf, left) = (place.process("deaf"), place.process("left"));
    place.node.stop(attempt(2).id);
    place.node.hurry();
    let (_, end, ..) = place.executed();
    assert!(matches!(end, Err(CommandEnd::Stopped)), "{end:?}");
    assert!(!deaf.runs() && !left.runs());
}

#[test]
fn many_commands_run_side_by_side_and_none_is_lost() {
    const COMMANDS: u64 = 200;
    let place = Place::new();
    for number in 0..COMMANDS {
        place.execute(number, "exit 0");
    }
    place.ready();
    let mut ended: Vec<_> = (0..COMMANDS)
        .map(|_| {
            let (id, end, ..) = place.executed();
            assert_eq!(end.unwrap(), 0);
            id.task.number()
        })
        .collect();
    ended.sort_unstable();
    assert_eq!(ended, (0..COMMANDS).collect::<Vec<_>>());
}

#[test]
fn a_long_script_passes() {
    let place = Place::new();
    place.ready();
    let script = format!("# {}\necho whole", "x".repeat(3 << 20));
    place.execute(1, &script);
    assert_eq!(place.executed().1.unwrap(), 0);
    assert_eq!(place.text("stdout"), "whole\n");
}

#[test]
fn paths_arrive_that_are_no_text() {
    let place = Place::new();
    place.ready();
    let odd = place.path("").join(OsStr::from_bytes(b"mar\xe9es"));
    let mut spec = place.spec("echo there > file");
    spec.directory = Some(odd.clone());
    spec.outputs = vec![odd.join("file"), odd.join("other")];
    place.node.execute(attempt(1), spec, None);
    let (_, end, ..) = place.executed();
    let Err(CommandEnd::Failed(failure)) = end else {
        panic!("{end:?}")
    };
    let FailureKind::MissingOutput { path } = failure.kind else {
        panic!("{failure:?}")
    };
    assert_eq!(path, odd.join("other"));
    assert_eq!(fs::read(odd.join("file")).unwrap(), b"there\n");
}

#[test]
fn a_node_that_is_shut_down_leaves_time_and_then_kills() {
    let place = Place::new();
    place.ready();
    place.execute(1, "echo $$ > quick; sleep 0.2; echo done");
    let _quick = place.process("quick");
    let begun = Instant::now();
    place
        .runtime
        .block_on(place.node.shutdown(Duration::from_secs(30)));
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(place.executed().1.unwrap(), 0);
    assert_eq!(place.text("stdout"), "done\n");

    let place = Place::new();
    place.ready();
    place.execute(
        1,
        "trap '' TERM; echo $$ > slow; while :; do sleep 0.01; done",
    );
    let slow = place.process("slow");
    place
        .runtime
        .block_on(place.node.shutdown(Duration::from_millis(50)));
    assert!(!slow.runs());
    assert!(matches!(
        place.next(),
        Said::Executed(_, Err(CommandEnd::Stopped), ..)
    ));
    assert!(place.says_nothing_more());
}
