//! Connections that are lost, and peers that come back or do not.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::pair::{Agent, Driver, TIMES, until};
use super::road::Road;
use crate::transport::noise::LENGTH;
use crate::transport::{LinkEnd, LinkSettings};

/// What the driver says until both sides have proven that they have the key: a byte, and a message.
const HANDSHAKE: usize = 1 + LENGTH + 48;

/// An agent whose road to the driver can be blocked.
async fn connected(times: LinkSettings) -> (Driver, Road, Agent) {
    let driver = Driver::start(times).await;
    let road = Road::to(driver.address()).await;
    let mut dial = driver.dial();
    dial.candidates = vec![road.address()];
    let agent = Agent::start(dial).await.unwrap();
    (driver, road, agent)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_comes_twice_over_a_road_that_is_cut_anywhere() {
    let times = LinkSettings {
        absence: Duration::from_secs(60),
        reconnect_window: Duration::from_secs(60),
        ..TIMES
    };
    let (driver, road, agent) = connected(times).await;
    // From the handshake on.
    let lengths = (0_usize..40).map(|cut| 100 + cut * cut * cut * 7);
    road.cut_after(lengths.rev().collect());
    road.cut();
    let (one, other) = (agent.end.clone(), driver.end(0));
    let mut count = 0;
    while road.cuts_left() > 0 {
        for length in [0, 10, 100, 20_000, 70_000] {
            let body = Bytes::from(vec![1; length]);
            one.send(count, &body);
            other.send(count, &body);
            count += 1;
        }
        let (least, sent) = (count.saturating_sub(20), usize::try_from(count).unwrap());
        until("the next messages", || {
            road.cuts_left() == 0 || (one.count() as u64 >= least && other.count() as u64 >= least)
        })
        .await;
        assert!(one.count() <= sent && other.count() <= sent);
    }
    let count = usize::try_from(count).unwrap();
    one.has(count).await;
    other.has(count).await;
    one.link.close();
    assert_eq!(one.ended().await, LinkEnd::Closed);
    assert_eq!(other.ended().await, LinkEnd::PeerClosed);
    assert_eq!(driver.ends(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_peer_is_waited_for_and_goes_on_when_it_is_back() {
    let times = LinkSettings {
        silence: Duration::from_millis(300),
        reconnect_window: Duration::from_secs(60),
        ..TIMES
    };
    let (driver, road, agent) = connected(times).await;
    let (one, other) = (agent.end.clone(), driver.end(0));
    one.send(0, &Bytes::new());
    other.has(1).await;
    road.block();
    one.send(1, &Bytes::new());
    other.send(0, &Bytes::new());
    until("silence", || {
        one.seen.lock().silent == 1 && other.seen.lock().silent == 1
    })
    .await;
    one.send(2, &Bytes::new());
    // Longer than a peer may be absent that has closed its connection.
    tokio::time::sleep(times.absence * 2).await;
    road.unblock();
    other.has(3).await;
    one.has(1).await;
    until("both to be back", || {
        one.seen.lock().back == 1 && other.seen.lock().back == 1
    })
    .await;
    assert_eq!(driver.ends(), 1);
    assert!(one.seen.lock().end.is_none() && other.seen.lock().end.is_none());
}

/// What is closed because it was not answered in time must not be the driver's last word of an
/// agent that is about to come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_answer_is_late_is_not_taken_for_gone() {
    let times = LinkSettings {
        silence: Duration::from_millis(500),
        absence: Duration::from_millis(500),
        reconnect_window: Duration::from_secs(60),
        ..TIMES
    };
    let driver = Driver::start(times).await;
    let road = Road::to(driver.address()).await;
    let mut dial = driver.dial();
    dial.candidates = vec![road.address()];
    dial.answers_within = Duration::from_millis(400);
    let agent = Agent::start(dial).await.unwrap();
    let (one, other) = (agent.end.clone(), driver.end(0));
    road.hold_answers(HANDSHAKE);
    // The first one, and one over which the agent came back and does not learn of it.
    until("the answer to be held back", || road.held() == 2).await;
    road.close_to_new();
    tokio::time::sleep(Duration::from_millis(400) + times.absence * 3).await;
    assert_eq!(other.seen.lock().end, None);
    road.release_answers();
    road.open_to_new();
    one.send(0, &Bytes::new());
    other.send(0, &Bytes::new());
    other.has(1).await;
    one.has(1).await;
    assert_eq!(driver.ends(), 1);
}

/// Nor is one that does not learn that it was welcomed, or learns it late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_does_not_hear_its_welcome_comes_once() {
    for is_cut in [false, true] {
        let driver = Driver::start(TIMES).await;
        let road = Road::to(driver.address()).await;
        road.hold_answers(HANDSHAKE);
        let mut dial = driver.dial();
        dial.candidates = vec![road.address()];
        dial.answers_within = Duration::from_millis(300);
        let coming = tokio::spawn(Agent::start(dial));
        until("the agent to have come", || driver.ends() == 1).await;
        let other = driver.end(0);
        other.send(0, &Bytes::new());
        for held in 1..=3 {
            until("the welcome to be held back", || road.held() == held).await;
            if is_cut {
                road.cut();
            }
        }
        road.release_answers();
        let agent = coming.await.unwrap().unwrap();
        agent.end.has(1).await;
        agent.end.send(0, &Bytes::new());
        other.has(1).await;
        // And it comes back as any other.
        road.cut();
        agent.end.send(1, &Bytes::new());
        other.has(2).await;
        assert_eq!(driver.ends(), 1);
        assert_eq!(driver.listener.counts().1, 1);
    }
}

/// The driver has not decided yet when the agent comes a second time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_agent_that_comes_again_while_it_is_being_welcomed_comes_once() {
    let driver = Driver::start(TIMES).await;
    driver.takes(Duration::from_millis(700));
    let mut dial = driver.dial();
    dial.answers_within = Duration::from_millis(150);
    let agent = Agent::start(dial).await.unwrap();
    agent.end.send(0, &Bytes::new());
    driver.end(0).has(1).await;
    assert_eq!(driver.ends(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_is_silent_for_too_long_is_lost_and_never_taken_back() {
    let times = LinkSettings {
        silence: Duration::from_millis(200),
        reconnect_window: Duration::from_millis(600),
        ..TIMES
    };
    let (driver, road, agent) = connected(times).await;
    let (one, other) = (agent.end.clone(), driver.end(0));
    road.block();
    let silent = LinkEnd::Silent(times.reconnect_window);
    assert_eq!(other.ended().await, silent);
    assert_eq!(one.ended().await, silent);
    assert_eq!(driver.listener.counts().1, 0);
    road.unblock();
    driver.serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_comes_back_too_late_is_told_so() {
    let (driver, road, agent) = connected(TIMES).await;
    driver.end(0).link.abort();
    assert_eq!(driver.end(0).ended().await, LinkEnd::Aborted);
    let end = agent.end.ended().await;
    assert!(
        matches!(&end, LinkEnd::Refused(reason) if reason.contains("taken for lost")),
        "{end:?}"
    );
    drop(road);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_whose_driver_is_dead_ends_soon() {
    let times = LinkSettings {
        reconnect_window: Duration::from_secs(120),
        ..TIMES
    };
    let (_driver, road, agent) = connected(times).await;
    let start = Instant::now();
    road.close();
    assert_eq!(agent.end.ended().await, LinkEnd::Gone);
    assert!(start.elapsed() < Duration::from_secs(8), "{start:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_dies_is_gone_after_its_absence() {
    let (driver, _road, agent) = connected(TIMES).await;
    let start = Instant::now();
    agent.task.abort();
    let other = driver.end(0);
    until("the driver to know", || other.seen.lock().silent == 1).await;
    assert_eq!(other.seen.lock().end, None, "told before it is given up");
    assert_eq!(other.ended().await, LinkEnd::Gone);
    assert!(start.elapsed() >= TIMES.absence);
    assert!(start.elapsed() < TIMES.reconnect_window);
    until("the session's end", || driver.listener.counts() == (0, 0)).await;
}

/// As of a firewall that has forgotten the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_does_not_know_of_a_reset_is_waited_for() {
    let times = LinkSettings {
        beat: Duration::from_millis(2000),
        silence: Duration::from_millis(5000),
        absence: Duration::from_millis(500),
        reconnect_window: Duration::from_secs(60),
    };
    let (driver, road, agent) = connected(times).await;
    let (one, other) = (agent.end.clone(), driver.end(0));
    road.reset_driver();
    until("the driver to know", || other.seen.lock().silent == 1).await;
    other.send(0, &Bytes::new());
    one.has(1).await;
    one.send(0, &Bytes::new());
    other.has(1).await;
    assert_eq!(driver.ends(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_a_reset_counts() {
    let (driver, road, agent) = connected(TIMES).await;
    let (one, other) = (agent.end.clone(), driver.end(0));
    other.is_busy.store(true, Ordering::SeqCst);
    one.send(0, &Bytes::new());
    // While the driver takes the first, the next one comes, and the agent dies.
    tokio::time::sleep(Duration::from_millis(200)).await;
    one.send(1, &Bytes::from(vec![1; 20_000]));
    tokio::time::sleep(Duration::from_millis(200)).await;
    road.reset();
    tokio::time::sleep(Duration::from_millis(200)).await;
    // It writes before it reads.
    other.send(0, &Bytes::new());
    other.is_busy.store(false, Ordering::SeqCst);
    assert_eq!(other.ended().await, LinkEnd::Gone);
    other.has(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_uses_another_road_when_the_one_it_took_is_blocked() {
    let driver = Driver::start(TIMES).await;
    let (first, second) = (
        Road::to(driver.address()).await,
        Road::to(driver.address()).await,
    );
    let mut dial = driver.dial();
    dial.candidates = vec![first.address(), second.address()];
    let agent = Agent::start(dial).await.unwrap();
    first.block();
    until("the agent to be back", || agent.end.seen.lock().back == 1).await;
    agent.end.send(0, &Bytes::new());
    driver.end(0).has(1).await;
    assert_eq!(driver.ends(), 1);
    // What is still on the first road is of no account.
    first.unblock();
    agent.end.send(1, &Bytes::new());
    driver.end(0).has(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_go_on_when_the_driver_takes_nobody_any_more() {
    let driver = Driver::echoing(TIMES).await;
    let agent = Agent::start(driver.dial()).await.unwrap();
    driver.listener.close();
    until("nobody to listen", || {
        std::net::TcpStream::connect(driver.address()).is_err()
    })
    .await;
    agent.end.send(0, &Bytes::new());
    agent.end.has(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_links_stay() {
    let times = LinkSettings {
        beat: Duration::from_millis(50),
        silence: Duration::from_millis(400),
        ..TIMES
    };
    let (driver, _road, agent) = connected(times).await;
    tokio::time::sleep(times.silence * 3).await;
    for end in [&agent.end, &driver.end(0)] {
        assert_eq!(end.seen.lock().silent, 0);
    }
    agent.end.send(0, &Bytes::new());
    driver.end(0).has(1).await;
}
