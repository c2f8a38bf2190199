use std::time::Instant;

use super::{LinkEnd, LinkSettings};

/// What a link's times ask for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// To say that this side is there.
    Beat,
    /// To give up the connection: nothing came over it for long. Also to tell that nothing is
    /// heard, once.
    Silence,
    /// To end.
    End(LinkEnd),
}

/// How a connection was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// The peer's side has closed it without a word.
    Closed,
    /// It was reset, which the peer need not know: a firewall that forgot it may say so to one side
    /// alone.
    Reset,
    /// It failed on the way, or was given up here.
    Failed,
}

/// When the peer was heard, when it was last told something, and what follows from that.
#[derive(Debug)]
pub(super) struct Liveness {
    settings: LinkSettings,
    /// This side waits for connections: it gives up a peer that has closed its own, where one that
    /// makes connections learns more.
    waits: bool,
    heard: Instant,
    sent: Instant,
    /// Told that nothing is heard.
    is_silent: bool,
    /// There is no connection, since when and why.
    lost: Option<(Instant, Loss)>,
}

impl Liveness {
    /// Of a driver's end of a link.
    pub(super) fn of_driver(settings: LinkSettings, now: Instant) -> Self {
        Self {
            waits: true,
            ..Self::of_agent(settings, now)
        }
    }

    /// Of an agent's end of a link.
    pub(super) fn of_agent(settings: LinkSettings, now: Instant) -> Self {
        Self {
            settings,
            waits: false,
            heard: now,
            sent: now,
            is_silent: false,
            lost: None,
        }
    }

    /// Something has come; true if it was told that nothing does.
    pub(super) fn heard(&mut self, now: Instant) -> bool {
        self.heard = now;
        std::mem::take(&mut self.is_silent)
    }

    /// Something was sent.
    pub(super) fn sent(&mut self, now: Instant) {
        self.sent = now;
    }

    /// The connection is lost.
    pub(super) fn lost(&mut self, loss: Loss, now: Instant) {
        self.lost = Some((now, loss));
    }

    /// There is a connection again, over which something came; true if it was told that nothing
    /// does.
    pub(super) fn regained(&mut self, now: Instant) -> bool {
        self.lost = None;
        self.sent = now;
        self.heard(now)
    }

    /// When a peer is gone that seems to have ended.
    fn gone(&self) -> Option<Instant> {
        let (since, loss) = self.lost.filter(|_| self.waits)?;
        let absence = self.settings.absence;
        match loss {
            Loss::Closed => Some(since + absence),
            // It learns of that by its next beat.
            Loss::Reset => Some(since + self.settings.beat + absence),
            Loss::Failed => None,
        }
    }

    /// What is to be done now, the most important first; to be asked again once that is done.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let unheard = now.saturating_duration_since(self.heard);
        let window = self.settings.reconnect_window;
        let gone = self.gone();
        if gone.is_some_and(|gone| gone <= now) {
            return Some(Due::End(LinkEnd::Gone));
        }
        if unheard >= window {
            return Some(Due::End(LinkEnd::Silent(window)));
        }
        // The nodes of a job that ends go one after the other: nothing is to be sent to the next
        // one because the first is gone.
        if !self.is_silent && (gone.is_some() || unheard >= self.settings.silence) {
            self.is_silent = true;
            return Some(Due::Silence);
        }
        if self.lost.is_none() && now.saturating_duration_since(self.sent) >= self.settings.beat {
            return Some(Due::Beat);
        }
        None
    }

    /// When to ask again at the latest, unless something happens.
    pub(super) fn next(&self) -> Instant {
        let mut next = self.heard + self.settings.reconnect_window;
        if !self.is_silent {
            next = next.min(self.heard + self.settings.silence);
        }
        match (self.lost, self.gone()) {
            (Some(_), Some(gone)) => next.min(gone),
            (Some(_), None) => next,
            (None, _) => next.min(self.sent + self.settings.beat),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SETTINGS: LinkSettings = LinkSettings {
        beat: Duration::from_secs(5),
        silence: Duration::from_secs(15),
        absence: Duration::from_secs(1),
        reconnect_window: Duration::from_secs(120),
    };

    /// What is due second by second, where beats are sent.
    fn course(liveness: &mut Liveness, start: Instant, seconds: u64) -> Vec<(u64, Due)> {
        let mut course = Vec::new();
        for second in 0..=seconds {
            let now = start + Duration::from_secs(second);
            while let Some(due) = liveness.due(now) {
                match due {
                    Due::Beat => liveness.sent(now),
                    Due::Silence if liveness.lost.is_some() => {}
                    Due::Silence => liveness.lost(Loss::Failed, now),
                    Due::End(_) => {}
                }
                course.push((second, due.clone()));
                if matches!(due, Due::End(_)) {
                    return course;
                }
            }
            assert!(liveness.next() > now, "what is due is done by then");
        }
        course
    }

    #[test]
    fn an_idle_side_beats_until_nothing_is_heard_and_then_waits_for_the_window() {
        let start = Instant::now();
        let mut liveness = Liveness::of_driver(SETTINGS, start);
        let silent = LinkEnd::Silent(SETTINGS.reconnect_window);
        assert_eq!(
            course(&mut liveness, start, 300),
            [
                (5, Due::Beat),
                (10, Due::Beat),
                (15, Due::Silence),
                (120, Due::End(silent))
            ]
        );
    }

    #[test]
    fn a_driver_sends_nothing_to_a_peer_that_closed_its_connection_and_waits_little() {
        let start = Instant::now();
        let mut driver = Liveness::of_driver(SETTINGS, start);
        let mut agent = Liveness::of_agent(SETTINGS, start);
        for liveness in [&mut driver, &mut agent] {
            liveness.lost(Loss::Closed, start);
        }
        assert_eq!(driver.next(), start + SETTINGS.absence);
        let gone = |second| [(0, Due::Silence), (second, Due::End(LinkEnd::Gone))];
        assert_eq!(course(&mut driver, start, 100), gone(1));
        // Of a reset it may not know before its next beat.
        let mut reset = Liveness::of_driver(SETTINGS, start);
        reset.lost(Loss::Reset, start);
        assert_eq!(course(&mut reset, start, 100), gone(6));
        // An agent sees for itself whether the driver is there.
        assert_eq!(course(&mut agent, start, 100), [(15, Due::Silence)]);
        let mut failed = Liveness::of_driver(SETTINGS, start);
        failed.lost(Loss::Failed, start);
        assert_eq!(course(&mut failed, start, 100), [(15, Due::Silence)]);
    }

    #[test]
    fn a_peer_that_comes_back_is_as_one_that_was_never_lost() {
        let start = Instant::now();
        let mut liveness = Liveness::of_driver(SETTINGS, start);
        course(&mut liveness, start, 100);
        let now = start + Duration::from_secs(100);
        assert!(liveness.regained(now), "it was told to be silent");
        assert!(!liveness.heard(now), "told once");
        assert_eq!(liveness.due(now), None);
        assert_eq!(
            course(&mut liveness, now, 12),
            [(5, Due::Beat), (10, Due::Beat)]
        );
    }
}
