use std::time::{Duration, Instant};

use super::control::Control;

/// How far the two ends of a link are with taking leave, over the connection of the moment.
///
/// Who closes says so after its last frame; the other side answers once it has nothing more to
/// send itself, and waits for the connection to be closed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Farewell {
    has_said_closing: bool,
    has_heard_closing: bool,
    said_goodbye: Option<Instant>,
    has_heard_goodbye: bool,
}

/// What this side does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    SayClosing,
    SayGoodbye,
    /// The link ends: this side has closed it.
    Closed,
}

impl Farewell {
    /// Takes what the peer says; false if that makes no sense.
    pub(super) fn hear(&mut self, control: Control) -> bool {
        match control {
            Control::Beat { .. } => true,
            Control::Closing { .. } => !std::mem::replace(&mut self.has_heard_closing, true),
            Control::Goodbye { .. } => {
                !std::mem::replace(&mut self.has_heard_goodbye, true) && self.has_said_closing
            }
        }
    }

    /// Whether the peer has said that it sends nothing more.
    pub(super) fn is_peer_done(self) -> bool {
        self.has_heard_closing
    }

    /// Whether the peer may close the connection, being told that all of it is here.
    pub(super) fn has_said_goodbye(self) -> bool {
        self.said_goodbye.is_some()
    }

    /// What comes next, all frames being sent.
    pub(super) fn step(&mut self, is_closing: bool, now: Instant) -> Option<Step> {
        if self.has_heard_closing && self.said_goodbye.is_none() {
            self.said_goodbye = Some(now);
            return Some(Step::SayGoodbye);
        }
        if is_closing && !self.has_said_closing {
            self.has_said_closing = true;
            return Some(Step::SayClosing);
        }
        self.has_heard_goodbye.then_some(Step::Closed)
    }

    /// Until when to wait for the peer to close the connection, if it is to.
    pub(super) fn deadline(self, patience: Duration) -> Option<Instant> {
        self.said_goodbye.map(|said| said + patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSING: Control = Control::Closing { received: 0 };
    const GOODBYE: Control = Control::Goodbye { received: 0 };

    #[test]
    fn one_closes_and_the_other_answers() {
        let now = Instant::now();
        let (mut one, mut other) = (Farewell::default(), Farewell::default());
        assert_eq!(other.step(false, now), None);
        assert_eq!(one.step(true, now), Some(Step::SayClosing));
        assert_eq!(one.step(true, now), None);
        assert!(other.hear(CLOSING));
        assert_eq!(other.step(false, now), Some(Step::SayGoodbye));
        assert_eq!(other.step(false, now), None);
        assert!(other.has_said_goodbye());
        assert!(one.hear(GOODBYE));
        assert_eq!(one.step(true, now), Some(Step::Closed));
    }

    #[test]
    fn both_close_at_once() {
        let now = Instant::now();
        let mut sides = [Farewell::default(), Farewell::default()];
        for side in &mut sides {
            assert_eq!(side.step(true, now), Some(Step::SayClosing));
        }
        for side in &mut sides {
            assert!(side.hear(CLOSING));
            assert_eq!(side.step(true, now), Some(Step::SayGoodbye));
        }
        for side in &mut sides {
            assert!(side.hear(GOODBYE));
            assert_eq!(side.step(true, now), Some(Step::Closed));
        }
    }

    #[test]
    fn what_is_out_of_turn_makes_no_sense() {
        assert!(!Farewell::default().hear(GOODBYE));
        let mut farewell = Farewell::default();
        assert!(farewell.hear(CLOSING));
        assert!(!farewell.hear(CLOSING));
    }
}
