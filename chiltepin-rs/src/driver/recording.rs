//! Which calls the record has the arguments of, and the copy of the program that runs them again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use chiltepin_executors::program::Program;
use chiltepin_executors::{EncodedValues, LazyFolder};
use parking_lot::Mutex;

use super::{Driver, Recorder};
use crate::config::RecordArguments;
use crate::report::{Arguments, Text, What, WholeArguments};
use crate::task::{Header, KeptArguments};

/// What a run records of the arguments of its calls.
pub(crate) struct Recording {
    wanted: RecordArguments,
    folder: LazyFolder,
    /// How many more bytes the journal takes of them.
    left: AtomicU64,
    copying: Mutex<Copying>,
}

enum Copying {
    NotBegun,
    UnderWay(JoinHandle<()>),
    Over,
}

/// The most bytes of arguments in one journal: whoever asks something of the run reads them all.
pub(crate) const MOST_IN_ALL: u64 = 64 << 20;

impl Recording {
    /// None where nothing is wanted.
    pub(crate) fn new(wanted: RecordArguments, folder: &LazyFolder) -> Option<Self> {
        (wanted != RecordArguments::None).then(|| Self {
            wanted,
            folder: folder.clone(),
            left: AtomicU64::new(MOST_IN_ALL),
            copying: Mutex::new(Copying::NotBegun),
        })
    }

    /// Has the record take what is kept of a call's arguments.
    fn record(&self, header: &Header, recorder: &dyn Recorder) {
        let arguments = if header.has_no_arguments() {
            Some(self.of_kept(header, &KeptArguments::Encoded(EncodedValues::default())))
        } else {
            header.read_arguments(|kept| self.of_kept(header, kept))
        };
        let Some(arguments) = arguments else { return };
        if matches!(arguments, Arguments::Whole(_)) {
            self.copy_program();
        }
        let what = What::Arguments {
            task: header.id().number(),
            arguments: Box::new(arguments),
        };
        recorder.record(Instant::now(), what);
    }

    /// What of it the record is to have.
    fn of_kept(&self, header: &Header, kept: &KeptArguments) -> Arguments<Text> {
        match kept {
            KeptArguments::Encoded(values) => {
                let bytes = values.bytes.len() as u64;
                let take = |left: u64| left.checked_sub(bytes);
                let order = Ordering::Relaxed;
                let sizes = KeptArguments::inline(values);
                match (sizes, self.left.fetch_update(order, order, take)) {
                    (Some(sizes), Ok(_)) => Arguments::Whole(WholeArguments {
                        body: header.info().body,
                        sizes,
                        bytes: values.bytes.to_vec(),
                        directory: self.directory(header).map(|path| absolute(&path)),
                        allowed_exit_codes: header
                            .options()
                            .map_or_else(Vec::new, |options| options.allowed_exit_codes.clone()),
                    }),
                    (None, _) => Arguments::NotEncoded {
                        reason: Text::new("they were left elsewhere"),
                    },
                    (_, Err(_)) => Arguments::NoMore { most: MOST_IN_ALL },
                }
            }
            KeptArguments::TooLarge(most) => Arguments::TooLarge { most: *most as u64 },
            KeptArguments::NotEncoded(reason) => Arguments::NotEncoded {
                reason: Text::new(reason),
            },
        }
    }

    /// Where a call works when it is run again: where it did, unless each attempt has a directory of
    /// its own.
    fn directory(&self, header: &Header) -> Option<PathBuf> {
        const ANY: u32 = 1;
        if header.has_fresh_directory() {
            let name = format!("rerun-{}", header.id().number());
            return Some(self.folder.path().join(name));
        }
        header.directory(ANY)
    }

    /// Begins to copy the program into the run's folder, if that has not begun.
    fn copy_program(&self) {
        let mut copying = self.copying.lock();
        if !matches!(*copying, Copying::NotBegun) {
            return;
        }
        let folder = self.folder.path();
        let copy = move || {
            if let Err(error) = Program::keep_copy(&folder.join(PROGRAM)) {
                tracing::warn!(%error, "`chiltepin rerun` will have no program to start");
            }
        };
        let thread = thread::Builder::new().name("chiltepin-program".to_owned());
        *copying = match thread.spawn(copy) {
            Ok(thread) => Copying::UnderWay(thread),
            Err(_) => Copying::Over,
        };
    }

    /// Waits until the copy is there, or cannot be made.
    fn finish(&self) {
        let copying = std::mem::replace(&mut *self.copying.lock(), Copying::Over);
        if let Copying::UnderWay(thread) = copying {
            // It says itself what went wrong.
            let _ = thread.join();
        }
    }
}

/// The name of the program's copy in the folder of a run.
pub(crate) const PROGRAM: &str = "program";

fn absolute(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.to_string_lossy().into_owned()
}

impl Driver {
    pub(crate) fn records_arguments(&self) -> bool {
        self.settings.recording.is_some()
    }

    /// What the record may need of a call's arguments is kept from now on.
    pub(crate) fn arguments_kept(&self, header: &Header) {
        if let (Some(recording), Some(recorder)) =
            (&self.settings.recording, &self.settings.recorder)
            && recording.wanted == RecordArguments::All
        {
            recording.record(header, &**recorder);
        }
    }

    /// A call has ended, and its arguments are needed no more: if it has failed the record gets
    /// them.
    pub(super) fn note_arguments(&self, header: &Header, has_failed: bool) {
        let (Some(recording), Some(recorder)) = (&self.settings.recording, &self.settings.recorder)
        else {
            return;
        };
        if has_failed && recording.wanted == RecordArguments::Failed {
            recording.record(header, &**recorder);
        }
        if !header.has_no_arguments() {
            drop(header.take_arguments());
        }
    }

    pub(super) fn finish_recording(&self) {
        if let Some(recording) = &self.settings.recording {
            recording.finish();
        }
    }
}
