//! The allocation that this process runs in: its nodes are there already, and a block is a step on
//! some of them.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Child;
use tokio::sync::Mutex;

use super::commands::Commands;
use super::script::{Script, check};
use super::{
    BatchSettings, BlockRequest, JobEnd, JobId, JobState, JobStatus, Provider, ProviderError, pbs,
    slurm,
};

/// How long a step that was told to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(10);

/// What a step of Slurm's puts into its environment, and would take for options of one within it.
const STEP_PREFIXES: [&str; 14] = [
    "SLURM_STEP",
    "SLURM_CPU_BIND",
    "SLURM_MEM_BIND",
    "SLURM_SRUN_",
    "SLURM_LAUNCH_NODE",
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "SLURM_NODEID",
    "SLURM_GTIDS",
    "SLURM_TASK_PID",
    "SLURM_UMASK",
    "SLURM_DISTRIBUTION",
    "SLURM_MPI_TYPE",
    "PMI",
];

/// The allocation that this process runs in.
#[derive(Debug)]
pub struct Current {
    settings: BatchSettings,
    commands: Commands,
    allocation: Allocation,
    steps: Mutex<Steps>,
}

#[derive(Debug)]
enum Allocation {
    Slurm { job: String, nodes: Vec<String> },
    Pbs { job: String },
}

#[derive(Debug, Default)]
struct Steps {
    running: BTreeMap<JobId, Step>,
    /// When the allocation ends, once that was asked; none within if it does not say.
    end: Option<Option<Instant>>,
}

/// A block's step, and the nodes that it has.
#[derive(Debug)]
struct Step {
    child: Child,
    nodes: Vec<String>,
    cancelled: bool,
    ended: Option<ExitStatus>,
}

impl Current {
    /// The allocation that the variables of these commands tell of.
    ///
    /// # Errors
    /// They tell of none, or of one that is smaller than a block.
    pub fn new(settings: BatchSettings, commands: &Commands) -> Result<Self, ProviderError> {
        let text = |name| {
            let value = commands.variable(name);
            value.map(|value| value.to_string_lossy().into_owned())
        };
        let refused = |message: String| ProviderError::Refused {
            command: "allocation = \"current\"".to_owned(),
            message,
        };
        let wanted = settings.nodes;
        let too_few = |job: &str, there: usize| {
            refused(format!(
                "the allocation `{job}` has {there} nodes, and a block takes {wanted}; set \
                 `nodes_per_block` to {there} at most"
            ))
        };
        let allocation = if let Some(job) = text("SLURM_JOB_ID") {
            let list = text("SLURM_JOB_NODELIST").or_else(|| text("SLURM_NODELIST"));
            let nodes = slurm::expand(&list.unwrap_or_default());
            if nodes.len() < usize::try_from(wanted).unwrap_or(usize::MAX) {
                return Err(too_few(&job, nodes.len()));
            }
            Allocation::Slurm { job, nodes }
        } else if let Some(job) = text("PBS_JOBID") {
            Allocation::Pbs { job }
        } else {
            return Err(refused(
                "this process runs in no allocation (neither `SLURM_JOB_ID` nor `PBS_JOBID` is \
                 set); start the program within a batch job or `salloc`, or set `allocation` to \
                 `new`"
                    .to_owned(),
            ));
        };
        let apart = |name: &str| {
            name == crate::start::START_VARIABLE
                || STEP_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        };
        Ok(Self {
            settings,
            commands: commands.without(apart),
            allocation,
            steps: Mutex::default(),
        })
    }

    fn script(&self, request: &BlockRequest, nodes: &[String]) -> Script {
        match &self.allocation {
            Allocation::Slurm { .. } => slurm::step_script(&self.settings, request, nodes),
            Allocation::Pbs { .. } => pbs::step_script(&self.settings, request),
        }
    }

    /// The nodes for one more block.
    fn free_nodes(
        &self,
        steps: &Steps,
        request: &BlockRequest,
    ) -> Result<Vec<String>, ProviderError> {
        let alive = || steps.running.values().filter(|step| step.ended.is_none());
        let refused = |message: String| ProviderError::Refused {
            command: "allocation = \"current\"".to_owned(),
            message,
        };
        match &self.allocation {
            Allocation::Slurm { job, nodes } => {
                let taken = |node: &String| alive().any(|step| step.nodes.contains(node));
                let mut free: Vec<_> = nodes.iter().filter(|node| !taken(node)).cloned().collect();
                let there = free.len();
                free.retain(|node| !request.exclude.contains(node));
                let wanted = usize::try_from(self.settings.nodes).unwrap_or(usize::MAX);
                if free.len() < wanted {
                    let (all, bad) = (nodes.len(), there - free.len());
                    return Err(refused(format!(
                        "of the {all} nodes of the allocation `{job}` {} are free, {bad} of which \
                         have failed, and a block takes {wanted}; set `max_blocks` × \
                         `nodes_per_block` to {all} at most",
                        there
                    )));
                }
                free.truncate(wanted);
                Ok(free)
            }
            // All of them: pbsdsh knows no other way.
            Allocation::Pbs { job } if alive().next().is_some() => Err(refused(format!(
                "the allocation `{job}` has a block already; set `max_blocks` to 1"
            ))),
            Allocation::Pbs { .. } => Ok(Vec::new()),
        }
    }

    /// How long the allocation still lasts, as the batch system says.
    async fn ask_left(&self) -> Option<Duration> {
        match &self.allocation {
            Allocation::Slurm { job, .. } => {
                let arguments = ["-h", "-j", job, "-o", "%L"];
                let answer = self.commands.run("squeue", arguments).await.ok()?;
                slurm::time(answer.stdout.lines().next()?)
            }
            Allocation::Pbs { job } => {
                let pbs = pbs::Pbs::new(self.settings.clone(), &self.commands);
                let polled = pbs.poll(&[JobId(job.clone())]).await.ok()?;
                polled.first()?.1.left
            }
        }
    }
}

impl Step {
    /// Looks whether it has ended.
    fn look(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
        }
        Ok(self.ended)
    }

    fn status(&mut self, left: Option<Duration>) -> JobStatus {
        let (state, word, exit) = match self.look() {
            Ok(None) => (JobState::Running, "running", None),
            Ok(Some(status)) => {
                let exit = (status.code().unwrap_or(0), status.signal().unwrap_or(0));
                let end = if self.cancelled {
                    (JobEnd::Cancelled, "cancelled")
                } else if status.success() {
                    (JobEnd::Completed, "completed")
                } else {
                    (JobEnd::Failed, "failed")
                };
                (JobState::Over(end.0), end.1, Some(exit))
            }
            Err(_) => (JobState::Unknown, "unknown", None),
        };
        JobStatus {
            state,
            word: word.to_owned(),
            reason: None,
            nodes: self.nodes.clone(),
            left: left.filter(|_| state == JobState::Running),
            exit,
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, signal);
        }
    }
}

#[async_trait]
impl Provider for Current {
    fn name(&self) -> &'static str {
        match &self.allocation {
            Allocation::Slurm { .. } => "the Slurm allocation",
            Allocation::Pbs { .. } => "the PBS allocation",
        }
    }

    fn render(&self, request: &BlockRequest) -> String {
        let nodes = match &self.allocation {
            Allocation::Slurm { nodes, .. } => &nodes[..],
            Allocation::Pbs { .. } => &[],
        };
        let count = usize::try_from(self.settings.nodes).unwrap_or(usize::MAX);
        let nodes = nodes.get(..count).unwrap_or(nodes);
        self.script(request, nodes).into_text()
    }

    async fn submit(&self, request: &BlockRequest) -> Result<JobId, ProviderError> {
        let mut steps = self.steps.lock().await;
        for step in steps.running.values_mut() {
            let _ = step.look();
        }
        check("bash", &self.settings, request)?;
        let nodes = self.free_nodes(&steps, request)?;
        self.script(request, &nodes).write(&request.script)?;
        let system = |action: String| {
            move |error: io::Error| ProviderError::System {
                action,
                message: error.to_string(),
            }
        };
        let mut options = OpenOptions::new();
        let output = options
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&request.output)
            .map_err(system(format!("open `{}`", request.output.display())))?;
        let errors = output.try_clone();
        let errors = errors.map_err(system("share a file".to_owned()))?;
        let child = self
            .commands
            .prepare("bash")?
            .arg(&request.script)
            .current_dir(&self.settings.directory)
            // It is told to end, and passes that on.
            .kill_on_drop(false)
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(errors))
            .spawn()
            .map_err(system(format!("start `{}`", request.script.display())))?;
        let job = JobId(format!("current-{}", request.block));
        let step = Step {
            child,
            nodes,
            cancelled: false,
            ended: None,
        };
        steps.running.insert(job.clone(), step);
        Ok(job)
    }

    async fn poll(&self, jobs: &[JobId]) -> Result<Vec<(JobId, JobStatus)>, ProviderError> {
        let mut steps = self.steps.lock().await;
        if steps.end.is_none() {
            let left = self.ask_left().await;
            steps.end = Some(left.and_then(|left| Instant::now().checked_add(left)));
        }
        let end = steps.end.flatten();
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let polled = jobs.iter().map(|job| {
            let status = match steps.running.get_mut(job) {
                Some(step) => step.status(left),
                None => JobStatus::forgotten(),
            };
            (job.clone(), status)
        });
        Ok(polled.collect())
    }

    async fn cancel(&self, jobs: &[JobId]) -> Result<(), ProviderError> {
        {
            let mut steps = self.steps.lock().await;
            for job in jobs {
                if let Some(step) = steps.running.get_mut(job)
                    && !matches!(step.look(), Ok(Some(_)))
                {
                    step.cancelled = true;
                    // srun, and pbsdsh, pass it on to the agents.
                    step.signal(Signal::TERM);
                }
            }
        }
        let begun = Instant::now();
        loop {
            let mut steps = self.steps.lock().await;
            let mut alive = 0;
            for job in jobs {
                if let Some(step) = steps.running.get_mut(job)
                    && !matches!(step.look(), Ok(Some(_)))
                {
                    alive += 1;
                    if begun.elapsed() >= GRACE {
                        step.signal(Signal::KILL);
                    }
                }
            }
            drop(steps);
            if alive == 0 || begun.elapsed() >= GRACE + Duration::from_secs(1) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        for step in self.steps.get_mut().running.values() {
            if step.ended.is_none() {
                // Its agents are told by srun; those that are not see that the driver is gone.
                step.signal(Signal::TERM);
            }
        }
    }
}
