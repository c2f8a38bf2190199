use chiltepin_executors::ProcessEnd;

use super::support::Place;
use crate::process::Process;

#[test]
fn a_worker_that_ends_is_told_with_its_last_words() {
    let place = Place::workers("echo out; echo \"last words of $PPID\" >&2; exit 5");
    let facts = place.ready();
    std::fs::write(place.path("worker.err"), "from before\n").unwrap();
    place.launch(3);
    let (worker, process) = place.launched();
    assert!(worker == 3 && process > 0);
    let expected = format!("last words of {}", facts.process);
    assert_eq!(place.exited(), (3, ProcessEnd::Code(5), expected.clone()));
    assert_eq!(place.text("worker.out"), "out\n");
    assert_eq!(
        place.text("worker.err"),
        format!("from before\n{expected}\n")
    );
}

#[test]
fn a_worker_gets_its_variables() {
    let place = Place::workers(
        "echo \"$OMP_NUM_THREADS ${#CHILTEPIN_START} $(cat; echo none)\" > \"$PLACE/variables\"",
    );
    place.ready();
    place.launch(1);
    place.launched();
    assert_eq!(place.exited().1, ProcessEnd::Code(0));
    let variables = place.text("variables");
    let mut words = variables.split_whitespace();
    if std::env::var_os("OMP_NUM_THREADS").is_none() {
        assert_eq!(words.next(), Some("3"), "{variables}");
    }
    assert_ne!(words.next(), Some("0"), "{variables}");
    assert_eq!(words.next(), Some("none"), "{variables}");
}

#[test]
fn the_program_itself_becomes_the_worker() {
    let place = Place::new();
    place.ready();
    place.launch(4);
    place.launched();
    // It finds nobody where it is to connect to.
    let (worker, end, stderr) = place.exited();
    assert_eq!(worker, 4);
    assert!(
        matches!(end, ProcessEnd::Code(code) if code != 0),
        "{end:?}"
    );
    let socket = place.path("socket").display().to_string();
    assert!(stderr.contains(&socket), "{stderr}");
    assert_eq!(
        place.private.path().read_dir().unwrap().count(),
        1,
        "its claim is taken"
    );
}

#[test]
fn a_worker_that_is_killed_takes_all_of_its_own_with_it() {
    let place = Place::workers(
        "setsid sleep 1000 & echo $! > \"$PLACE/left\"
         (setsid bash -c 'sleep 1000 & echo $! > \"$PLACE/orphan\"' &)
         sleep 1000 & echo $! > \"$PLACE/child\"; wait",
    );
    place.ready();
    place.launch(0);
    let (_, process) = place.launched();
    let worker = Process::of_id(process);
    assert_eq!(worker.group(), worker.pid());
    let others = ["left", "orphan", "child"].map(|name| place.process(name));
    place.node.kill(0);
    assert_eq!(place.exited(), (0, ProcessEnd::Signal(9), String::new()));
    assert!(!worker.runs());
    for other in &others {
        assert!(!other.runs(), "{other:?}");
    }
}

#[test]
fn what_a_worker_leaves_behind_when_it_ends_goes_too() {
    let place = Place::workers(
        "setsid sleep 1000 & echo $! > \"$PLACE/left\"; sleep 1000 & echo $! > \"$PLACE/child\"
         while [ ! -e \"$PLACE/go\" ]; do sleep 0.01; done; kill -SEGV $$",
    );
    place.ready();
    place.launch(0);
    place.launched();
    let others = ["left", "child"].map(|name| place.process(name));
    std::fs::write(place.path("go"), "").unwrap();
    assert_eq!(place.exited().1, ProcessEnd::Signal(11));
    assert!(others.iter().all(|other| !other.runs()), "{others:?}");
}

#[test]
fn a_worker_that_cannot_be_started_is_told_as_one_that_ended() {
    let place = Place::with(super::support::Wish {
        prefix: vec!["/no/such/container".to_owned()],
        ..super::support::Wish::default()
    });
    place.ready();
    place.launch(2);
    let (worker, end, stderr) = place.exited();
    assert_eq!((worker, end), (2, ProcessEnd::Unknown));
    assert!(
        stderr.contains("`/no/such/container`") && stderr.contains("No such file"),
        "{stderr}"
    );
    assert_eq!(
        place.private.path().read_dir().unwrap().count(),
        1,
        "its claim is removed"
    );
    // The number is free again.
    place.launch(2);
    assert_eq!(place.exited().0, 2);
}
