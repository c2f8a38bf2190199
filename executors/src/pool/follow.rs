//! Commands that follow on others: given to the node before there is room for them, so that who
//! kept the one goes on with the other, and no core waits for the driver meanwhile.

use super::job::{Command, JobId, JobState, Payload, Stopping};
use super::state::State;
use crate::{AttemptId, TaskKind};

impl<P: Payload> State<P> {
    /// Has a command follow on one that runs; false if each of these has a follower.
    pub(super) fn follow(&mut self, id: JobId, commands: &mut Vec<Command<P>>) -> bool {
        let Some(first) = self.unfollowed.pop_front() else {
            return false;
        };
        if let Some(entry) = self.entry_mut(first) {
            entry.follower = Some(id);
        }
        if let Some(entry) = self.entry_mut(id) {
            entry.state = JobState::Following(first);
            let payload = entry.job.payload.clone();
            commands.push(Command::Execute {
                payload,
                gpus: Vec::new(),
            });
        }
        self.following.push_back(id);
        true
    }

    /// A command of one core runs now, and may be followed on.
    pub(super) fn note_unfollowed(&mut self, id: JobId) {
        let is_light = self
            .entry(id)
            .is_some_and(|entry| !self.is_heavy(&entry.job) && entry.stopping == Stopping::No);
        if is_light {
            self.unfollowed.push_back(id);
        }
    }

    /// A command has ended: its follower, if it has one, runs in its place.
    pub(super) fn end_followed(&mut self, id: JobId) {
        let Some(entry) = self.entry_mut(id) else {
            return;
        };
        let Some(follower) = entry.follower.take() else {
            self.unfollowed.retain(|unfollowed| *unfollowed != id);
            return;
        };
        // Both are light, so what the one held is what the other takes.
        let charge = entry.charge.take();
        self.following.retain(|following| *following != follower);
        if let Some(entry) = self.entry_mut(follower) {
            entry.state = JobState::Executing;
            entry.charge = charge;
        }
        self.begins(follower);
        self.note_unfollowed(follower);
    }

    /// A command follows on nothing any more.
    pub(super) fn unfollow(&mut self, id: JobId) {
        let Some(JobState::Following(first)) = self.entry(id).map(|entry| entry.state) else {
            return;
        };
        self.following.retain(|following| *following != id);
        if let Some(entry) = self.entry_mut(first) {
            entry.follower = None;
        }
        self.note_unfollowed(first);
    }

    /// Has commands begun now that follow on others, where there is room after all.
    pub(super) fn release_followers(&mut self, commands: &mut Vec<Command<P>>) {
        if !self.light.is_empty() || !self.scripts.is_empty() || !self.heavy.is_empty() {
            return;
        }
        while let Some(&id) = self.following.front() {
            let Some(demand) = self.entry(id).map(|entry| entry.job.demand) else {
                return;
            };
            if !self.free.take(&demand) {
                return;
            }
            self.unfollow(id);
            let Some(entry) = self.entry_mut(id) else {
                return;
            };
            entry.state = JobState::Executing;
            entry.charge = Some(demand);
            let attempt = entry.job.attempt;
            self.begins(id);
            self.note_unfollowed(id);
            commands.push(Command::Release { attempt });
        }
    }

    /// Notes that a command is given to the node, and tells on which one it follows now.
    pub(super) fn give(&mut self, attempt: AttemptId) -> Option<AttemptId> {
        let id = self.find(attempt)?;
        let entry = self.entry_mut(id)?;
        entry.is_given = true;
        match entry.state {
            JobState::Following(first) => self.entry(first).map(|first| first.job.attempt),
            _ => None,
        }
    }

    /// The commands that are with the node.
    pub(super) fn at_node(&self) -> Vec<JobId> {
        self.jobs()
            .filter(|(_, entry)| {
                entry.job.kind == TaskKind::Command && entry.state != JobState::Queued
            })
            .map(|(id, _)| id)
            .collect()
    }
}
