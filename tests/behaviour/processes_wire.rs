//! What comes over the sockets of a pool and makes no sense.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use chiltepin::task;
use chiltepin_executors::wire::{
    CallEnd, FinishedCall, FromWorker, Hello, PROTOCOL, ProgramIdentity, WireUsage, WireValue,
    write_frame,
};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use serde::{Deserialize, Serialize};

use crate::crew::{Crew, note, notes, wait_for};
use crate::place::until;

/// Where the pool of this worker listens: beside the claim it was started with.
#[task]
fn socket() -> PathBuf {
    let claim = PathBuf::from(std::env::var("CHILTEPIN_START").unwrap());
    claim.with_file_name("pool")
}

#[task]
fn process() -> u32 {
    std::process::id()
}

#[task]
fn hold(begun: PathBuf, go: PathBuf) -> u32 {
    note(&begun, "begun");
    wait_for(&go);
    std::process::id()
}

fn frame(message: &FromWorker, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_frame(&mut bytes, message, body).unwrap();
    bytes
}

fn hello(worker: u32) -> FromWorker {
    FromWorker::Hello(Hello {
        protocol: PROTOCOL,
        worker,
        process: std::process::id(),
        program: ProgramIdentity {
            device: 1,
            inode: 2,
            size: 3,
            modified: 4,
        },
        registry: 5,
    })
}

fn finished(sequence: u64) -> FromWorker {
    FromWorker::Finished(FinishedCall {
        sequence,
        end: CallEnd::Value(WireValue::Inline(3)),
        usage: WireUsage::default(),
        stdout: None,
        stderr: None,
    })
}

/// What somebody might send who is no worker.
fn nonsense() -> Vec<(&'static str, Vec<u8>)> {
    let mut old = hello(1);
    if let FromWorker::Hello(hello) = &mut old {
        hello.protocol = PROTOCOL + 1;
    }
    vec![
        ("nothing", Vec::new()),
        ("text", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("zeros", vec![0; 100_000]),
        ("ones", vec![0xff; 100_000]),
        ("a frame above the limit", u32::MAX.to_le_bytes().to_vec()),
        ("a truncated frame", frame(&hello(1), &[])[..9].to_vec()),
        (
            "a hello that is followed by more",
            frame(&hello(1), b"more"),
        ),
        ("the hello of a worker that is there", frame(&hello(1), &[])),
        ("the hello of no worker", frame(&hello(4000), &[])),
        ("a hello of another protocol", frame(&old, &[])),
        ("an end before a hello", frame(&finished(1), b"abc")),
    ]
}

#[chiltepin::test]
fn who_says_nonsense_to_the_pool_is_hung_up_on_and_nothing_is_lost() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1\ncrash_limit = 1");
    let path = socket().submit(&workflow).result().unwrap();
    let (begun, go) = (crew.place.path("begun"), crew.place.path("go"));
    let held = hold(begun.clone(), go).submit(&workflow);
    until("the body to run", || begun.exists());
    let [worker] = &crew.workers()[..] else {
        panic!("one worker")
    };
    for (what, bytes) in nonsense() {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        // It may hang up before it has read all.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        // An error is that of a connection that was closed with something unread.
        let ended = stream.read_to_end(&mut answer);
        assert!(
            !ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
            "{what}: the pool keeps the connection"
        );
        assert_eq!(answer, b"", "{what}");
    }
    assert!(worker.runs() && !held.done());
    crew.place.write("go", "");
    assert_eq!(held.result().unwrap(), worker.id());
    assert_eq!(process().submit(&workflow).result().unwrap(), worker.id());
    // The next one is welcome.
    worker.kill();
    until("it to be gone", || !worker.runs());
    assert_ne!(process().submit(&workflow).result().unwrap(), worker.id());
}

#[chiltepin::test]
fn those_who_only_connect_do_not_keep_workers_out() {
    let crew = Crew::new();
    let workflow = crew.open("max_workers_per_node = 1");
    let path = socket().submit(&workflow).result().unwrap();
    let silent: Vec<_> = (0..50)
        .map(|_| UnixStream::connect(&path).unwrap())
        .collect();
    let [worker] = &crew.workers()[..] else {
        panic!("one worker")
    };
    worker.kill();
    assert_ne!(process().submit(&workflow).result().unwrap(), worker.id());
    drop(silent);
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Lie {
    Garbage,
    TooLong,
    EndOfNoCall,
    SecondHello,
    NotItsCalls,
}

impl Lie {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::Garbage => vec![0x2a; 10_000],
            Self::TooLong => 0x7fff_ffff_u32.to_le_bytes().to_vec(),
            Self::EndOfNoCall => frame(&finished(1 << 40), b"abc"),
            Self::SecondHello => frame(&hello(1), &[]),
            Self::NotItsCalls => frame(
                &FromWorker::Withdrawn {
                    sequences: vec![1 << 40],
                },
                &[],
            ),
        }
    }
}

/// Writes to the pool behind the worker's back, the first time that it runs.
#[task]
fn lie(how: Lie, file: PathBuf) -> u32 {
    note(&file, &std::process::id().to_string());
    if notes(&file).len() == 1 {
        for socket in own_sockets() {
            UnixStream::from(socket).write_all(&how.bytes()).unwrap();
        }
        std::thread::sleep(Duration::from_secs(60));
    }
    std::process::id()
}

/// This process's connections.
fn own_sockets() -> Vec<std::os::fd::OwnedFd> {
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let entries = std::fs::read_dir("/proc/self/fd").unwrap();
    let sockets = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let target = std::fs::read_link(&path).ok()?;
        let is_socket = target.to_string_lossy().starts_with("socket:");
        let number = path.file_name()?.to_str()?.parse().ok()?;
        is_socket.then_some(number)
    });
    let numbers: Vec<i32> = sockets.collect();
    let duplicate = |number| pidfd_getfd(&this, number, PidfdGetfdFlags::empty()).unwrap();
    numbers.into_iter().map(duplicate).collect()
}

#[chiltepin::test]
fn a_worker_that_says_nonsense_is_replaced_and_nothing_is_lost() {
    for how in [
        Lie::Garbage,
        Lie::TooLong,
        Lie::EndOfNoCall,
        Lie::SecondHello,
        Lie::NotItsCalls,
    ] {
        let crew = Crew::new();
        let workflow = crew.open("max_workers_per_node = 1");
        let file = crew.place.path("lied");
        let liar = lie(how, file.clone()).submit(&workflow);
        let others = workflow.map(0..20, |_| process());
        let second = liar.result().unwrap();
        assert_eq!(notes(&file).len(), 2, "{how:?}");
        assert_ne!(notes(&file)[0], second.to_string(), "{how:?}");
        for future in others {
            future.result().unwrap();
        }
    }
}
