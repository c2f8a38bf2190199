//! Workflows for tests of what executors are to the driver.

use std::sync::Arc;

use chiltepin_executors::{Capacity, Executor, LazyFolder, panic};

use super::Workflow;
use super::builder::runtime;
use super::install::Ground;
use super::session::Session;
use crate::config::Config;
use crate::driver::{Driver, Installed, Labels, Settings};
use crate::retries::Retries;

/// Opens a workflow that has `executor` under the name `elsewhere`, beside two threads under the
/// name `local`.
pub(crate) fn open_with(executor: Arc<dyn Executor>) -> Workflow {
    let config = Config::from_toml("[local]\nprovider = \"threads\"\nmax_threads = 2\n").unwrap();
    panic::install_hook(false);
    let runtime = runtime(2).unwrap();
    let run_folder = LazyFolder::at("runs".into());
    #[cfg(feature = "cluster")]
    let rendezvous = chiltepin_executors::blocks::Rendezvous::new(&run_folder, runtime.handle());
    let ground = Ground {
        #[cfg(feature = "cluster")]
        rendezvous: &rendezvous,
        handle: runtime.handle(),
        threads: 2,
        run_folder: &run_folder,
        log_level: None,
    };
    let elsewhere = Installed::new("elsewhere", Ok(executor), Capacity::UNBOUNDED, None);
    let executors = vec![
        ground.install(&config.resources[0]),
        elsewhere,
        ground.joins(),
    ];
    let settings = Settings {
        executors: None,
        retries: Retries::default(),
        labels: Labels::default(),
        run_folder: run_folder.clone(),
        accounts: true,
        seed: 0,
        results: None,
        #[cfg(feature = "records")]
        recording: None,
        recorder: None,
    };
    let driver = Driver::new(executors, settings, runtime.handle().clone());
    let grace = config.workflow.grace;
    Workflow::of_session(Session::new(driver, runtime, grace))
}
