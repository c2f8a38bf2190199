use std::time::Duration;

/// How much work a busy worker is sent ahead, in time: a few times what it takes to send it more.
///
/// Calls that last longer are not asked for before there is a slot for them. A worker would gain
/// little from having the next one, while that one could go elsewhere, be overtaken by what is more
/// urgent, and would spend of its own timeout.
const AHEAD: Duration = Duration::from_millis(4);

/// The most calls sent ahead for each slot.
const MOST: u32 = 256;

/// What a call is taken to last before any has ended.
const UNKNOWN: Duration = Duration::from_millis(50);

/// Times beyond this many nanoseconds, some centuries, are taken for as long.
const LONGEST: u64 = u64::MAX / 8;

/// How many calls are sent ahead, which follows from how long calls last.
#[derive(Debug)]
pub(super) struct Ahead {
    /// The running mean, in nanoseconds.
    mean: u64,
    level: u32,
}

impl Ahead {
    pub(super) fn new() -> Self {
        Self {
            mean: u64::try_from(UNKNOWN.as_nanos()).unwrap_or(u64::MAX),
            level: 1,
        }
    }

    /// Calls sent ahead for each slot, of those that are here.
    pub(super) fn level(&self) -> u32 {
        self.level
    }

    /// Calls asked for beyond those that run, for each slot.
    pub(super) fn room(&self) -> u32 {
        if self.fitting() == 0 { 0 } else { self.level }
    }

    /// How many calls fit into the time.
    fn fitting(&self) -> u64 {
        u64::try_from(AHEAD.as_nanos()).unwrap_or(u64::MAX) / self.mean.max(1)
    }

    /// Learns how long a call lasted; tells whether the room has changed.
    pub(super) fn learn(&mut self, run: Duration) -> bool {
        let before = self.room();
        // A worker says how long it was, which may be anything; what follows is not to overflow.
        let run = u64::try_from(run.as_nanos()).map_or(LONGEST, |run| run.min(LONGEST));
        // One long call says at once that calls may be long; it takes some short ones to forget it.
        self.mean = if run > self.mean {
            (self.mean + run) / 2
        } else {
            self.mean - self.mean / 8 + run / 8
        };
        let fitting = self.fitting();
        // Steps of four keep a mean that wavers from changing it all the time.
        let mut level = 1;
        while level < MOST && u64::from(level) * 4 <= fitting {
            level *= 4;
        }
        self.level = level;
        self.room() != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_calls_are_sent_ahead_and_long_ones_are_not() {
        let mut ahead = Ahead::new();
        assert_eq!((ahead.level(), ahead.room()), (1, 0));
        for _ in 0..200 {
            ahead.learn(Duration::from_micros(1));
        }
        assert_eq!((ahead.level(), ahead.room()), (MOST, MOST));
        ahead.learn(Duration::from_secs(1));
        assert_eq!((ahead.level(), ahead.room()), (1, 0));
    }

    #[test]
    fn each_change_of_the_room_is_told() {
        let mut ahead = Ahead::new();
        let mut known = ahead.room();
        let mut told = Vec::new();
        for milliseconds in [vec![1; 40], vec![9; 9]].concat() {
            if ahead.learn(Duration::from_millis(milliseconds)) {
                known = ahead.room();
                told.push(known);
            }
            assert_eq!(known, ahead.room());
        }
        assert_eq!(told, [1, 0]);
    }

    #[test]
    fn extreme_times_do_no_harm() {
        let mut ahead = Ahead::new();
        ahead.learn(Duration::MAX);
        ahead.learn(Duration::MAX);
        assert_eq!(ahead.level(), 1);
        // The most that a worker can say, and what is below it.
        for power in 30..64 {
            ahead.learn(Duration::from_micros(u64::MAX >> (64 - power)));
            ahead.learn(Duration::from_nanos(u64::MAX >> (64 - power)));
        }
        assert_eq!(ahead.level(), 1);
        for _ in 0..1000 {
            ahead.learn(Duration::ZERO);
        }
        assert_eq!(ahead.level(), MOST);
    }
}
