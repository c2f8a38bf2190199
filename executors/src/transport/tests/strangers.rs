//! Those who have no business with the driver.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::pair::{Driver, IDENTITY, LONG, TIMES, until};
use crate::transport::noise::{Handshake, LENGTH};
use crate::transport::preface::{GO_ON, Refusal, Role, preface};
use crate::transport::{Key, Limits, fuzzing};

fn connect(driver: &Driver) -> TcpStream {
    let stream = TcpStream::connect(driver.address()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Says this, and gives what is answered before the connection is closed.
async fn answered(driver: &Driver, text: Vec<u8>) -> Vec<u8> {
    let mut stream = connect(driver);
    let talk = move || {
        let _closed_meanwhile = stream.write_all(&text);
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer);
        answer
    };
    tokio::task::spawn_blocking(talk).await.unwrap()
}

/// The first words of an honest agent.
fn first_words(key: &Key) -> Vec<u8> {
    let preface = preface(Role::Agent, &IDENTITY);
    let mut text = preface.to_vec();
    let mut handshake = Handshake::initiator(key, &preface).unwrap();
    handshake.write(&mut text).unwrap();
    text
}

fn limits(unproven: usize, handshake: Duration) -> Limits {
    Limits {
        unproven,
        handshake,
    }
}

/// One that gives strangers little time.
async fn impatient() -> Driver {
    let limits = limits(512, Duration::from_millis(300));
    Driver::start_with(TIMES, limits, false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_with_another_key_or_role_or_version_get_one_byte() {
    let driver = Driver::start(TIMES).await;
    let good = first_words(&driver.key);
    let changed = |place: usize| {
        let mut text = good.clone();
        text[place] ^= 2;
        text
    };
    let other_key = first_words(&Key::generate().unwrap());
    for (text, refusal) in [
        (other_key, Refusal::Key),
        (changed(10), Refusal::Version),
        (changed(12), Refusal::Role),
        (changed(13), Refusal::Run),
        (changed(40), Refusal::Program),
        (changed(70), Refusal::Key),
    ] {
        assert_eq!(answered(&driver, text).await, [refusal.code()]);
    }
    assert_eq!(driver.ends(), 0);
    driver.serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_in_another_protocol_is_not_answered() {
    let driver = impatient().await;
    let request = b"GET / HTTP/1.1\r\nHost: driver\r\n\r\n";
    for text in [
        &request[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"x",
        b"",
    ] {
        assert!(answered(&driver, text.to_vec()).await.is_empty());
    }
    // A length that is more than anybody needs.
    let mut text = first_words(&driver.key);
    text.truncate(61);
    text.extend(60_000_u16.to_le_bytes());
    assert!(answered(&driver, text).await.is_empty());
    driver.serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_overheard_and_is_said_again_leads_to_nothing() {
    let driver = impatient().await;
    let overheard = first_words(&driver.key);
    for _ in 0..3 {
        let answer = answered(&driver, overheard.clone()).await;
        // The driver cannot know yet; whoever has no key gets no further.
        assert_eq!(answer[0], GO_ON);
        assert_eq!(answer.len(), 1 + LENGTH + 48);
    }
    // A record of an earlier conversation is none of this one.
    let mut text = overheard;
    text.extend([20, 0]);
    text.extend([7; 20]);
    answered(&driver, text).await;
    assert_eq!(driver.ends(), 0);
    until("strangers to be gone", || {
        driver.listener.counts() == (0, 0)
    })
    .await;
    driver.serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_say_nothing_keep_nobody_out() {
    let limits = limits(64, Duration::from_secs(300));
    let driver = Driver::start_with(TIMES, limits, false).await;
    let mut idle = Vec::new();
    // Few, as they all count against what one process may have open.
    for place in 0..200 {
        let mut stream = connect(&driver);
        stream.write_all(&b"chiltepin\0"[..place % 11]).unwrap();
        idle.push(stream);
    }
    until("all to be accepted", || driver.listener.counts().0 == 64).await;
    driver.serves().await;
    assert!(driver.listener.counts().0 <= 64);
    // The first ones had to go.
    assert_eq!(idle[0].read(&mut [0]).unwrap_or(0), 0);
    drop(idle);
    until("strangers to be gone", || driver.listener.counts().0 == 0).await;
}

/// A connection that comes while the runtime ends is dropped where it would be served.
#[test]
fn connections_that_come_at_the_end_of_the_runtime_keep_nobody() {
    let (ended, is_ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for _ in 0..100 {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            let driver = runtime.block_on(Driver::start(TIMES));
            let address = driver.address();
            let is_over = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&is_over);
            let coming = std::thread::spawn(move || {
                while !seen.load(Ordering::SeqCst) {
                    drop(TcpStream::connect(&address));
                }
            });
            drop(runtime);
            is_over.store(true, Ordering::SeqCst);
            coming.join().unwrap();
        }
        ended.send(()).unwrap();
    });
    is_ended.recv_timeout(LONG).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_say_little_have_little_time() {
    let driver = impatient().await;
    let mut stream = connect(&driver);
    let start = Instant::now();
    let text = first_words(&driver.key);
    let dripping = tokio::task::spawn_blocking(move || {
        for byte in text {
            if stream.write_all(&[byte]).is_err() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        stream.read(&mut [0]).unwrap_or(0)
    });
    until("the stranger to be there", || {
        driver.listener.counts().0 == 1
    })
    .await;
    until("the stranger to be gone", || {
        driver.listener.counts().0 == 0
    })
    .await;
    assert!(start.elapsed() < Duration::from_secs(30));
    assert_eq!(dripping.await.unwrap(), 0);
    driver.serves().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_connections_cost_no_more_than_a_few() {
    let limits = limits(200, Duration::from_secs(300));
    let driver = Driver::start_with(TIMES, limits, false).await;
    let preface = preface(Role::Agent, &IDENTITY);
    let mut most = 0;
    let mut last = std::collections::VecDeque::new();
    for _ in 0..2000 {
        let mut stream = connect(&driver);
        let _closed_meanwhile = stream.write_all(&preface);
        most = most.max(driver.listener.counts().0);
        // Kept open longer than the driver does, but within what a process may have open.
        last.push_back(stream);
        if last.len() > 250 {
            last.pop_front();
        }
    }
    assert!(most <= 200, "{most}");
    driver.serves().await;
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzzing::preface(&bytes);
        fuzzing::handshake(&bytes);
        fuzzing::record(&bytes);
        fuzzing::control(&bytes);
    }

    /// Small numbers make variants and counts that are right more often.
    #[test]
    fn small_bytes_are_read_or_refused(bytes in prop::collection::vec(0_u8..4, 0..40)) {
        fuzzing::control(&bytes);
    }
}
