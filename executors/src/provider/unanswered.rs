use std::collections::HashSet;

use parking_lot::Mutex;

use super::{JobId, Provider, ProviderError};

/// The names of the requests that were not answered: the batch system may have heard them, and a
/// second job would be one too many.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    names: Mutex<HashSet<String>>,
}

impl Unanswered {
    pub(super) fn add(&self, name: &str) {
        self.names.lock().insert(name.to_owned());
    }

    /// The job of such a request, if the batch system has it after all.
    ///
    /// # Errors
    /// The batch system cannot be asked; the request is still unanswered.
    pub(super) async fn look(
        &self,
        provider: &dyn Provider,
        name: &str,
    ) -> Result<Option<JobId>, ProviderError> {
        if !self.names.lock().contains(name) {
            return Ok(None);
        }
        let found = provider.find(&[name.to_owned()]).await?;
        Ok(found.into_iter().next().map(|job| job.job))
    }

    pub(super) fn remove(&self, name: &str) {
        self.names.lock().remove(name);
    }
}
