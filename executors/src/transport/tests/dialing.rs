//! Agents that do not find their driver.

use std::time::{Duration, Instant};

use super::pair::{Agent, Driver, TIMES};
use super::road::Road;
use crate::transport::{DialError, DialFailure, Key};

/// An address where nobody listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn the_first_address_that_leads_to_the_driver_is_taken() {
    let driver = Driver::start(TIMES).await;
    let blocked = Road::to(driver.address()).await;
    blocked.block();
    let mut dial = driver.dial();
    let other = driver.address().replace("127.0.0.1", "localhost");
    dial.candidates = vec![
        nobody(),
        blocked.address(),
        "no-such-host.invalid:1".to_owned(),
        other,
    ];
    let start = Instant::now();
    let agent = Agent::start(dial).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(driver.ends(), 1, "one node came once");
    agent.task.abort();
}

#[tokio::test]
async fn each_address_and_what_happened_there_is_told() {
    let driver = Driver::start(TIMES).await;
    let gone = nobody();
    let mut dial = driver.dial();
    dial.candidates = vec![gone.clone(), driver.address()];
    dial.key = Key::generate().unwrap();
    let start = Instant::now();
    let error = dial.connect(Vec::new()).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(8), "in vain for ever");
    assert_eq!(
        error.to_string(),
        format!(
            "cannot reach the driver: `{gone}`: nobody listens there; `{}`: what answers there has \
             another key",
            driver.address()
        )
    );
}

#[tokio::test]
async fn a_driver_of_another_run_or_program_is_told_apart() {
    let driver = Driver::start(TIMES).await;
    let mut other_run = driver.dial();
    other_run.identity.run = [9; 16];
    let mut other_program = driver.dial();
    other_program.identity.program = [9; 32];
    for (dial, expected) in [
        (other_run, "what answers there belongs to another run"),
        (
            other_program,
            "what answers there is another program, or another build of it",
        ),
    ] {
        let error = dial.connect(Vec::new()).await.unwrap_err();
        let DialError::NotReached(tried) = error else {
            panic!("{error:?}");
        };
        assert_eq!(tried.len(), 1);
        assert_eq!(tried[0].failure.to_string(), expected);
    }
    driver.serves().await;
}

#[tokio::test]
async fn what_is_no_driver_is_told_as_such() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.writable().await.unwrap();
            stream
                .try_write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .unwrap();
        }
    });
    let driver = Driver::start(TIMES).await;
    let mut dial = driver.dial();
    dial.candidates = vec![address];
    let error = dial.connect(Vec::new()).await.unwrap_err();
    let DialError::NotReached(tried) = error else {
        panic!("{error:?}");
    };
    assert!(
        matches!(
            tried[0].failure,
            DialFailure::Stranger | DialFailure::Lost(_)
        ),
        "{tried:?}"
    );
    serving.abort();
}

#[tokio::test]
async fn what_cannot_work_is_said_at_once() {
    let driver = Driver::start(TIMES).await;
    let mut dial = driver.dial();
    dial.candidates.clear();
    let error = dial.connect(Vec::new()).await.unwrap_err();
    assert!(matches!(error, DialError::NoAddress), "{error:?}");
    let error = driver.dial().connect(vec![0; 64 << 10]).await.unwrap_err();
    assert!(matches!(error, DialError::HelloTooLong { .. }), "{error:?}");
}
