//! The task of a link.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::FutureExt;
use tokio::io::Interest;
use tokio::time::{Sleep, sleep_until};

use super::connection::{Broken, Connection, Written};
use super::control::{Came, Control};
use super::farewell::{Farewell, Step};
use super::link::{Arrived, Link, Order};
use super::liveness::{Due, Liveness, Loss};
use super::redial::Redial;
use super::session::Session;
use super::{LinkEnd, LinkSettings, Receive};

mod regain;

/// Reads, hands on what was read, and sends what that led to, for as long as the link lasts.
pub(super) struct Drive {
    link: Arc<Link>,
    settings: LinkSettings,
    session: Session,
    liveness: Liveness,
    farewell: Farewell,
    receive: Box<dyn Receive>,
    /// How an agent comes back; the driver waits for it.
    redial: Option<Redial>,
    /// To be said between the frames.
    between: Vec<u8>,
    /// What a driver says to a peer that does not know that it was taken.
    welcome: Vec<u8>,
    frames: Vec<Bytes>,
    data: Vec<Bytes>,
}

/// Why a connection is left.
enum Stop {
    End(LinkEnd),
    Lost(Loss),
    Replaced(Box<Arrived>),
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Closed => Self::Lost(Loss::Closed),
            Broken::Reset => Self::Lost(Loss::Reset),
            Broken::Failed(reason) => {
                tracing::debug!(reason, "a connection is given up");
                Self::Lost(Loss::Failed)
            }
            Broken::Misspoke(reason) => Self::End(LinkEnd::Misspoke(reason)),
        }
    }
}

impl Drive {
    /// Of the driver's end; the welcome is said first.
    pub(super) fn of_driver(
        link: Arc<Link>,
        settings: LinkSettings,
        receive: Box<dyn Receive>,
        welcome: Vec<u8>,
    ) -> Self {
        Self {
            link,
            settings,
            session: Session::default(),
            liveness: Liveness::of_driver(settings, Instant::now()),
            farewell: Farewell::default(),
            receive,
            redial: None,
            between: welcome.clone(),
            welcome,
            frames: Vec::new(),
            data: Vec::new(),
        }
    }

    /// Of the agent's end; these frames have come already.
    pub(super) fn of_agent(
        link: Arc<Link>,
        redial: Redial,
        settings: LinkSettings,
        receive: Box<dyn Receive>,
        frames: Vec<Bytes>,
    ) -> Self {
        Self {
            liveness: Liveness::of_agent(settings, Instant::now()),
            redial: Some(redial),
            frames,
            ..Self::of_driver(link, settings, receive, Vec::new())
        }
    }

    /// Drives the link to its end.
    pub(super) async fn run(mut self, connection: Connection) {
        // Else whoever waits for its end would wait for ever, and the peer could come back to it.
        let end = AssertUnwindSafe(self.drive(connection))
            .catch_unwind()
            .await;
        let end = end.unwrap_or_else(|_| {
            let text = "its messages could not be taken: a panic".to_owned();
            LinkEnd::Misspoke(text)
        });
        self.link.end();
        self.receive.ended(end);
    }

    /// Lets go of the connection before the end is told: the peer learns of it before anybody acts
    /// on it.
    async fn drive(&mut self, mut connection: Connection) -> LinkEnd {
        loop {
            let next = match self.serve(&mut connection).await {
                Stop::End(end) => Err(end),
                // What came over the old one and was not read comes again.
                Stop::Replaced(arrived) => self.take_back(*arrived),
                Stop::Lost(_) if self.farewell.has_said_goodbye() => Err(LinkEnd::PeerClosed),
                Stop::Lost(loss) => self.regain(loss, connection).await,
            };
            match next {
                Ok(next) => connection = next,
                Err(end) => return end,
            }
        }
    }

    /// Goes on over this connection for as long as it lasts.
    async fn serve(&mut self, connection: &mut Connection) -> Stop {
        match self.try_serve(connection).await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    async fn try_serve(
        &mut self,
        connection: &mut Connection,
    ) -> Result<std::convert::Infallible, Stop> {
        let mut timer = pin!(sleep_until(self.deadline().into()));
        self.hand_on()?;
        loop {
            let order = self.link.take(&mut self.session);
            let is_closing = match order {
                Order::GoOn { is_closing } => is_closing,
                Order::Abort => return Err(Stop::End(LinkEnd::Aborted)),
                Order::Arrival(arrived) => return Err(Stop::Replaced(arrived)),
            };
            let now = Instant::now();
            self.do_what_is_due(now)?;
            if self.session.has_to_tell() {
                self.beat();
            }
            let mut written = self.write(connection)?;
            if written.all
                && let Some(step) = self.farewell.step(is_closing, now)
            {
                if !self.take_leave(step) {
                    return Err(Stop::End(LinkEnd::Closed));
                }
                reset(timer.as_mut(), self.deadline());
                let more = self.write(connection)?;
                written.some |= more.some;
                written.all = more.all;
            }
            if written.some {
                self.liveness.sent(now);
            }
            if !self.link.doze() {
                continue;
            }
            let interest = if written.all {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            let ready = tokio::select! {
                biased;
                ready = connection.ready(interest) => ready.map_err(super::connection::broken)?,
                () = self.link.woken() => continue,
                () = timer.as_mut() => {
                    // What has come and gone since only moves it back.
                    reset(timer.as_mut(), self.deadline());
                    continue;
                }
            };
            if ready.is_readable() || ready.is_read_closed() || ready.is_error() {
                self.link.rouse();
                let read = connection.read(&mut self.frames);
                // What came before the end of a connection counts.
                if !self.frames.is_empty() || matches!(read, Ok(true)) {
                    if self.liveness.heard(Instant::now()) {
                        self.receive.back();
                    }
                    self.hand_on()?;
                }
                read?;
            }
        }
    }

    /// Sends what there is. Where the connection is lost, what came before counts: a peer that ended
    /// after it had said all does not come back to say it again.
    fn write(&mut self, connection: &mut Connection) -> Result<Written, Stop> {
        let error = match connection.write(&mut self.session, &mut self.between) {
            Ok(written) => return Ok(written),
            Err(error) => error,
        };
        let rest = connection.read_rest(&mut self.frames);
        self.hand_on()?;
        match rest {
            Err(Broken::Misspoke(reason)) => Err(Broken::Misspoke(reason).into()),
            _ => Err(error.into()),
        }
    }

    fn deadline(&self) -> Instant {
        let next = self.liveness.next();
        match self.farewell.deadline(self.settings.absence) {
            Some(deadline) => next.min(deadline),
            None => next,
        }
    }

    /// Does what is due where there is a connection.
    fn do_what_is_due(&mut self, now: Instant) -> Result<(), Stop> {
        let patience = self.settings.absence;
        if (self.farewell.deadline(patience)).is_some_and(|deadline| deadline <= now) {
            return Err(Stop::End(LinkEnd::PeerClosed));
        }
        while let Some(due) = self.liveness.due(now) {
            match due {
                Due::End(end) => return Err(Stop::End(end)),
                Due::Silence => {
                    self.receive.silent();
                    return Err(Stop::Lost(Loss::Failed));
                }
                Due::Beat => {
                    self.liveness.sent(now);
                    self.beat();
                }
            }
        }
        Ok(())
    }

    fn beat(&mut self) {
        let received = self.session.tell();
        self.say(Control::Beat { received });
    }

    /// Says what taking leave asks for; false if that is nothing, as the link is closed.
    fn take_leave(&mut self, step: Step) -> bool {
        let received = self.session.tell();
        match step {
            Step::SayClosing => self.say(Control::Closing { received }),
            Step::SayGoodbye => self.say(Control::Goodbye { received }),
            Step::Closed => return false,
        }
        true
    }

    fn say(&mut self, control: Control) {
        if let Err(error) = control.write(&mut self.between) {
            tracing::error!(%error, "a message between the ends of a link cannot be encoded");
        }
    }

    /// Hands on the frames that have come.
    fn hand_on(&mut self) -> Result<(), Stop> {
        let mut wrong = None;
        for frame in self.frames.drain(..) {
            let length = frame.len();
            let taken = match Came::read(frame) {
                Some(Came::Data(_)) if self.farewell.is_peer_done() => {
                    Err("it went on after its end".to_owned())
                }
                Some(Came::Data(frame)) => {
                    self.session.receive(length);
                    self.data.push(frame);
                    Ok(())
                }
                Some(Came::Control(control)) => {
                    let confirmed = self.session.confirm(control.received());
                    confirmed.map_err(|claim| claim.to_string()).and_then(|()| {
                        match self.farewell.hear(control) {
                            true => Ok(()),
                            false => Err("it took leave out of turn".to_owned()),
                        }
                    })
                }
                None => Err("it sent what is no message".to_owned()),
            };
            if let Err(reason) = taken {
                wrong = Some(reason);
                break;
            }
        }
        if !self.data.is_empty() {
            self.receive.received(&mut self.data);
            self.data.clear();
        }
        match wrong {
            None => Ok(()),
            Some(reason) => Err(Stop::End(LinkEnd::Misspoke(reason))),
        }
    }
}

fn reset(timer: std::pin::Pin<&mut Sleep>, deadline: Instant) {
    timer.reset(deadline.into());
}
