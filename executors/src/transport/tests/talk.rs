//! What is said over a link that holds.

use bytes::Bytes;

use super::pair::{Agent, Driver, LARGEST, PANICS, TIMES};
use crate::transport::{DialError, LinkEnd};
use crate::wire::FrameError;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_come_in_order_both_ways() {
    let driver = Driver::echoing(TIMES).await;
    let agent = Agent::start(driver.dial()).await.unwrap();
    assert_eq!(driver.end(0).hello, "hello");
    let sender = agent.end.clone();
    let count = 20_000;
    tokio::task::spawn_blocking(move || {
        for number in 0..count as u64 {
            sender.send(number, &Bytes::from_static(b"body"));
        }
    })
    .await
    .unwrap();
    driver.end(0).has(count).await;
    agent.end.has(count).await;
    assert_eq!(agent.end.seen.lock().messages[7], (7, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_and_small_messages_keep_their_order() {
    let driver = Driver::echoing(TIMES).await;
    let agent = Agent::start(driver.dial()).await.unwrap();
    let lengths = [0, 16 << 20, 1, 65_519, 16 << 10, 100_000, 5, 3 << 20, 0];
    for (number, length) in lengths.into_iter().enumerate() {
        agent.end.send(number as u64, &Bytes::from(vec![7; length]));
    }
    agent.end.has(lengths.len()).await;
    let seen = agent.end.seen.lock();
    let came: Vec<_> = seen.messages.iter().map(|(_, length)| *length).collect();
    assert_eq!(came, lengths);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_until_the_other_side_has_all() {
    for closes_first in ["agent", "driver", "both"] {
        let driver = Driver::start(TIMES).await;
        let agent = Agent::start(driver.dial()).await.unwrap();
        let (one, other) = (agent.end.clone(), driver.end(0));
        let body = Bytes::from(vec![1; 1 << 20]);
        for number in 0..8 {
            one.send(number, &body);
            other.send(number, &body);
        }
        let (first, second) = match closes_first {
            "driver" => (other, one),
            _ => (one, other),
        };
        first.link.close();
        if closes_first == "both" {
            second.link.close();
        }
        first.send(8, &body);
        let ends = [first.ended().await, second.ended().await];
        if closes_first == "both" {
            // The later one may have answered the other before it had said anything itself.
            assert!(ends.contains(&LinkEnd::Closed), "{ends:?}");
            assert!(
                ends.iter()
                    .all(|end| matches!(end, LinkEnd::Closed | LinkEnd::PeerClosed))
            );
        } else {
            assert_eq!(
                ends,
                [LinkEnd::Closed, LinkEnd::PeerClosed],
                "{closes_first}"
            );
        }
        first.has(8).await;
        second.has(8).await;
        agent.task.await.unwrap();
        super::pair::until("the session's end", || driver.listener.counts() == (0, 0)).await;
    }
}

#[tokio::test]
async fn an_agent_that_is_not_wanted_is_told_why() {
    let driver = Driver::start(TIMES).await;
    let refused = driver.dial().connect(b"refuse".to_vec()).await.unwrap_err();
    assert!(matches!(refused, DialError::Refused { .. }), "{refused:?}");
    assert_eq!(
        refused.to_string(),
        format!(
            "the driver at `{}` does not take this node: it is not wanted",
            driver.address()
        )
    );
    driver.serves().await;
}

#[tokio::test]
async fn a_panic_ends_the_link_and_leaves_no_session() {
    let driver = Driver::start(TIMES).await;
    let agent = Agent::start(driver.dial()).await.unwrap();
    agent.end.send(PANICS, &Bytes::new());
    let end = driver.end(0).ended().await;
    assert!(
        matches!(&end, LinkEnd::Misspoke(reason) if reason.contains("a panic")),
        "{end:?}"
    );
    let end = agent.end.ended().await;
    assert!(matches!(end, LinkEnd::Refused(_)), "{end:?}");
    super::pair::until("the session's end", || driver.listener.counts() == (0, 0)).await;
    driver.serves().await;
}

#[tokio::test]
async fn a_message_that_is_too_long_is_not_sent() {
    let driver = Driver::start(TIMES).await;
    let agent = Agent::start(driver.dial()).await.unwrap();
    let other = driver.end(0);
    for end in [&agent.end, &other] {
        let body = Bytes::from(vec![0; LARGEST]);
        let error = end.link.send(&0_u64, &body).unwrap_err();
        assert!(matches!(error, FrameError::TooLong { .. }), "{error}");
        // The link goes on, also with one that is as long as it may be.
        end.send(0, &body.slice(1..));
        end.send(1, &Bytes::new());
    }
    agent.end.has(2).await;
    other.has(2).await;
}

#[tokio::test]
async fn a_message_that_is_too_long_for_the_peer_ends_the_link() {
    let driver = Driver::start(TIMES).await;
    let mut dial = driver.dial();
    dial.largest_frame *= 2;
    let agent = Agent::start(dial).await.unwrap();
    agent.end.send(0, &Bytes::from(vec![0; LARGEST + 1]));
    let end = driver.end(0).ended().await;
    assert!(
        matches!(&end, LinkEnd::Misspoke(reason) if reason.contains("are allowed")),
        "{end:?}"
    );
    // Its driver does not want it any more.
    let end = agent.end.ended().await;
    assert!(
        matches!(&end, LinkEnd::Refused(reason) if reason.contains("taken for lost")),
        "{end:?}"
    );
}
