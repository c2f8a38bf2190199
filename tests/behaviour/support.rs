//! What tests and the tasks they submit share: stages to meet at, values that count their clones,
//! workflows made of a few lines of configuration.

use std::time::{Duration, Instant};

use chiltepin::Workflow;

use crate::executor;
pub(crate) use crate::executor::{on_processes, only_on_threads};
pub(crate) use crate::stage::{Counted, Stage};

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
    let config = executor::config(config);
    Workflow::builder().config_value(config).open().unwrap()
}

/// How often a value is cloned for tasks: not at all where it is encoded for them.
pub(crate) fn clones(on_threads: usize) -> usize {
    if on_processes() { 0 } else { on_threads }
}
