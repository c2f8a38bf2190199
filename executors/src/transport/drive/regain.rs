use std::pin::pin;
use std::time::Instant;

use tokio::time::sleep_until;

use super::Drive;
use crate::transport::LinkEnd;
use crate::transport::connection::Connection;
use crate::transport::control::Answer;
use crate::transport::farewell::Farewell;
use crate::transport::link::{Arrived, Order};
use crate::transport::liveness::{Due, Loss};
use crate::transport::redial::Regained;
use crate::transport::session::FalseClaim;
use crate::wire::write_frame;

/// How a link goes on where its connection was lost.
impl Drive {
    /// Waits for another connection.
    pub(super) async fn regain(
        &mut self,
        loss: Loss,
        last: Connection,
    ) -> Result<Connection, LinkEnd> {
        self.liveness.lost(loss, Instant::now());
        self.leave_connection();
        // An agent that has given up a connection keeps it until it has another: closed, it would
        // say to the driver, once the network lets it through, that the agent is gone.
        let last = Some(last).filter(|_| self.redial.is_some() && loss == Loss::Failed);
        let redial = self.redial.take();
        let received = self.session.tell();
        let mut regaining = pin!(async {
            match redial {
                Some(mut redial) => {
                    let regained = redial.regain(received).await;
                    (redial, regained)
                }
                None => std::future::pending().await,
            }
        });
        loop {
            match self.link.take(&mut self.session) {
                Order::GoOn { .. } => {}
                Order::Abort => return Err(LinkEnd::Aborted),
                Order::Arrival(arrived) => return self.take_back(*arrived),
            }
            while let Some(due) = self.liveness.due(Instant::now()) {
                match due {
                    Due::End(end) => return Err(end),
                    Due::Silence => self.receive.silent(),
                    Due::Beat => {}
                }
            }
            if !self.link.doze() {
                continue;
            }
            tokio::select! {
                biased;
                (redial, regained) = &mut regaining => {
                    drop(last);
                    self.redial = Some(redial);
                    let Regained { connection, frames, received } = regained?;
                    self.frames = frames;
                    self.go_on(received)?;
                    return Ok(connection);
                }
                () = self.link.woken() => {}
                () = sleep_until(self.liveness.next().into()) => {}
            }
        }
    }

    /// Takes back a peer that has come again.
    pub(super) fn take_back(&mut self, arrived: Arrived) -> Result<Connection, LinkEnd> {
        self.leave_connection();
        let Arrived {
            connection,
            received: its,
            ..
        } = arrived;
        match its {
            // It has not heard the welcome, so it has nothing.
            None => self.between.extend_from_slice(&self.welcome),
            Some(_) => {
                // It never asks for it again.
                self.welcome = Vec::new();
                let received = self.session.tell();
                let answer = Answer::Resumed { received };
                if let Err(error) = write_frame(&mut self.between, &answer, &[]) {
                    return Err(LinkEnd::Misspoke(error.to_string()));
                }
            }
        }
        self.go_on(its.unwrap_or(0))?;
        Ok(connection)
    }

    /// What was begun over the last connection is void.
    fn leave_connection(&mut self) {
        self.between.clear();
        self.frames.clear();
        self.farewell = Farewell::default();
    }

    fn go_on(&mut self, received: u64) -> Result<(), LinkEnd> {
        let resumed = self.session.resume(received);
        resumed.map_err(|claim: FalseClaim| LinkEnd::Misspoke(claim.to_string()))?;
        if self.liveness.regained(Instant::now()) {
            self.receive.back();
        }
        Ok(())
    }
}
