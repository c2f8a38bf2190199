//! Stages, where a test meets its tasks, in whichever process these run.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process;
use std::sync::{LazyLock, Mutex, MutexGuard, Once};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::executor;
use crate::support::until;

/// A place where a test and its tasks meet. It travels as an argument; what it stands for stays
/// with the test, or in a file if tasks run elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Stage {
    /// The test's process.
    process: u32,
    number: usize,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    open: bool,
    entered: usize,
    most: usize,
    /// How many are inside, of each process.
    inside: HashMap<u32, usize>,
    notes: Vec<String>,
}

impl State {
    /// Who was inside of a process that is gone is so no more.
    fn inside(&self) -> usize {
        let inside = self.inside.iter().filter(|(_, count)| **count > 0);
        inside
            .filter(|(process, _)| is_there(**process))
            .map(|(_, count)| count)
            .sum()
    }
}

fn is_there(process: u32) -> bool {
    process == process::id()
        || fs::read_to_string(format!("/proc/{process}/stat"))
            .is_ok_and(|text| !text.contains(") Z "))
}

/// The stages of this process.
static STAGES: Mutex<Vec<State>> = Mutex::new(Vec::new());

/// What lets those pass who wait in this process.
static CURTAINS: LazyLock<Mutex<HashMap<Stage, watch::Sender<bool>>>> =
    LazyLock::new(Mutex::default);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Stage {
    pub(crate) fn new() -> Self {
        let mut stages = lock(&STAGES);
        let stage = Self {
            process: process::id(),
            number: stages.len(),
        };
        stages.push(State::default());
        if let Some(path) = stage.path("") {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            File::create(stage.path("lock").unwrap()).unwrap();
            stage.write(&State::default()).unwrap();
        }
        stage
    }

    /// A file of its own, if there are any.
    fn path(self, extension: &str) -> Option<PathBuf> {
        let folder = executor::folder()?;
        let path = folder.join(format!("stages-{}/{}", self.process, self.number));
        Some(path.with_extension(extension))
    }

    fn read(self) -> io::Result<State> {
        let text = fs::read(self.path("json").unwrap_or_default())?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// All at once: whoever writes may be killed at any moment.
    fn write(self, state: &State) -> io::Result<()> {
        let new = self.path("new").unwrap_or_default();
        fs::write(&new, serde_json::to_vec(state)?)?;
        fs::rename(new, self.path("json").unwrap_or_default())
    }

    fn look<T>(self, of: impl FnOnce(&State) -> T) -> T {
        match executor::folder() {
            Some(_) => of(&self.read().unwrap()),
            None => of(&lock(&STAGES)[self.number]),
        }
    }

    fn change<T>(self, of: impl FnOnce(&mut State) -> T) -> io::Result<T> {
        let Some(path) = self.path("lock") else {
            return Ok(of(&mut lock(&STAGES)[self.number]));
        };
        let lock = File::open(path)?;
        lock.lock()?;
        let mut state = self.read()?;
        let result = of(&mut state);
        self.write(&state)?;
        Ok(result)
    }

    /// Lets everybody pass who waits here, or will.
    pub(crate) fn open(self) {
        self.change(|state| state.open = true).unwrap();
        self.curtain().send_replace(true);
    }

    fn is_open(self) -> bool {
        self.look(|state| state.open)
    }

    /// Enters and waits until the test opens the stage.
    pub(crate) async fn pass(self) {
        let _entry = self.enter();
        let mut curtain = self.curtain().subscribe();
        if self.process != process::id() {
            lift_curtains();
        }
        curtain.wait_for(|open| *open).await.unwrap();
    }

    fn curtain(self) -> watch::Sender<bool> {
        let mut curtains = lock(&CURTAINS);
        curtains
            .entry(self)
            .or_insert_with(|| watch::Sender::new(false))
            .clone()
    }

    /// As [`pass`](Self::pass), on a thread.
    pub(crate) fn pass_blocking(self) {
        let _entry = self.enter();
        until(|| self.is_open());
    }

    /// Counts an entry, until it is dropped.
    pub(crate) fn enter(self) -> Entry {
        self.change(|state| {
            *state.inside.entry(process::id()).or_default() += 1;
            state.entered += 1;
            state.most = state.most.max(state.inside());
        })
        .unwrap();
        Entry(self)
    }

    /// How many are inside now.
    pub(crate) fn inside(self) -> usize {
        self.look(State::inside)
    }

    /// The most that were ever inside at once.
    pub(crate) fn most(self) -> usize {
        self.look(|state| state.most)
    }

    /// How many ever entered.
    pub(crate) fn entered(self) -> usize {
        self.look(|state| state.entered)
    }

    /// Waits until so many have entered.
    #[track_caller]
    pub(crate) fn until_entered(self, count: usize) {
        until(|| self.entered() >= count);
    }

    pub(crate) fn note(self, text: impl Into<String>) {
        let text = text.into();
        self.change(|state| state.notes.push(text)).unwrap();
    }

    pub(crate) fn notes(self) -> Vec<String> {
        self.look(|state| state.notes.clone())
    }
}

/// Starts what looks whether stages were opened by the test's process.
fn lift_curtains() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        thread::spawn(|| {
            loop {
                thread::sleep(Duration::from_millis(2));
                for (stage, curtain) in &*lock(&CURTAINS) {
                    if !*curtain.borrow() && stage.is_open() {
                        curtain.send_replace(true);
                    }
                }
            }
        });
    });
}

/// Somebody on a stage.
pub(crate) struct Entry(Stage);

impl Drop for Entry {
    fn drop(&mut self) {
        // The test may be over, and its files gone.
        let _ = self.0.change(|state| {
            let inside = state.inside.entry(process::id()).or_default();
            *inside = inside.saturating_sub(1);
        });
    }
}

/// A value that enters its stage each time it is cloned.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Counted(pub(crate) Stage);

impl Clone for Counted {
    fn clone(&self) -> Self {
        drop(self.0.enter());
        Self(self.0)
    }
}
