use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chiltepin_executors::{Capacity, Failure, FailureKind, LostWorker, ProcessEnd, Resources};

use super::loopback::Loopback;
use super::workflow;
use crate::error::{ErrorKind, ErrorPlace, TaskError};
use crate::workflow::open_with;
use crate::{Status, task};

#[task]
fn fail_once(context: &crate::TaskContext) -> Result<u32, String> {
    match context.attempt() {
        1 => Err("once".to_owned()),
        attempt => Ok(attempt),
    }
}

#[test]
fn a_report_tells_what_the_latest_attempt_took() {
    let (workflow, _) = workflow();
    let before = Instant::now();
    let future = fail_once().on("elsewhere").retries(1).submit(&workflow);
    assert_eq!(future.result().unwrap(), 2);
    let report = future.report().unwrap();
    assert_eq!(report.executor, "elsewhere");
    assert_eq!(report.node, "node-7");
    assert_eq!(report.worker.as_deref(), Some("elsewhere-3"));
    assert_eq!((report.process, report.attempt), (4321, 2));
    let times = [report.run, report.user, report.system];
    assert_eq!(times, [5, 3, 2].map(Duration::from_micros));
    assert_eq!(report.peak_memory, Some(1 << 20));
    // The pause before the second attempt is 50 ms at least.
    let waited = report.waited.unwrap();
    assert!(waited >= Duration::from_millis(50), "{waited:?}");
    assert!(waited <= before.elapsed(), "{waited:?}");
    let view = future.map(|attempt| attempt + 1);
    assert_eq!(view.report(), Some(report));
}

#[test]
fn threads_keep_no_accounts() {
    let (workflow, _) = workflow();
    let future = fail_once().on("local").retries(1).submit(&workflow);
    assert_eq!(future.result().unwrap(), 2);
    assert_eq!(future.report(), None);
    assert_eq!((future.stdout(), future.stderr()), (None, None));
}

#[test]
fn what_a_function_writes_is_its_part_of_its_worker_s_file() {
    let file = std::env::temp_dir().join(format!("chiltepin-written-{}", std::process::id()));
    std::fs::write(&file, "before words after").unwrap();
    let workflow = open_with(Arc::new(Loopback {
        written: Some(Arc::from(&*file)),
        ..Loopback::default()
    }));
    let future = fail_once().on("elsewhere").retries(1).submit(&workflow);
    assert_eq!(future.result().unwrap(), 2);
    let (stdout, stderr) = (future.stdout().unwrap(), future.stderr().unwrap());
    assert_eq!(stdout.text().unwrap(), " word");
    assert_eq!(stderr.read().unwrap(), b"before");
    assert_eq!((stdout.path(), stdout.as_ref()), (&*file, &*file as &Path));
    assert_eq!(stdout.to_string(), file.display().to_string());
    std::fs::remove_file(&file).unwrap();
    assert!(stdout.text().is_err());
}

#[test]
fn losses_are_counted_for_the_task() {
    let call = fail_once().resources(Resources {
        cores: 3,
        ..Resources::default()
    });
    let task = call.into_task();
    assert_eq!([task.count_loss(), task.count_loss()], [1, 2]);
    for _ in 2..=u32::from(u16::MAX) {
        task.count_loss();
    }
    assert_eq!(task.count_loss(), u32::from(u16::MAX));
    assert_eq!(task.resources().cores, 3);
}

#[test]
fn room_that_is_withdrawn_takes_no_more_until_it_is_there_again() {
    let (workflow, elsewhere) = workflow();
    let rooms = elsewhere.rooms.get().unwrap();
    rooms.withdrawn(1);
    let future = fail_once().on("elsewhere").retries(1).submit(&workflow);
    let waits = Status::Queued {
        executors: vec!["elsewhere".to_owned()],
    };
    assert_eq!(future.status(), waits);
    rooms.offered(2, Capacity::UNBOUNDED);
    assert_eq!(future.result().unwrap(), 2);
}

#[test]
fn what_executors_say_of_workers_is_told() {
    let error = |kind| {
        let place = ErrorPlace {
            task: "solve".to_owned(),
            executor: Some(Arc::from("compute")),
            attempt: 1,
            ..ErrorPlace::default()
        };
        let kind = ErrorKind::of_failure(kind, place.executor.as_deref());
        TaskError::new(kind, place)
    };
    let lost = |losses, end| {
        let failure = Failure::permanent(FailureKind::WorkerLost(LostWorker {
            worker: "compute-3".to_owned(),
            end,
            stderr: "thread overflowed its stack\n".to_owned(),
            losses,
        }));
        error(failure.kind)
    };
    assert_eq!(
        lost(3, ProcessEnd::Signal(9)).to_string(),
        "task `solve` on `compute`, attempt 1, lost its worker `compute-3`, which was ended by \
         signal 9 (SIGKILL: often the kernel's out-of-memory killer), as the last of 3 that ended \
         under it; the end of its stderr:\n    thread overflowed its stack"
    );
    let once = lost(1, ProcessEnd::Code(2)).to_string();
    assert!(
        once.contains("`compute-3`, which exited with code 2; the end"),
        "{once}"
    );
    let unavailable = error(FailureKind::Unavailable {
        reason: "its workers do not start".to_owned(),
    });
    assert_eq!(
        unavailable.to_string(),
        "task `solve` on `compute`, attempt 1, cannot run on executor `compute`: its workers do \
         not start"
    );
    assert!(matches!(
        unavailable.kind(),
        ErrorKind::UnavailableExecutor { name, .. } if name == "compute"
    ));
}
