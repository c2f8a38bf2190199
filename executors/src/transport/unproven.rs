use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long everybody has before others may take the place: honest peers need less, also when a
/// thousand of them come at once.
const SAFE_FOR: Duration = Duration::from_millis(250);

/// Connections whose peers have not proven anything, up to a number of them: when one more comes,
/// the one that is there longest has to go. So nobody can keep others out by making connections
/// and saying nothing.
#[derive(Debug)]
pub(super) struct Unproven<C> {
    most: usize,
    /// By their numbers, so the oldest is first.
    connections: BTreeMap<u64, (Instant, C)>,
}

impl<C> Unproven<C> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            connections: BTreeMap::new(),
        }
    }

    /// Until when the next one should wait, if nobody goes before.
    pub(super) fn full_until(&self, now: Instant) -> Option<Instant> {
        let (_, (since, _)) = self.connections.first_key_value()?;
        let until = *since + SAFE_FOR;
        (self.connections.len() >= self.most && until > now).then_some(until)
    }

    /// One has come, whose number is larger than those before; gives the one that has to go for it.
    pub(super) fn add(&mut self, number: u64, connection: C, now: Instant) -> Option<C> {
        self.connections.insert(number, (now, connection));
        if self.connections.len() <= self.most {
            return None;
        }
        self.connections.pop_first().map(|(_, (_, oldest))| oldest)
    }

    /// One has proven who it is, or is gone; false if it had to go.
    pub(super) fn remove(&mut self, number: u64) -> bool {
        self.connections.remove(&number).is_some()
    }

    /// Takes all that are there.
    pub(super) fn take(&mut self) -> impl Iterator<Item = C> + use<C> {
        let connections = std::mem::take(&mut self.connections).into_values();
        connections.map(|(_, connection)| connection)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_has_to_go_when_there_are_too_many() {
        let now = Instant::now();
        let mut unproven = Unproven::new(2);
        let mut numbers = 1..;
        let mut come = |name: &'static str| {
            let number = numbers.next().unwrap();
            (number, unproven.add(number, name, now))
        };
        let (first, gone) = come("first");
        assert_eq!(gone, None);
        let (second, gone) = come("second");
        assert_eq!(gone, None);
        let (third, gone) = come("third");
        assert_eq!(gone, Some("first"));
        assert!(!unproven.remove(first));
        assert!(unproven.remove(second));
        assert!(!unproven.remove(second));
        assert_eq!(unproven.len(), 1);
        assert!(unproven.remove(third));
    }

    #[test]
    fn those_that_have_just_come_have_a_little_time() {
        let now = Instant::now();
        let mut unproven = Unproven::new(2);
        assert_eq!(unproven.full_until(now), None);
        for (number, milliseconds) in [(1, 0), (2, 100)] {
            unproven.add(number, (), now + Duration::from_millis(milliseconds));
        }
        assert_eq!(unproven.full_until(now), Some(now + SAFE_FOR));
        assert_eq!(unproven.full_until(now + SAFE_FOR), None);
        unproven.remove(1);
        assert_eq!(unproven.full_until(now), None);
    }
}
