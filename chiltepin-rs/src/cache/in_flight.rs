//! Which calls are worked out, so that of several with one key only one is.

use std::collections::HashMap;

use super::CacheKey;

/// The keys whose results are looked for or worked out, each with the task that leads and with
/// those that wait for it.
#[derive(Debug)]
pub(super) struct InFlight<W> {
    keys: HashMap<CacheKey, (u64, Vec<W>)>,
}

impl<W> Default for InFlight<W> {
    fn default() -> Self {
        Self {
            keys: HashMap::new(),
        }
    }
}

impl<W> InFlight<W> {
    /// Lets a task lead, unless another one does: then it is left with those that wait for that
    /// one, and this is false.
    pub(super) fn begin(&mut self, key: CacheKey, task: u64, waiting: impl FnOnce() -> W) -> bool {
        use std::collections::hash_map::Entry;
        match self.keys.entry(key) {
            Entry::Vacant(place) => {
                place.insert((task, Vec::new()));
                true
            }
            Entry::Occupied(place) if place.get().0 == task => true,
            Entry::Occupied(mut place) => {
                place.get_mut().1.push(waiting());
                false
            }
        }
    }

    /// A task has ended: those that have waited for it, if it has led.
    pub(super) fn end(&mut self, key: &CacheKey, task: u64) -> Vec<W> {
        if self.keys.get(key).is_none_or(|(leader, _)| *leader != task) {
            return Vec::new();
        }
        self.keys
            .remove(key)
            .map(|(_, waiting)| waiting)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: CacheKey = CacheKey([1; 32]);

    #[test]
    fn one_leads_and_the_others_wait_for_its_end() {
        let mut in_flight = InFlight::default();
        assert!(in_flight.begin(KEY, 1, || 1));
        assert!(in_flight.begin(KEY, 1, || 1), "it leads still");
        assert!(!in_flight.begin(KEY, 2, || 2));
        assert!(!in_flight.begin(KEY, 3, || 3));
        assert!(in_flight.begin(CacheKey([2; 32]), 4, || 4));
        assert!(in_flight.end(&KEY, 2).is_empty(), "it does not lead");
        assert_eq!(in_flight.end(&KEY, 1), [2, 3]);
        assert!(in_flight.end(&KEY, 1).is_empty());
        assert!(in_flight.begin(KEY, 3, || 3));
    }
}
