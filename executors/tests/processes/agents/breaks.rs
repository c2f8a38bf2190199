use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use chiltepin_executors::Outcome;
use chiltepin_executors::transport::LinkEnd;

use super::driver::{Driver, Told, Wish};
use super::proxy::Proxy;
use crate::process::{Process, within};
use crate::tasks::ACT;

fn counted(driver: &Driver, calls: usize) -> Vec<usize> {
    let count = |number: usize| {
        let file = driver.path(&format!("count-{number}"));
        std::fs::read_to_string(file).map_or(0, |text| text.lines().count())
    };
    (0..calls).map(count).collect()
}

fn start_counting(
    driver: &mut Driver,
    remote: &super::driver::Remote,
    numbers: std::ops::Range<usize>,
) -> HashMap<u64, usize> {
    numbers
        .map(|number| {
            let file = driver.path(&format!("count-{number}"));
            let work = driver.start(remote, &ACT, &format!("count:{}", file.display()));
            (work.number, number)
        })
        .collect()
}

#[test]
fn connections_that_are_cut_lose_nothing_and_do_nothing_twice() {
    const CALLS: usize = 600;
    let mut wish = Wish::default();
    // A cut may come while the agent comes back from the one before.
    wish.link.absence = Duration::from_secs(20);
    let mut driver = Driver::with(wish);
    let proxy = Proxy::new(&driver.runtime, driver.port());
    let remote = driver.agent_by(proxy.port, &[]);
    for round in 0..6 {
        let part = CALLS / 6;
        start_counting(&mut driver, &remote, round * part..(round + 1) * part);
        if round > 0 {
            proxy.cut();
            thread::sleep(Duration::from_millis(20));
        }
    }
    for ended in driver.all_ended(CALLS).into_values() {
        assert!(
            matches!(ended.outcome, Outcome::Succeeded),
            "{ended:?} {}",
            remote.started.stderr()
        );
    }
    assert_eq!(counted(&driver, CALLS), [1; CALLS]);
}

#[test]
fn a_silence_within_the_window_loses_nothing_and_does_nothing_twice() {
    const CALLS: usize = 200;
    let mut driver = Driver::new();
    let proxy = Proxy::new(&driver.runtime, driver.port());
    let remote = driver.agent_by(proxy.port, &[]);
    start_counting(&mut driver, &remote, 0..CALLS / 2);
    driver.start(&remote, &ACT, "sleep:300");
    proxy.flow(false);
    start_counting(&mut driver, &remote, CALLS / 2..CALLS);
    assert_eq!(remote.told(), Told::Silent);
    thread::sleep(Duration::from_millis(800));
    proxy.flow(true);
    assert_eq!(remote.told(), Told::Back);
    for ended in driver.all_ended(CALLS + 1).into_values() {
        assert!(matches!(ended.outcome, Outcome::Succeeded), "{ended:?}");
    }
    assert_eq!(counted(&driver, CALLS), [1; CALLS]);
}

#[test]
fn a_silence_beyond_the_window_returns_what_was_there_for_good() {
    let mut wish = Wish::default();
    let window = Duration::from_secs(2);
    wish.link.reconnect_window = window;
    let mut driver = Driver::with(wish);
    let proxy = Proxy::new(&driver.runtime, driver.port());
    let mut remote = driver.agent_by(proxy.port, &[]);
    let file = driver.path("worker");
    driver.start(&remote, &ACT, &format!("stay:{}", file.display()));
    let worker = Process::written_to(&file);
    proxy.flow(false);
    let begun = Instant::now();
    // It is done there, and told too late.
    let count = driver.path("count");
    driver.start(&remote, &ACT, &format!("count:{}", count.display()));
    for ended in driver.all_ended(2).into_values() {
        match ended.outcome {
            Outcome::Returned { reason } => {
                assert!(reason.starts_with("node `n7` was not heard of"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
    // Counted from when it was last heard of.
    assert!(begun.elapsed() >= window / 2);
    assert_eq!(remote.told(), Told::Silent);
    assert_eq!(remote.told(), Told::Ending);
    assert_eq!(remote.told(), Told::Ended(LinkEnd::Silent(window)));
    // Nobody takes it back, and it does not stay.
    proxy.flow(true);
    assert_eq!(remote.started.code(), 1, "{}", remote.started.stderr());
    within(Duration::from_secs(5), "the worker to end", || {
        !worker.runs()
    });
    driver.all_ended(0);
}
