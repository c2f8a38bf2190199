//! What came of looks, told together.

use std::sync::Arc;

use chiltepin_executors::TaskId;

use crate::driver::Driver;

/// What came of looks, to be told.
#[derive(Default)]
pub(super) struct Answers {
    driver: Option<Arc<Driver>>,
    answers: Vec<(TaskId, bool)>,
}

impl Answers {
    pub(super) fn add(&mut self, driver: &Arc<Driver>, id: TaskId, is_there: bool) {
        // All tasks of a cache are of one workflow.
        self.driver.get_or_insert_with(|| Arc::clone(driver));
        self.answers.push((id, is_there));
    }

    pub(super) fn tell(&mut self) {
        if let Some(driver) = &self.driver
            && !self.answers.is_empty()
        {
            driver.looked(self.answers.drain(..));
        }
    }
}
