//! The model's batch system: jobs, and the agents that join from them.

use std::time::{Duration, Instant};

use super::super::super::asking::Refused;
use super::super::super::block::BlockId;
use super::super::super::joining::Joining;
use super::{CORES, Coming, Host, World};
use crate::Capacity;
use crate::provider::{JobEnd, JobId, JobState, JobStatus, Refusal};
use crate::transport::LinkEnd;

/// How the batch system and its machines do.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Health {
    /// Its commands are not answered.
    pub(in super::super) is_unreachable: bool,
    /// It has as many jobs as it may have.
    pub(in super::super) is_full: bool,
    /// It refuses every request.
    pub(in super::super) is_refusing: bool,
    /// Jobs end as soon as they begin.
    pub(in super::super) fails_jobs: bool,
    /// It says that it cancels jobs, and does not.
    pub(in super::super) is_lying: bool,
    /// Agents do not end when they are told to.
    pub(in super::super) is_deaf: bool,
    /// Jobs run and their agents are not heard of.
    pub(in super::super) hides_agents: bool,
}

#[derive(Debug)]
pub(in super::super) struct Job {
    pub(in super::super) block: BlockId,
    pub(in super::super) state: JobState,
    starts: Instant,
    pub(super) agents: u32,
    cancelled: bool,
}

impl World {
    /// Ends a job; its agents are told before, if it is ended in good order.
    pub(in super::super) fn end_job(&mut self, id: &JobId, end: JobEnd) {
        let Some(job) = self.jobs.get_mut(id) else {
            return;
        };
        if matches!(job.state, JobState::Over(_)) {
            return;
        }
        job.state = JobState::Over(end);
        job.cancelled = true;
        let is_told = matches!(
            end,
            JobEnd::Cancelled | JobEnd::TimedOut | JobEnd::Preempted
        );
        for node in self.connected() {
            if self.hosts[&node].job != *id {
                continue;
            }
            if is_told {
                self.with(|state, now, commands| state.leaving(node, now, commands));
                self.in_millis(100, 2_000, Coming::Ended(node, LinkEnd::PeerClosed));
            } else {
                self.in_millis(100, 2_000, Coming::Ended(node, LinkEnd::Gone));
            }
        }
    }

    pub(super) fn answer_submit(&mut self, block: BlockId) {
        let refused = |reason: &str, refusal| Refused {
            reason: reason.to_owned(),
            refusal,
        };
        let answer = if self.health.is_unreachable {
            Err(refused(
                "unable to contact the controller",
                Refusal::NoAnswer,
            ))
        } else if self.health.is_full {
            Err(refused("QOSMaxSubmitJobPerUserLimit", Refusal::NotNow))
        } else if self.health.is_refusing {
            Err(refused("invalid partition", Refusal::ForGood))
        } else {
            self.last_job += 1;
            let id = JobId(self.last_job.to_string());
            let wait = self.chance(self.queue_time * 1_000 + 1);
            let starts = self.now + Duration::from_millis(wait);
            self.jobs.insert(
                id.clone(),
                Job {
                    block,
                    state: JobState::Pending,
                    starts,
                    agents: 0,
                    cancelled: false,
                },
            );
            self.coming.push((starts, Coming::JobStarts(id.clone())));
            Ok(id)
        };
        self.with(|state, now, commands| state.submitted(block, answer, now, commands));
        assert!(
            self.alive_jobs().len() <= self.state.plan.max as usize,
            "more jobs than there may be"
        );
    }

    pub(super) fn start_job(&mut self, id: &JobId) {
        let (health, nodes) = (self.health, self.state.plan.nodes);
        let walltime = self.state.plan.walltime;
        let Some(job) = self.jobs.get_mut(id).filter(|job| !job.cancelled) else {
            return;
        };
        job.state = JobState::Running;
        job.starts = self.now;
        job.agents = nodes;
        self.coming.push((
            self.now + walltime,
            Coming::JobEnds(id.clone(), JobEnd::TimedOut),
        ));
        if health.fails_jobs {
            self.in_millis(100, 1_000, Coming::JobEnds(id.clone(), JobEnd::Failed));
        } else if !health.hides_agents {
            for number in 0..nodes {
                self.in_millis(300, 4_000, Coming::Joins(id.clone(), number));
            }
        }
    }

    pub(super) fn join(&mut self, id: &JobId, number: u32) {
        let Some(job) = self
            .jobs
            .get(id)
            .filter(|job| job.state == JobState::Running)
        else {
            return;
        };
        let joining = Joining {
            block: job.block,
            name: node_name(id, number),
            capacity: Capacity {
                async_bodies: 0,
                cores: CORES,
                memory: 1 << 30,
                gpus: 0,
            },
            age: Some(self.now - job.starts),
        };
        let host = Host {
            job: id.clone(),
            is_offered: false,
            calls: 0,
            is_connected: true,
            generation: 0,
            cores: CORES,
        };
        let joined = self.with(|state, now, commands| state.joined(joining, now, commands));
        match joined {
            Ok(node) => {
                let is_offered = self.until.contains_key(&node);
                self.hosts.insert(node, Host { is_offered, ..host });
            }
            Err(_) => self.in_millis(10, 100, Coming::AgentGone(id.clone())),
        }
    }

    pub(super) fn status_of(&self, id: &JobId) -> JobStatus {
        let job = &self.jobs[id];
        JobStatus {
            state: job.state,
            word: format!("{:?}", job.state),
            reason: None,
            nodes: Vec::new(),
            left: None,
            exit: None,
        }
    }
}

/// Jobs take turns on four machines.
pub(in super::super) fn node_name(job: &JobId, number: u32) -> String {
    let job: u32 = job.0.parse().unwrap();
    format!("n{}", (job * 2 + number) % 4)
}
