use bytes::Bytes;
use chiltepin_executors::panic::catch;
use chiltepin_executors::wire::codec;
use chiltepin_executors::{Attempt, Failure, FailureKind, Outcome, PanicReport, Work};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;

use super::arguments::Visitor;
use super::{Arguments, Body, Digester, Digests, EncodeError, Encoded, Header, Origin, Run};
use crate::Value;
use crate::file::FileHashes;
use crate::future::{AnyFuture, Slot, Waiting};

/// A call, seen without its types.
pub(crate) trait AnyTask: Work {
    fn header(&self) -> &Header;
    fn header_mut(&mut self) -> &mut Header;

    /// Whether it depends on any future.
    fn has_dependencies(&self) -> bool;

    /// Calls `visit` with each future it depends on.
    fn visit_dependencies(&self, visit: &mut dyn FnMut(&dyn AnyFuture));

    /// Drops what only an attempt needs. Handles of futures among it would otherwise keep whole
    /// chains of tasks, and drop them by recursion.
    fn release(&self);

    /// Takes those who wait for the task, once it is decided.
    fn waiting(&self) -> Waiting;

    /// What the arguments come down to, but for those that are left out of the cache key. All
    /// futures among them have ended well.
    ///
    /// It takes as long as reading the files among them does.
    #[cfg_attr(
        not(any(feature = "records", test)),
        expect(dead_code, reason = "results that are kept alone ask for it")
    )]
    fn digests(&self, files: &FileHashes) -> Result<Digests, Failure>;

    /// The value that an attempt has put, encoded; as it came, if it came so.
    #[cfg_attr(
        not(any(feature = "records", test)),
        expect(dead_code, reason = "results that are kept alone ask for it")
    )]
    fn encoded_value(&self) -> Result<Bytes, Failure>;

    /// Puts a value that was encoded earlier, if the bytes are such a value. Unlike what
    /// [`Work::returned`] gets, they may come from another version of the program.
    #[cfg_attr(
        not(any(feature = "records", test)),
        expect(dead_code, reason = "results that are kept alone ask for it")
    )]
    fn restore(&self, value: Bytes) -> bool;
}

/// A call whose value is a `T`.
pub(crate) trait Task<T>: AnyTask {
    fn slot(&self) -> &Slot<T>;
}

/// A call.
pub(crate) struct TaskCell<A, T, B> {
    pub(super) header: Header,
    pub(super) slot: Slot<T>,
    pub(super) needs: Mutex<Option<A>>,
    pub(super) body: B,
}

impl<A, T, B> TaskCell<A, T, B>
where
    A: Arguments,
    T: Value,
    B: Body<A::Values, T>,
{
    pub(crate) const fn new(header: Header, arguments: A, body: B) -> Self {
        Self {
            header,
            slot: Slot::new(),
            needs: Mutex::new(Some(arguments)),
            body,
        }
    }

    /// The arguments' values for one attempt.
    fn values(&self, attempt: &Attempt) -> Result<A::Values, Failure> {
        let values = if attempt.last {
            let arguments = self.needs.lock().take();
            arguments.map(Arguments::take)
        } else {
            self.needs.lock().as_ref().map(Arguments::copy)
        };
        match values {
            Some(Ok(values)) => Ok(values),
            Some(Err(error)) => Err(Failure::permanent(FailureKind::Dependency(Arc::new(error)))),
            None => Err(taken()),
        }
    }

    /// Makes the call's directory, if it has one, and the values.
    fn prepare(&self, attempt: &Attempt) -> Result<A::Values, Failure> {
        #[cfg(feature = "records")]
        self.keep_arguments(attempt);
        if let Some(directory) = self.header.directory(attempt.id.attempt) {
            make_directory(&directory)?;
        }
        self.values(attempt)
    }

    /// Keeps the value of an attempt.
    pub(super) fn settle(&self, result: Result<Result<T, Failure>, PanicReport>) -> Outcome {
        match result {
            Ok(Ok(value)) => {
                drop(self.slot.put(value));
                Outcome::Succeeded
            }
            Ok(Err(failure)) => Outcome::Failed(failure),
            Err(report) => Outcome::Failed(Failure::new(FailureKind::Panicked(report))),
        }
    }

    /// Why the value cannot be kept.
    fn unkept(&self, problem: &str) -> Failure {
        let info = self.header.info();
        Failure::permanent(FailureKind::Encoding {
            reason: format!(
                "gave a result that {problem} (`{}` returns `{}`)",
                info.function, info.returns
            ),
        })
    }

    /// Calls `body` with values and run, catching its panics.
    pub(super) fn with_run<R>(
        self: &Arc<Self>,
        attempt: &Attempt,
        body: impl FnOnce(A::Values, &Run<'_>) -> R,
    ) -> Result<Result<R, PanicReport>, Failure> {
        let origin = || Origin::Made(Arc::clone(self) as _);
        let run = Run::new(&origin, attempt);
        // Copying the arguments is user code too.
        match catch(|| self.prepare(attempt).map(|values| body(values, &run))) {
            Ok(begun) => begun.map(Ok),
            Err(report) => Ok(Err(report)),
        }
    }
}

/// No arguments are left.
pub(super) fn taken() -> Failure {
    Failure::permanent(FailureKind::Invalid {
        reason: "its arguments were taken by an earlier attempt".to_owned(),
    })
}

/// How often arguments are asked which files are among them: once, and once more to use the answer.
/// Beyond that they change under the eyes of who looks.
const MOST_PASSES: u32 = 3;

fn restless() -> Failure {
    Failure::permanent(FailureKind::Encoding {
        reason: "has arguments that name other files each time they are asked".to_owned(),
    })
}

/// Makes the directory that a task is to work in.
pub(crate) fn make_directory(directory: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(directory).map_err(|error| {
        Failure::new(FailureKind::System {
            action: format!("make the task's directory `{}`", directory.display()),
            error: Arc::new(error),
        })
    })
}

impl<A, T, B> AnyTask for TaskCell<A, T, B>
where
    A: Arguments,
    T: Value,
    B: Body<A::Values, T>,
{
    fn header(&self) -> &Header {
        &self.header
    }

    fn header_mut(&mut self) -> &mut Header {
        &mut self.header
    }

    fn has_dependencies(&self) -> bool {
        self.header.has_inputs()
            || self
                .needs
                .lock()
                .as_ref()
                .is_some_and(Arguments::has_futures)
    }

    fn visit_dependencies(&self, visit: &mut dyn FnMut(&dyn AnyFuture)) {
        if let Some(arguments) = &*self.needs.lock() {
            arguments.visit(&mut Visitor(visit));
        }
        self.header.visit_inputs(visit);
    }

    fn release(&self) {
        let arguments = self.needs.lock().take();
        drop(arguments);
        self.header.release_inputs();
    }

    fn waiting(&self) -> Waiting {
        self.slot.waiting()
    }

    fn digests(&self, files: &FileHashes) -> Result<Digests, Failure> {
        let mut digester = Digester::new(self.header.info());
        let digests = catch(|| {
            for _ in 0..MOST_PASSES {
                // Within the statement, so that no lock is held while files are read.
                let arguments = self.needs.lock();
                arguments
                    .as_ref()
                    .ok_or_else(taken)?
                    .digest(&mut digester)?;
                drop(arguments);
                if let Some(digests) = digester.finish(files)? {
                    return Ok(digests);
                }
            }
            Err(restless())
        });
        digests.unwrap_or_else(|report| Err(Failure::new(FailureKind::Panicked(report))))
    }

    fn encoded_value(&self) -> Result<Bytes, Failure> {
        let mut out = Encoded::default();
        match catch(|| self.slot.encode(&mut out)) {
            Ok(Ok(true)) => Ok(out.into_bytes()),
            Ok(Ok(false)) => Err(self.unkept("is not there")),
            Ok(Err(EncodeError::Value(error))) => {
                Err(self.unkept(&format!("cannot be encoded: {error}")))
            }
            Ok(Err(EncodeError::Unfaithful(error))) => {
                Err(self.unkept(&format!("{}: {error}", error.problem())))
            }
            Ok(Err(EncodeError::Missing(error))) => Err(self.unkept(&format!("{error}"))),
            Err(report) => Err(Failure::new(FailureKind::Panicked(report))),
        }
    }

    fn restore(&self, value: Bytes) -> bool {
        let restored = catch(|| match codec::decode_owned::<T>(value) {
            Ok(value) => {
                drop(self.slot.put(value));
                true
            }
            Err(_) => false,
        });
        restored.unwrap_or(false)
    }
}

impl<A, T, B> Task<T> for TaskCell<A, T, B>
where
    A: Arguments,
    T: Value,
    B: Body<A::Values, T>,
{
    fn slot(&self) -> &Slot<T> {
        &self.slot
    }
}
