use super::{Elsewhere, cores, finish, until, workflow};
use crate::task;

#[task]
fn wait() {}

#[test]
fn an_executor_hears_of_what_waits() {
    let (workflow, elsewhere) = workflow(Elsewhere::default());
    wait().on("local").submit(&workflow).result().unwrap();
    assert!(elsewhere.heard.lock().is_empty());
    let futures = workflow.map(0..100, |_| wait().on("elsewhere"));
    until(|| elsewhere.last_heard().calls > 50);
    assert_eq!(elsewhere.last_heard().cores, elsewhere.last_heard().calls);
    assert!(elsewhere.heard.lock().len() <= 8);
    elsewhere.rooms().offered(1, cores(100));
    until(|| elsewhere.last_heard().calls == 0);
    for future in futures {
        let invocation = elsewhere.next();
        let outcome = invocation.work.returned(bytes::Bytes::new());
        finish(invocation, outcome);
        drop(future);
    }
}

#[test]
fn what_an_executor_does_when_it_hears_is_heard_too() {
    let (workflow, elsewhere) = workflow(Elsewhere {
        answers: Some(cores(1)),
        ..Elsewhere::default()
    });
    let future = wait().on("elsewhere").submit(&workflow);
    let invocation = elsewhere.next();
    until(|| elsewhere.heard.lock().len() == 2);
    assert_eq!(elsewhere.last_heard().calls, 0);
    let outcome = invocation.work.returned(bytes::Bytes::new());
    finish(invocation, outcome);
    future.result().unwrap();
}

/// Whoever tells is told from within to look again, and other threads come between.
#[test]
fn what_is_heard_last_is_how_things_stand() {
    let (workflow, elsewhere) = workflow(Elsewhere {
        answers: Some(cores(3)),
        ..Elsewhere::default()
    });
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let workflow = workflow.clone();
            std::thread::spawn(move || {
                (0..500)
                    .map(|_| wait().on("elsewhere").submit(&workflow))
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let mut left = 2000;
    while left > 0 {
        let invocation = elsewhere.next();
        let mut next = Some(invocation);
        while let Some(invocation) = next.take() {
            let outcome = invocation.work.returned(bytes::Bytes::new());
            let attempt = invocation.attempt;
            next = invocation.work.finish(&attempt, outcome);
            left -= 1;
        }
    }
    for thread in threads {
        for future in thread.join().unwrap() {
            future.result().unwrap();
        }
    }
    until(|| elsewhere.last_heard().calls == 0);
}
