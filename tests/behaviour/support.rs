//! What tests and the tasks they submit share: stages to meet at, values that count their clones,
//! workflows made of a few lines of configuration.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use chiltepin::Workflow;
use chiltepin::config::Config;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Longer than anything takes on a loaded machine: whoever waits this long waits for nothing.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Waits until `condition` holds; fails the test after [`LIMIT`].
#[track_caller]
pub(crate) fn until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "the condition never held");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Opens a workflow with this configuration, written in TOML.
pub(crate) fn open(config: &str) -> Workflow {
    let config = Config::from_toml(config).unwrap();
    Workflow::builder().config_value(config).open().unwrap()
}

/// A place where a test and its tasks meet. It travels as an argument; what it stands for stays in
/// this process.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Stage(usize);

struct Behind {
    curtain: watch::Sender<bool>,
    inside: AtomicUsize,
    most: AtomicUsize,
    entered: AtomicUsize,
    notes: Mutex<Vec<String>>,
}

static STAGES: Mutex<Vec<&'static Behind>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Stage {
    pub(crate) fn new() -> Self {
        let behind = Behind {
            curtain: watch::Sender::new(false),
            inside: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            entered: AtomicUsize::new(0),
            notes: Mutex::new(Vec::new()),
        };
        let mut stages = lock(&STAGES);
        stages.push(Box::leak(Box::new(behind)));
        Self(stages.len() - 1)
    }

    fn behind(self) -> &'static Behind {
        lock(&STAGES)[self.0]
    }

    /// Lets everybody pass who waits here, or will.
    pub(crate) fn open(self) {
        self.behind().curtain.send_replace(true);
    }

    /// Enters and waits until the test opens the stage.
    pub(crate) async fn pass(self) {
        let _entry = self.enter();
        self.wait().await;
    }

    async fn wait(self) {
        let mut curtain = self.behind().curtain.subscribe();
        curtain.wait_for(|open| *open).await.unwrap();
    }

    /// As [`pass`](Self::pass), on a thread.
    pub(crate) fn pass_blocking(self) {
        let _entry = self.enter();
        until(|| *self.behind().curtain.borrow());
    }

    /// Counts an entry, until it is dropped.
    pub(crate) fn enter(self) -> Entry {
        let behind = self.behind();
        let inside = behind.inside.fetch_add(1, Ordering::SeqCst) + 1;
        behind.most.fetch_max(inside, Ordering::SeqCst);
        behind.entered.fetch_add(1, Ordering::SeqCst);
        Entry(behind)
    }

    /// How many are inside now.
    pub(crate) fn inside(self) -> usize {
        self.behind().inside.load(Ordering::SeqCst)
    }

    /// The most that were ever inside at once.
    pub(crate) fn most(self) -> usize {
        self.behind().most.load(Ordering::SeqCst)
    }

    /// How many ever entered.
    pub(crate) fn entered(self) -> usize {
        self.behind().entered.load(Ordering::SeqCst)
    }

    /// Waits until so many have entered.
    #[track_caller]
    pub(crate) fn until_entered(self, count: usize) {
        until(|| self.entered() >= count);
    }

    pub(crate) fn note(self, text: impl Into<String>) {
        lock(&self.behind().notes).push(text.into());
    }

    pub(crate) fn notes(self) -> Vec<String> {
        lock(&self.behind().notes).clone()
    }
}

/// Somebody on a stage.
pub(crate) struct Entry(&'static Behind);

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
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
