use std::convert::Infallible;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use rustix::net::{RecvFlags, recv};
use rustix::process::{Signal, getpgrp, kill_process_group};

use super::bodies::Bodies;
use super::company::Company;
use super::invoke::{self, Slot};
use super::ledger::{Ledger, MOST_THREADS};
use super::output::Output;
use super::queue::{Job, Queue};
use super::watcher::Watcher;
use crate::registry::Functions;
use crate::start::WorkerStart;
use crate::wire::{
    CallEnd, FinishedCall, FrameError, FrameReader, FromWorker, Hello, PROTOCOL, ProgramIdentity,
    RunCall, ToWorker, Welcome, read_message,
};
use crate::{Attempt, AttemptId, EncodedValues, ServedCall, StopSignal, TaskId, TaskKind};

/// Why a worker cannot serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    /// The pool cannot be reached.
    #[error("cannot connect to the pool at `{path}`")]
    Connect {
        /// Its socket.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Something of the system that it needs is not to be had.
    #[error("cannot {action}")]
    System {
        /// What was attempted.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// What the pool said makes no sense.
    #[error("the pool sent what is no message")]
    Message(#[source] FrameError),
    /// The pool did not welcome it.
    #[error("the pool did not welcome it")]
    NotWelcome,
}

fn system(action: &'static str) -> impl FnOnce(io::Error) -> WorkerError {
    move |source| WorkerError::System { action, source }
}

/// A worker process.
#[derive(Debug)]
pub(super) struct Worker {
    stream: UnixStream,
    reader: Mutex<FrameReader>,
    output: Output,
    queue: Queue,
    ledger: Ledger,
    pub(super) bodies: Bodies,
    pub(super) company: Company,
    pub(super) watcher: Watcher,
    functions: &'static Functions,
    /// The synchronous calls that run and can learn that they are to stop.
    heeding: Mutex<Vec<(u64, Arc<ServedCall>)>>,
    /// The most bytes of a value that travels inline.
    pub(super) largest: usize,
    threads: usize,
    closing: AtomicBool,
}

/// What came of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    Some,
    /// Nothing is there now.
    Nothing,
    /// Nobody is at the other end.
    Gone,
}

/// Connects, introduces itself, and serves for as long as the process lives.
pub(super) fn serve(start: &WorkerStart) -> Result<Infallible, WorkerError> {
    let stream = UnixStream::connect(&start.socket).map_err(|source| WorkerError::Connect {
        path: start.socket.display().to_string(),
        source,
    })?;
    let ledger = Ledger::open(&start.page).map_err(system("open its page"))?;
    let functions = Functions::of_program();
    let output = stream.try_clone().map_err(system("copy its socket"))?;
    let output = Output::new(output);
    let hello = FromWorker::Hello(Hello {
        protocol: PROTOCOL,
        worker: start.worker,
        process: std::process::id(),
        program: ProgramIdentity::of_this_process().map_err(system("find its program"))?,
        registry: functions.fingerprint(),
    });
    output
        .add(&hello, &[], Instant::now())
        .and_then(|()| output.flush())
        .map_err(system("say hello"))?;
    let mut reader = FrameReader::new(usize::MAX);
    let welcome = welcome(&stream, &mut reader)?;
    let largest = usize::try_from(welcome.largest_value).unwrap_or(usize::MAX);
    let threads = welcome.threads.clamp(1, MOST_THREADS) as usize;
    let worker = Arc::new(Worker {
        stream,
        reader: Mutex::new(reader),
        output,
        queue: Queue::default(),
        ledger,
        bodies: Bodies::new(welcome.cores as usize),
        company: Company::default(),
        watcher: Watcher::new().map_err(system("make its watcher"))?,
        functions,
        heeding: Mutex::default(),
        largest,
        threads,
        closing: AtomicBool::new(false),
    });
    worker.start_threads()?;
    worker.read_first()?;
    worker.run_all()
}

/// Waits for the pool's answer.
fn welcome(stream: &UnixStream, reader: &mut FrameReader) -> Result<Welcome, WorkerError> {
    loop {
        if let Some(frame) = reader.next().map_err(WorkerError::Message)? {
            let (message, _) = read_message(&frame).map_err(WorkerError::Message)?;
            return match message {
                ToWorker::Welcome(welcome) => Ok(welcome),
                _ => Err(WorkerError::NotWelcome),
            };
        }
        match read(stream, reader, RecvFlags::empty()).map_err(system("read its welcome"))? {
            Received::Some => {}
            Received::Nothing | Received::Gone => return Err(WorkerError::NotWelcome),
        }
    }
}

/// Reads what there is, at least something unless `flags` say not to wait.
fn read(stream: &UnixStream, reader: &mut FrameReader, flags: RecvFlags) -> io::Result<Received> {
    loop {
        match recv(stream, reader.spare(), flags) {
            Ok((_, 0)) => return Ok(Received::Gone),
            Ok((_, count)) => {
                reader.filled(count);
                return Ok(Received::Some);
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(Received::Nothing),
            Err(rustix::io::Errno::CONNRESET) => return Ok(Received::Gone),
            Err(error) => return Err(error.into()),
        }
    }
}

impl Worker {
    pub(super) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Starts the watcher, and a thread for each slot but the first.
    fn start_threads(self: &Arc<Self>) -> Result<(), WorkerError> {
        let spawn = |name: String, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new()
                .name(name)
                .spawn(run)
                .map_err(system("start a thread"))
        };
        let worker = Arc::clone(self);
        let watch = move || worker.watcher.watch(&worker);
        spawn("chiltepin-watch".to_owned(), Box::new(watch))?;
        for number in 1..self.threads {
            let worker = Arc::clone(self);
            let run = move || {
                let mut slot = Slot::new(number);
                loop {
                    let job = worker.queue.wait(&worker.ledger, number);
                    worker.run(&mut slot, job);
                    worker.flush();
                }
            };
            spawn(format!("chiltepin-{number}"), Box::new(run))?;
        }
        Ok(())
    }

    /// Obeys what came along with the welcome.
    fn read_first(self: &Arc<Self>) -> Result<(), WorkerError> {
        let mut reader = self.reader.lock();
        self.obey_all(&mut reader).map_err(WorkerError::Message)
    }

    /// The main thread: runs calls, and reads when there are none.
    fn run_all(self: &Arc<Self>) -> Result<Infallible, WorkerError> {
        let mut slot = Slot::new(0);
        loop {
            while let Some(job) = self.queue.pick(&self.ledger, 0) {
                self.watcher.begin();
                self.run(&mut slot, job);
            }
            self.watcher.rest();
            self.flush();
            self.end_if_closed();
            let mut reader = self.reader.lock();
            if !self.queue.is_empty() {
                continue;
            }
            match read(&self.stream, &mut reader, RecvFlags::empty()) {
                Ok(Received::Some) => self.obey_all(&mut reader).map_err(WorkerError::Message)?,
                Ok(Received::Nothing) => {}
                Ok(Received::Gone) | Err(_) => self.die(),
            }
        }
    }

    /// Reads what is there, on the watcher's thread while the main one runs a body.
    pub(super) fn receive_beside(self: &Arc<Self>) {
        let Some(mut reader) = self.reader.try_lock() else {
            return;
        };
        loop {
            match read(&self.stream, &mut reader, RecvFlags::DONTWAIT) {
                Ok(Received::Some) => {
                    if self.obey_all(&mut reader).is_err() {
                        self.die();
                    }
                }
                Ok(Received::Nothing) => break,
                Ok(Received::Gone) | Err(_) => self.die(),
            }
        }
        drop(reader);
        self.flush();
    }

    fn obey_all(self: &Arc<Self>, reader: &mut FrameReader) -> Result<(), FrameError> {
        while let Some(frame) = reader.next()? {
            let (message, body) = read_message(&frame)?;
            self.obey(message, body);
        }
        Ok(())
    }

    fn obey(self: &Arc<Self>, message: ToWorker, body: Bytes) {
        match message {
            ToWorker::Run(call) => self.accept(call, body),
            ToWorker::Stop { sequence } => {
                if !self.give_up(sequence) && !self.bodies.stop(sequence) {
                    self.tell_to_stop(sequence);
                }
            }
            ToWorker::Kill { sequence } => {
                if !self.give_up(sequence)
                    && !self.bodies.stop(sequence)
                    && self.ledger.claim(sequence)
                {
                    self.die();
                }
            }
            ToWorker::Withdraw { sequences } => {
                let sequences = self.queue.withdraw(&sequences);
                let message = FromWorker::Withdrawn { sequences };
                let sent = self.output.add(&message, &[], Instant::now());
                if sent.and_then(|()| self.output.flush()).is_err() {
                    self.die();
                }
            }
            ToWorker::Close => {
                self.closing.store(true, Ordering::SeqCst);
                self.end_if_closed();
            }
            // It is sent once, and was read.
            ToWorker::Welcome(_) => {}
        }
    }

    /// Takes a call out of the queue that was told to stop before it began.
    fn give_up(&self, sequence: u64) -> bool {
        let waited = !self.queue.withdraw(&[sequence]).is_empty();
        if waited {
            self.report(&invoke::stopped(sequence), &[], Instant::now());
            self.flush();
        }
        waited
    }

    fn tell_to_stop(&self, sequence: u64) {
        let heeding = self.heeding.lock();
        let call = heeding.iter().find(|(number, _)| *number == sequence);
        if let Some((_, call)) = call {
            call.stop.request(call.attempt.id.attempt);
        }
    }

    /// Passes on a call to where it is run.
    fn accept(self: &Arc<Self>, call: RunCall, body: Bytes) {
        self.ledger.take(call.sequence);
        let sequence = call.sequence;
        let Some(info) = self.functions.get(call.function) else {
            // The registries were compared, so the pool is not what it says.
            eprintln!(
                "chiltepin: worker process: there is no function {}",
                call.function
            );
            self.die()
        };
        let time_left = call.time_left.map(Duration::from_micros);
        let served = Arc::new(ServedCall {
            info,
            name: call.name,
            directory: call.directory,
            attempt: Attempt {
                id: AttemptId {
                    task: TaskId::new(call.task, 0),
                    attempt: call.attempt,
                },
                deadline: time_left.and_then(|left| Instant::now().checked_add(left)),
                last: true,
            },
            arguments: Mutex::new(EncodedValues {
                values: call.arguments,
                bytes: body,
            }),
            variables: call.variables,
            stop: StopSignal::new(),
        });
        if info.kind == TaskKind::AsyncFunction {
            self.bodies.start(self, sequence, served);
        } else {
            self.queue.push(Job {
                sequence,
                call: served,
                time_left,
            });
        }
    }

    fn run(self: &Arc<Self>, slot: &mut Slot, mut job: Job) {
        job.begin();
        let heeds = job.call.info.takes_context;
        if heeds {
            let call = Arc::clone(&job.call);
            self.heeding.lock().push((job.sequence, call));
        }
        let number = slot.number;
        let (mut finished, now) = slot.run(&job, &self.company, self.largest, || {
            if !self.ledger.end(number, job.sequence) {
                // The process is being killed for this very call.
                loop {
                    std::thread::park();
                }
            }
        });
        if heeds {
            self.heeding
                .lock()
                .retain(|(sequence, _)| *sequence != job.sequence);
            // What it returns once it was told to stop is not what it was called for.
            if job.call.stop.is_requested(job.call.attempt.id.attempt) {
                finished.end = CallEnd::Stopped;
            }
        }
        let body = invoke::body_of(&finished.end, &slot.value);
        self.report(&finished, body, now);
        // Whoever waits for calls holds the reader meanwhile, and this thread has results to send.
        if let Some(memory) = slot.spare()
            && let Some(mut reader) = self.reader.try_lock()
        {
            reader.recycle(memory);
        }
    }

    /// Tells the pool how a call ended, soon.
    pub(super) fn report(&self, finished: &FinishedCall, body: &[u8], now: Instant) {
        // Its own type on the wire, without a copy of what it holds.
        let message = Finished::Finished(finished);
        if self.output.add(&message, body, now).is_err() {
            self.die();
        }
    }

    /// Sends what is finished.
    pub(super) fn flush(&self) {
        if self.output.flush().is_err() {
            self.die();
        }
    }

    /// Ends the process if it was told to and has nothing to do.
    pub(super) fn end_if_closed(&self) {
        let is_done = self.closing.load(Ordering::SeqCst)
            && !self.watcher.is_in_call()
            && self.queue.is_empty()
            && self.bodies.are_none();
        if is_done {
            self.flush();
            std::process::exit(0);
        }
    }

    /// Ends the process at once, with everything it started.
    fn die(&self) -> ! {
        // The process leads its group, or is in that of what it was started by for that purpose.
        let _ = kill_process_group(getpgrp(), Signal::KILL);
        std::process::abort()
    }
}

/// [`FromWorker::Finished`] by reference; the place among the variants is the same.
#[derive(serde::Serialize)]
enum Finished<'a> {
    #[expect(dead_code, reason = "holds the place of the variant before it")]
    Hello,
    Finished(&'a FinishedCall),
}
