//! Calls whose bodies run elsewhere: everything crosses as bytes.

mod accounts;
mod arguments;
mod digests;
mod errors;
mod loopback;
mod results;

use std::sync::Arc;

use crate::Workflow;
use crate::workflow::open_with;
use loopback::Loopback;

/// A workflow that has an executor `elsewhere`.
fn workflow() -> (Workflow, Arc<Loopback>) {
    let elsewhere = Arc::new(Loopback::default());
    let workflow = open_with(Arc::clone(&elsewhere) as _);
    (workflow, elsewhere)
}
