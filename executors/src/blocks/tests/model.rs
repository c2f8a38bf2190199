use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use super::super::block::BlockId;
use super::super::command::Command;
use super::super::node::NodeId;
use super::super::plan::Plan;
use super::super::scaling::Waiting;
use super::super::state::State;
use crate::provider::{JobEnd, JobId, JobState};
use crate::transport::LinkEnd;
use crate::{Capacity, Demand, Wanted};

mod batch;

pub(super) use batch::{Health, Job, node_name};

/// What will come to pass.
#[derive(Clone, Debug)]
enum Coming {
    Submitted(BlockId),
    JobStarts(JobId),
    Joins(JobId, u32),
    CallEnds(NodeId, u32),
    Polled(Vec<JobId>),
    Cancelled(Vec<JobId>),
    Output(BlockId),
    Ended(NodeId, LinkEnd),
    Back(NodeId),
    AgentGone(JobId),
    JobEnds(JobId, JobEnd),
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) job: JobId,
    pub(super) is_offered: bool,
    pub(super) calls: u32,
    /// The agent is there, as far as this side of the connection goes.
    pub(super) is_connected: bool,
    /// Numbers what runs there, so that what was returned does not end.
    generation: u32,
    cores: u32,
}

/// A batch system, nodes, and a kernel whose calls take a core each.
pub(super) struct World {
    pub(super) state: State,
    pub(super) now: Instant,
    pub(super) begun: Instant,
    pub(super) health: Health,
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) hosts: BTreeMap<NodeId, Host>,
    coming: Vec<(Instant, Coming)>,
    pub(super) waiting: u32,
    told: u32,
    pub(super) done: u32,
    pub(super) submissions: Vec<Instant>,
    pub(super) polls: Vec<Instant>,
    pub(super) cancels: u32,
    pub(super) excluded: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) broken: Option<String>,
    pub(super) largest: Option<Capacity>,
    pub(super) until: BTreeMap<NodeId, Instant>,
    /// How long jobs wait for nodes, in seconds at most.
    pub(super) queue_time: u64,
    /// How long calls take, in seconds at most.
    pub(super) call_time: u64,
    pub(super) timeout: Option<Duration>,
    pub(super) output: Option<String>,
    last_job: u32,
    chance: u64,
}

pub(super) const CORES: u32 = 4;

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl World {
    pub(super) fn new(plan: Plan, seed: u64) -> Self {
        let now = Instant::now();
        let mut world = Self {
            state: State::new(plan),
            now,
            begun: now,
            health: Health::default(),
            jobs: BTreeMap::new(),
            hosts: BTreeMap::new(),
            coming: Vec::new(),
            waiting: 0,
            told: 0,
            done: 0,
            submissions: Vec::new(),
            polls: Vec::new(),
            cancels: 0,
            excluded: Vec::new(),
            warnings: Vec::new(),
            broken: None,
            largest: None,
            until: BTreeMap::new(),
            queue_time: 3,
            call_time: 10,
            timeout: None,
            output: None,
            last_job: 0,
            chance: seed,
        };
        world.with(|state, now, commands| state.woken(now, commands));
        world
    }

    /// A number below the given one.
    fn chance(&mut self, below: u64) -> u64 {
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.chance >> 33) % below.max(1)
    }

    fn in_millis(&mut self, least: u64, most: u64, coming: Coming) {
        let millis = least + self.chance(most - least + 1);
        let at = self.now + Duration::from_millis(millis);
        self.coming.push((at, coming));
    }

    pub(super) fn with<R>(
        &mut self,
        act: impl FnOnce(&mut State, Instant, &mut Vec<Command>) -> R,
    ) -> R {
        let mut commands = Vec::new();
        let result = act(&mut self.state, self.now, &mut commands);
        self.state.check();
        for command in commands {
            self.perform(command);
        }
        result
    }

    fn perform(&mut self, command: Command) {
        match command {
            Command::Submit { block, exclude } => {
                self.submissions.push(self.now);
                self.excluded = exclude;
                self.in_millis(50, 1_500, Coming::Submitted(block));
            }
            Command::Cancel { jobs } => {
                self.cancels += 1;
                self.in_millis(50, 500, Coming::Cancelled(jobs));
            }
            Command::Poll { jobs } => {
                self.polls.push(self.now);
                self.in_millis(50, 500, Coming::Polled(jobs));
            }
            Command::ReadOutput { block } => self.in_millis(1, 10, Coming::Output(block)),
            Command::Offer { node, until, .. } => {
                self.until.insert(node, until);
                if let Some(host) = self.hosts.get_mut(&node) {
                    host.is_offered = true;
                }
                // Calls are bound to it a moment later.
                self.in_millis(1, 300, Coming::Back(node));
            }
            Command::Withdraw { node } => {
                self.until.remove(&node);
                if let Some(host) = self.hosts.get_mut(&node) {
                    host.is_offered = false;
                }
            }
            Command::Close { .. } if self.health.is_deaf => {}
            Command::Close { node } => {
                self.in_millis(100, 1_000, Coming::Ended(node, LinkEnd::PeerClosed));
            }
            Command::Abort { node } => self.in_millis(0, 0, Coming::Ended(node, LinkEnd::Closed)),
            Command::Largest { capacity } => self.largest = Some(capacity),
            Command::Broken { reason } => {
                self.waiting = 0;
                self.broken = Some(reason);
            }
            Command::Warn { text } => self.warnings.push(text),
            Command::StatusChanged => {
                let status = self.state.status(self.now, SystemTime::UNIX_EPOCH, |_| 0);
                assert_eq!(status.blocks.len(), self.state.blocks.len());
            }
            Command::OfferAhead { .. } | Command::Drain { .. } | Command::Over { .. } => {}
        }
    }

    /// Adds calls that wait.
    pub(super) fn submit_calls(&mut self, calls: u32) {
        if self.broken.is_none() {
            self.waiting += calls;
            self.bind();
        }
    }

    /// Sends calls that wait to nodes, and tells how many are left.
    fn bind(&mut self) {
        let nodes: Vec<_> = self.hosts.keys().copied().collect();
        for id in nodes {
            while let Some(host) = self.hosts.get_mut(&id)
                && host.is_offered
                && host.calls < host.cores
                && self.waiting > 0
                && self
                    .timeout
                    .is_none_or(|timeout| self.now + timeout <= self.until[&id])
            {
                host.calls += 1;
                self.waiting -= 1;
                let (calls, generation) = (host.calls, host.generation);
                let longest = self.call_time * 1_000;
                self.in_millis(
                    10 + longest / 2,
                    20 + longest,
                    Coming::CallEnds(id, generation),
                );
                if calls == 1 {
                    self.with(|state, now, commands| state.calls(id, 1, now, commands));
                }
            }
        }
        let is_news = (self.waiting == 0) != (self.told == 0)
            || self.waiting >= self.told * 2
            || self.waiting * 2 <= self.told;
        if is_news && self.waiting != self.told {
            self.told = self.waiting;
            let mut wanted = Wanted::default();
            let demand = Demand {
                async_bodies: 0,
                cores: 1,
                memory: 0,
                gpus: 0,
            };
            wanted.add(self.waiting.into(), &demand, self.timeout);
            self.with(|state, now, commands| state.wanted(Waiting::Calls(wanted), now, commands));
        }
    }

    /// The calls of a node come back, and its connection ends.
    pub(super) fn lose(&mut self, id: NodeId, end: &LinkEnd) {
        let Some(host) = self.hosts.get_mut(&id) else {
            return;
        };
        if !std::mem::take(&mut host.is_connected) {
            return;
        }
        let calls = std::mem::take(&mut host.calls);
        host.generation += 1;
        host.is_offered = false;
        let job = host.job.clone();
        if self.broken.is_none() {
            self.waiting += calls;
        }
        self.with(|state, now, commands| state.node_ended(id, end, now, commands));
        if calls > 0 {
            self.with(|state, now, commands| state.calls(id, 0, now, commands));
        }
        self.in_millis(100, 500, Coming::AgentGone(job));
        self.bind();
    }

    pub(super) fn connected(&self) -> Vec<NodeId> {
        let connected = self.hosts.iter().filter(|(_, host)| host.is_connected);
        connected.map(|(id, _)| *id).collect()
    }

    pub(super) fn alive_jobs(&self) -> Vec<JobId> {
        let alive = |job: &Job| !matches!(job.state, JobState::Over(_));
        let jobs = self.jobs.iter().filter(|(_, job)| alive(job));
        jobs.map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn silence(&mut self, id: NodeId) {
        self.with(|state, now, commands| state.silent(id, now, commands));
        self.in_millis(1_000, 60_000, Coming::Back(id));
    }

    fn happen(&mut self, coming: Coming) {
        match coming {
            Coming::Submitted(block) => self.answer_submit(block),
            Coming::JobStarts(id) => self.start_job(&id),
            Coming::Joins(id, number) => self.join(&id, number),
            Coming::CallEnds(node, generation) => {
                if let Some(host) = self.hosts.get_mut(&node)
                    && host.generation == generation
                {
                    host.calls -= 1;
                    self.done += 1;
                    if host.calls == 0 {
                        self.with(|state, now, commands| state.calls(node, 0, now, commands));
                    }
                    self.bind();
                }
            }
            Coming::Polled(jobs) => {
                let answer = if self.health.is_unreachable {
                    Err("unable to contact the controller".to_owned())
                } else {
                    Ok(jobs
                        .iter()
                        .map(|id| (id.clone(), self.status_of(id)))
                        .collect())
                };
                self.with(|state, now, commands| state.polled(answer, now, commands));
            }
            Coming::Cancelled(jobs) => {
                let answer = if self.health.is_unreachable {
                    Err("unable to contact the controller".to_owned())
                } else {
                    let lies = self.health.is_lying;
                    for job in jobs.iter().filter(|_| !lies) {
                        self.end_job(job, JobEnd::Cancelled);
                    }
                    Ok(())
                };
                self.with(|state, now, commands| state.cancelled(&jobs, &answer, now, commands));
            }
            Coming::Output(block) => {
                let output = self.output.clone();
                self.with(|state, now, commands| {
                    state.output(block, output.as_deref(), now, commands);
                });
            }
            Coming::Ended(node, end) => self.lose(node, &end),
            Coming::Back(node) => {
                if self.hosts.get(&node).is_some_and(|host| host.is_connected) {
                    self.with(|state, now, commands| state.back(node, now, commands));
                }
                self.bind();
            }
            Coming::AgentGone(id) => {
                if let Some(job) = self.jobs.get_mut(&id) {
                    job.agents = job.agents.saturating_sub(1);
                    if job.agents == 0 {
                        self.in_millis(100, 1_000, Coming::JobEnds(id, JobEnd::Completed));
                    }
                }
            }
            Coming::JobEnds(id, end) => self.end_job(&id, end),
        }
    }

    /// Lets so much time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut wakes = (self.now, 0);
        loop {
            let next = self.coming.iter().map(|(at, _)| *at).min();
            let wake = self.state.wake;
            let Some(at) = next.into_iter().chain(wake).min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(at);
            let place = self.coming.iter().position(|(due, _)| *due <= self.now);
            match place {
                // In order, as far as that is told by time.
                Some(_) if next == Some(at) => {
                    let earliest = self.coming.iter().enumerate().min_by_key(|(_, due)| due.0);
                    let place = earliest.map_or(0, |(place, _)| place);
                    let (_, coming) = self.coming.remove(place);
                    self.happen(coming);
                }
                _ => {
                    wakes = (self.now, if wakes.0 == self.now { wakes.1 + 1 } else { 0 });
                    assert!(wakes.1 < 100, "woken again and again");
                    self.with(|state, now, commands| state.woken(now, commands));
                }
            }
        }
        self.now = end;
    }

    /// Lets time pass until something holds; whether it does within the given time.
    pub(super) fn until(&mut self, most: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + most;
        while !holds(self) {
            if self.now >= end {
                return false;
            }
            self.pass(Duration::from_millis(100));
        }
        true
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting == 0 && self.hosts.values().all(|host| host.calls == 0)
    }

    /// Whether some warning says this.
    pub(super) fn was_warned(&self, part: &str) -> bool {
        self.warnings.iter().any(|warning| warning.contains(part))
    }
}
