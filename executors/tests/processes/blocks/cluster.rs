//! A batch system whose jobs are processes of this machine.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use chiltepin_executors::provider::{
    BlockRequest, JobEnd, JobId, JobState, JobStatus, Provider, ProviderError,
};
use chiltepin_executors::start::START_VARIABLE;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};

/// Starts a block's agents as its job.
#[derive(Debug)]
pub(crate) struct Cluster {
    nodes: u32,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    jobs: Vec<Job>,
    /// Says no to every request, with these words.
    refusal: Option<String>,
    /// Jobs wait for nodes.
    is_full: bool,
    /// Jobs run this instead of their agents.
    instead: Option<&'static str>,
    polls: u32,
}

#[derive(Debug)]
struct Job {
    id: JobId,
    request: BlockRequest,
    agents: Vec<Child>,
    end: Option<JobEnd>,
}

impl Cluster {
    pub(crate) fn new(nodes: u32) -> Self {
        Self {
            nodes,
            inner: Mutex::default(),
        }
    }

    pub(crate) fn refuse(&self, words: &str) {
        self.inner.lock().refusal = Some(words.to_owned());
    }

    pub(crate) fn fill(&self) {
        self.inner.lock().is_full = true;
    }

    pub(crate) fn run_instead(&self, script: &'static str) {
        self.inner.lock().instead = Some(script);
    }

    /// How many blocks were asked for.
    pub(crate) fn submissions(&self) -> usize {
        self.inner.lock().jobs.len()
    }

    pub(crate) fn polls(&self) -> u32 {
        self.inner.lock().polls
    }

    /// The jobs that are not over.
    pub(crate) fn alive(&self) -> Vec<JobId> {
        let mut inner = self.inner.lock();
        inner.jobs.iter_mut().for_each(Job::look);
        let alive = inner.jobs.iter().filter(|job| job.end.is_none());
        alive.map(|job| job.id.clone()).collect()
    }

    /// Ends a job as somebody does who cancels it.
    pub(crate) fn end(&self, id: &JobId, end: JobEnd) {
        let mut inner = self.inner.lock();
        let job = inner.jobs.iter_mut().find(|job| job.id == *id).unwrap();
        job.end_by(Signal::TERM, end);
    }

    /// Kills one of a job's agents, as a machine does that fails.
    pub(crate) fn kill(&self, id: &JobId, agent: usize) {
        let mut inner = self.inner.lock();
        let job = inner.jobs.iter_mut().find(|job| job.id == *id).unwrap();
        job.agents[agent].kill().unwrap();
    }

    fn start(&self, request: &BlockRequest, job: usize, instead: Option<&str>) -> Vec<Child> {
        let output = File::create(&request.output).unwrap();
        let agents = (0..self.nodes).map(|number| {
            let mut command = match instead {
                Some(script) => {
                    let mut command = Command::new("sh");
                    command.args(["-c", script]);
                    command
                }
                None => {
                    let mut command = Command::new(&request.program);
                    command.args(&request.arguments);
                    command
                }
            };
            command
                .env(START_VARIABLE, &request.claim)
                .env("SLURMD_NODENAME", format!("job{job}-n{number}"))
                .stdin(Stdio::null())
                .stdout(output.try_clone().unwrap())
                .stderr(output.try_clone().unwrap());
            command.spawn().unwrap()
        });
        agents.collect()
    }
}

impl Job {
    fn look(&mut self) {
        if self.end.is_some() || self.agents.is_empty() {
            return;
        }
        let codes: Vec<_> = self
            .agents
            .iter_mut()
            .map(|agent| agent.try_wait().unwrap())
            .collect();
        if codes.iter().all(Option::is_some) {
            let is_good = codes.iter().flatten().all(|code| code.success());
            self.end = Some(if is_good {
                JobEnd::Completed
            } else {
                JobEnd::Failed
            });
        }
    }

    fn end_by(&mut self, signal: Signal, end: JobEnd) {
        self.look();
        if self.end.is_none() {
            self.end = Some(end);
            for agent in &mut self.agents {
                if agent.try_wait().unwrap().is_none() {
                    let pid = Pid::from_child(agent);
                    let _ = kill_process(pid, signal);
                }
            }
        }
    }

    fn status(&self) -> JobStatus {
        let state = match self.end {
            Some(end) => JobState::Over(end),
            None if self.agents.is_empty() => JobState::Pending,
            None => JobState::Running,
        };
        JobStatus {
            state,
            word: match state {
                JobState::Pending => "PENDING".to_owned(),
                JobState::Running => "RUNNING".to_owned(),
                JobState::Over(end) => format!("{end:?}").to_uppercase(),
                _ => String::new(),
            },
            reason: (state == JobState::Pending).then(|| "Resources".to_owned()),
            nodes: Vec::new(),
            left: None,
            exit: None,
        }
    }
}

#[async_trait]
impl Provider for Cluster {
    fn name(&self) -> &'static str {
        "Slurm"
    }

    fn render(&self, _request: &BlockRequest) -> String {
        String::new()
    }

    async fn submit(&self, request: &BlockRequest) -> Result<JobId, ProviderError> {
        let mut inner = self.inner.lock();
        if let Some(message) = inner.refusal.clone() {
            return Err(ProviderError::Refused {
                command: "sbatch".to_owned(),
                message,
            });
        }
        let number = inner.jobs.len() + 1;
        let id = JobId(number.to_string());
        let agents = if inner.is_full {
            Vec::new()
        } else {
            self.start(request, number, inner.instead)
        };
        inner.jobs.push(Job {
            id: id.clone(),
            request: request.clone(),
            agents,
            end: None,
        });
        Ok(id)
    }

    async fn poll(&self, jobs: &[JobId]) -> Result<Vec<(JobId, JobStatus)>, ProviderError> {
        let mut inner = self.inner.lock();
        inner.polls += 1;
        inner.jobs.iter_mut().for_each(Job::look);
        let asked = inner.jobs.iter().filter(|job| jobs.contains(&job.id));
        Ok(asked.map(|job| (job.id.clone(), job.status())).collect())
    }

    async fn cancel(&self, jobs: &[JobId]) -> Result<(), ProviderError> {
        let mut inner = self.inner.lock();
        for job in inner.jobs.iter_mut().filter(|job| jobs.contains(&job.id)) {
            job.end_by(Signal::TERM, JobEnd::Cancelled);
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for job in &mut self.inner.lock().jobs {
            for agent in &mut job.agents {
                // Those that have been told to end are given the time to take theirs along.
                for _ in 0..500 {
                    if agent.try_wait().unwrap().is_some() {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
                let _ = agent.kill();
                let _ = agent.wait();
            }
            assert!(!job.request.claim.exists(), "a claim is left");
        }
    }
}
