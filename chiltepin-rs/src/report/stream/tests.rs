use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::*;
use crate::driver::Recorder;
use crate::report::{Kind, RunStarted, What};

/// Writes down what it is shown.
struct Watcher {
    seen: Arc<Mutex<Vec<String>>>,
}

impl View for Watcher {
    fn take(&mut self, events: &[Event<Text>]) {
        let mut seen = self.seen.lock();
        seen.extend(events.iter().map(|event| match &event.what {
            What::RunStarted(_) => "started".to_owned(),
            What::Depends { task, .. } => task.to_string(),
            What::RunEnded { outcome } => format!("{outcome:?}"),
            what => format!("{what:?}"),
        }));
    }

    fn turn(&mut self, _: Instant) -> Option<Duration> {
        None
    }

    fn finish(&mut self, outcome: RunOutcome) {
        self.seen.lock().push(format!("finished, {outcome:?}"));
    }
}

fn watcher() -> (Box<dyn View>, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watcher = Watcher {
        seen: Arc::clone(&seen),
    };
    (Box::new(watcher), seen)
}

fn begin(views: Vec<Box<dyn View>>) -> Arc<Stream> {
    let started = RunStarted::default();
    Stream::begin(Instant::now(), started, views, Arc::default()).unwrap()
}

fn until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn every_view_is_shown_everything_in_order_and_told_of_the_end() {
    let ((one, seen), (other, seen_too)) = (watcher(), watcher());
    let stream = begin(vec![one, other]);
    for task in 0..10_000 {
        stream.record(Instant::now(), What::Depends { task, on: 0 });
    }
    stream.close(RunOutcome::Closed);
    let mut expected = vec!["started".to_owned()];
    expected.extend((0..10_000).map(|task| task.to_string()));
    expected.extend(["Closed".to_owned(), "finished, Closed".to_owned()]);
    assert_eq!(*seen.lock(), expected);
    assert_eq!(*seen_too.lock(), expected);
}

#[test]
fn what_happens_is_shown_soon_without_more_happening() {
    let (view, seen) = watcher();
    let stream = begin(vec![view]);
    for task in 0..5 {
        stream.record(Instant::now(), What::Depends { task, on: 0 });
        until(|| seen.lock().len() as u64 == task + 2);
    }
}

/// A task's last event may be told after the run was closed.
#[test]
fn the_end_of_an_open_task_is_waited_for() {
    let (view, seen) = watcher();
    let stream = begin(vec![view]);
    let task = 1;
    let submitted = What::Submitted {
        task,
        function: Text::new("late"),
        executors: 1,
        priority: 0,
        kind: Kind::Function,
        more: None,
    };
    stream.record(Instant::now(), submitted);
    let late = Arc::clone(&stream);
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        let ending = crate::report::Ending::Succeeded;
        late.record(Instant::now(), What::Ended { task, ending });
    });
    stream.close(RunOutcome::Closed);
    thread.join().unwrap();
    let ended = seen.lock().iter().any(|what| what.starts_with("Ended"));
    assert!(ended, "{:?}", seen.lock());
}

#[test]
fn whether_a_run_is_busy_is_known_at_once() {
    let busy = Arc::<Busy>::default();
    let started = RunStarted::default();
    let (view, _) = watcher();
    let stream = Stream::begin(Instant::now(), started, vec![view], Arc::clone(&busy)).unwrap();
    for task in 0..3 {
        assert!(!busy.is_busy());
        for task in [2 * task, 2 * task + 1] {
            let submitted = What::Submitted {
                task,
                function: Text::new("quick"),
                executors: 1,
                priority: 0,
                kind: Kind::Function,
                more: None,
            };
            stream.record(Instant::now(), submitted);
        }
        for task in [2 * task, 2 * task + 1] {
            assert!(busy.is_busy());
            let ending = crate::report::Ending::Succeeded;
            stream.record(Instant::now(), What::Ended { task, ending });
        }
    }
    assert!(!busy.is_busy());
}
