use std::path::PathBuf;
use std::time::Duration;

use chiltepin_executors::{OnLoss, Resources};

use parking_lot::Mutex;

use crate::call::Capture;
use crate::future::AnyFuture;
use crate::retries::Retries;
use chiltepin_executors::mpi::TaskGeometry;

/// What a call sets beside its arguments. Most calls set nothing, and then there is none of it.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) executors: Vec<String>,
    pub(crate) inputs: Mutex<Vec<Box<dyn AnyFuture>>>,
    pub(crate) stdout: Option<Capture>,
    pub(crate) stderr: Option<Capture>,
    pub(crate) directory: Option<Directory>,
    pub(crate) outputs: Vec<PathBuf>,
    pub(crate) resources: Resources,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retries: Option<Retries>,
    pub(crate) priority: Option<i32>,
    pub(crate) labels: Vec<String>,
    pub(crate) on_loss: Option<OnLoss>,
    pub(crate) geometry: Option<TaskGeometry>,
    pub(crate) launcher_options: Vec<String>,
    pub(crate) name: Option<String>,
    pub(crate) cache: Option<bool>,
    pub(crate) allowed_exit_codes: Vec<i32>,
}

/// Where a task works.
#[derive(Clone, Debug)]
pub(crate) enum Directory {
    At(PathBuf),
    /// One of its own, in the run's folder.
    Fresh,
}
