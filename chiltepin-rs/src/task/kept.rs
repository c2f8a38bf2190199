//! The arguments of a call, kept while it runs, so that the record has them if it fails.

use chiltepin_executors::panic::catch;
use chiltepin_executors::wire::WireValue;
use chiltepin_executors::{Attempt, EncodedValues, Failure, TaskKind, Work as _};

use super::{AnyTask as _, Arguments, Body, Encoder, Header, TaskCell};
use crate::Value;
use crate::error::ErrorKind;

/// The arguments of a call, or why they are not kept.
#[derive(Debug)]
pub(crate) enum KeptArguments {
    Encoded(EncodedValues),
    /// They have more bytes than this.
    TooLarge(usize),
    /// They cannot be encoded, for this reason.
    NotEncoded(String),
}

/// The most bytes of all arguments of a call that are kept where they are encoded anyway.
pub(crate) const MOST_ENCODED: usize = 1 << 20;

/// The most bytes where they are encoded for this alone, by the thread that is to run the body: in
/// the time that many take, it could run many tasks.
pub(crate) const MOST_FOR_THIS: usize = 64 << 10;

impl<A, T, B> TaskCell<A, T, B>
where
    A: Arguments,
    T: Value,
    B: Body<A::Values, T>,
{
    /// Encodes the arguments before the body takes them, if they are to be kept and are not yet.
    pub(super) fn keep_arguments(&self, attempt: &Attempt) {
        let header = self.header();
        // A join cannot be run again without the workflow around it.
        if !header.wants_arguments(attempt) || self.kind() == TaskKind::Join {
            return;
        }
        if header.has_no_arguments() {
            header.tell_of_arguments();
            return;
        }
        let mut encoder = Encoder::bounded(header.info(), MOST_FOR_THIS);
        let encoded = catch(|| match &*self.needs.lock() {
            Some(arguments) => arguments.encode(&mut encoder).map(|()| true),
            None => Ok(false),
        });
        let kept = match encoded {
            // An earlier attempt has taken them.
            Ok(Ok(false)) => return,
            _ if encoder.is_exceeded() => KeptArguments::TooLarge(MOST_FOR_THIS),
            Ok(Ok(true)) => KeptArguments::Encoded(encoder.finish()),
            Ok(Err(failure)) => KeptArguments::NotEncoded(reason(failure)),
            Err(_panic) => KeptArguments::NotEncoded("encoding them panicked".to_owned()),
        };
        header.keep_arguments(kept);
    }

    /// Keeps arguments that another process is sent.
    pub(super) fn keep_encoded(&self, attempt: &Attempt, arguments: &EncodedValues) {
        let header = self.header();
        if !header.wants_arguments(attempt) {
            return;
        }
        header.keep_arguments(if arguments.bytes.len() <= MOST_ENCODED {
            KeptArguments::Encoded(arguments.clone())
        } else {
            KeptArguments::TooLarge(MOST_ENCODED)
        });
    }
}

impl Header {
    /// Whether the record is to have its arguments and has not yet got them.
    fn wants_arguments(&self, attempt: &Attempt) -> bool {
        let driver = self.driver();
        driver.is_some_and(|driver| driver.records_arguments())
            && (attempt.id.attempt <= 1 || self.arguments.lock().is_none())
    }

    /// Whether nothing needs to be kept for the record to have its arguments.
    pub(crate) fn has_no_arguments(&self) -> bool {
        self.info().parameters.is_empty()
    }

    fn keep_arguments(&self, kept: KeptArguments) {
        *self.arguments.lock() = Some(Box::new(kept));
        self.tell_of_arguments();
    }

    fn tell_of_arguments(&self) {
        if let Some(driver) = self.driver() {
            driver.arguments_kept(self);
        }
    }

    /// Takes what is kept of its arguments.
    pub(crate) fn take_arguments(&self) -> Option<Box<KeptArguments>> {
        self.arguments.lock().take()
    }

    /// Looks at what is kept of its arguments.
    pub(crate) fn read_arguments<R>(&self, read: impl FnOnce(&KeptArguments) -> R) -> Option<R> {
        self.arguments.lock().as_deref().map(read)
    }
}

/// As the end of a sentence that begins with the call.
fn reason(failure: Failure) -> String {
    catch(|| ErrorKind::of_failure(failure.kind, None).to_string())
        .unwrap_or_else(|_panic| "has arguments that cannot be encoded".to_owned())
}

impl KeptArguments {
    /// The size of each, and their bytes, where all travel inline.
    pub(crate) fn inline(values: &EncodedValues) -> Option<Vec<u32>> {
        let size = |value: &WireValue| match value {
            WireValue::Inline(size) => Some(*size),
            WireValue::Reference(_) => None,
        };
        values.values.iter().map(size).collect()
    }
}
