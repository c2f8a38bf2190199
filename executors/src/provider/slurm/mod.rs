//! Slurm: blocks are batch jobs, and their agents one step of each.
//!
//! ```text
//!   script    a block as a batch script, or as a step of an allocation   (pure)
//!   parse     what sbatch, squeue, sacct and scontrol print              (pure)
//!   states    what states and reasons mean          nodes   `n[1-3]`     (pure)
//!   refusals  whether Slurm says no, or not now                          (pure)
//! ```

mod nodes;
mod parse;
mod refusals;
mod script;
mod states;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::commands::Commands;
use super::script::check;
use super::unanswered::Unanswered;
use super::{
    BatchSettings, BlockRequest, JobEnd, JobId, JobState, JobStatus, NamedJob, Provider,
    ProviderError, Refusal,
};

pub(super) use nodes::expand;
pub(super) use parse::time;
use parse::{ACCOUNT_FORMAT, QUEUE_FORMAT, Queued, has_exit_code};
use refusals::refusal;
pub(super) use script::step_script;

const SUBMIT: &str = "sbatch";
const QUEUE: &str = "squeue";
const CANCEL: &str = "scancel";
const ACCOUNT: &str = "sacct";
const CONTROL: &str = "scontrol";
const NODES: &str = "sinfo";

const CURE: &str = "run this where Slurm's users log in, load the module that provides it, or \
                    install Slurm's client commands";

/// How long a job may take to be seen after its submission was not answered.
const SEEN_AFTER: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// Slurm, as its users' commands show it.
#[derive(Debug)]
pub struct Slurm {
    settings: BatchSettings,
    commands: Commands,
    /// The names of jobs whose submission was not answered: they may be there all the same.
    unanswered: Unanswered,
    /// Whether sacct has said that there are no accounts here.
    no_accounts: AtomicBool,
}

impl Slurm {
    /// Asks for blocks with these settings, by these commands.
    #[must_use]
    pub fn new(settings: BatchSettings, commands: &Commands) -> Self {
        Self {
            settings,
            commands: commands.outside_of_jobs().with_cure(CURE),
            unanswered: Unanswered::default(),
            no_accounts: AtomicBool::new(false),
        }
    }

    /// Asks whether Slurm would take a block, and gives its own words: when and where the block
    /// would start.
    ///
    /// # Errors
    /// It would be refused, or Slurm did not answer.
    pub async fn test(&self, request: &BlockRequest) -> Result<String, ProviderError> {
        self.write(request)?;
        let arguments = [OsStr::new("--test-only"), request.script.as_os_str()];
        let answer = self.commands.run(SUBMIT, arguments).await?;
        if answer.success {
            Ok(answer.words())
        } else {
            Err(refusal(SUBMIT, &answer))
        }
    }

    /// The cores of the nodes of this resource's partition, fewest first; none if there are no
    /// nodes.
    ///
    /// # Errors
    /// Slurm did not answer.
    pub async fn cores(&self) -> Result<Vec<u32>, ProviderError> {
        let mut arguments = vec!["-h".to_owned(), "-o".to_owned(), "%c|%P".to_owned()];
        if let Some(partition) = &self.settings.partition {
            arguments.extend(["-p".to_owned(), partition.clone()]);
        }
        let answer = self.commands.run(NODES, &arguments).await?;
        if !answer.success {
            return Err(refusal(NODES, &answer));
        }
        let mut cores = parse::cores(&answer.stdout, self.settings.partition.is_none());
        cores.sort_unstable();
        Ok(cores)
    }

    fn write(&self, request: &BlockRequest) -> Result<(), ProviderError> {
        check(SUBMIT, &self.settings, request)?;
        script::batch_script(&self.settings, request).write(&request.script)
    }

    /// Submits the script once.
    async fn submit_once(&self, request: &BlockRequest) -> Result<JobId, ProviderError> {
        let arguments = [OsStr::new("--parsable"), request.script.as_os_str()];
        let answer = self.commands.run(SUBMIT, arguments).await?;
        if !answer.success {
            return Err(refusal(SUBMIT, &answer));
        }
        if !answer.stderr.trim().is_empty() {
            tracing::info!(block = request.block, said = answer.stderr.trim(), "sbatch");
        }
        parse::submitted(&answer.stdout).ok_or_else(|| ProviderError::Failed {
            command: SUBMIT.to_owned(),
            message: format!("it printed no job id: {:?}", answer.stdout),
        })
    }

    /// What squeue says of jobs, and whether those that it leaves out are unknown to it.
    async fn queue(
        &self,
        cluster: Option<&str>,
        selection: [&str; 2],
    ) -> Result<Vec<Queued>, ProviderError> {
        let mut arguments = vec!["-h", "-a", "-t", "all", "-o", QUEUE_FORMAT];
        arguments.extend(selection);
        arguments.extend(cluster.map(|_| "-M"));
        arguments.extend(cluster);
        let answer = self.commands.run(QUEUE, arguments).await?;
        if answer.success {
            Ok(parse::queue(&answer.stdout))
        } else if is_unknown(&answer.stderr) {
            Ok(Vec::new())
        } else {
            Err(refusal(QUEUE, &answer))
        }
    }

    /// What the accounts say of jobs, if there are any.
    async fn accounts(&self, cluster: Option<&str>, numbers: &str) -> Vec<(String, JobStatus)> {
        if self.no_accounts.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut arguments = vec!["-P", "-n", "-X", "-o", ACCOUNT_FORMAT, "-j", numbers];
        arguments.extend(cluster.map(|_| "-M"));
        arguments.extend(cluster);
        match self.commands.run(ACCOUNT, arguments).await {
            Ok(answer) if answer.success => parse::accounts(&answer.stdout),
            Ok(answer) => {
                if answer.stderr.contains("disabled") {
                    self.no_accounts.store(true, Ordering::Relaxed);
                }
                tracing::debug!(said = answer.words(), "no accounts from sacct");
                Vec::new()
            }
            Err(error) => {
                if error.is_permanent() {
                    self.no_accounts.store(true, Ordering::Relaxed);
                }
                tracing::debug!(%error, "no accounts from sacct");
                Vec::new()
            }
        }
    }

    /// What the controller remembers of a job that has ended; none if it does not know it.
    async fn shown(
        &self,
        cluster: Option<&str>,
        number: &str,
    ) -> Result<Option<JobStatus>, ProviderError> {
        let mut arguments = vec!["-o"];
        arguments.extend(cluster.map(|_| "-M"));
        arguments.extend(cluster);
        arguments.extend(["show", "job", number]);
        let answer = self.commands.run(CONTROL, arguments).await?;
        if answer.success {
            Ok(parse::shown(&answer.stdout))
        } else if is_unknown(&answer.stderr) || is_unknown(&answer.stdout) {
            Ok(None)
        } else {
            Err(refusal(CONTROL, &answer))
        }
    }

    /// How jobs of one cluster stand, by their numbers.
    async fn poll_cluster(
        &self,
        cluster: Option<&str>,
        numbers: &[&str],
    ) -> Result<BTreeMap<String, JobStatus>, ProviderError> {
        let list = numbers.join(",");
        let queue = self.queue(cluster, ["-j", &list]).await?;
        let jobs = queue.into_iter().map(|job| (job.number, job.status));
        let mut known: BTreeMap<_, _> = jobs.collect();
        let vague: Vec<&str> = numbers
            .iter()
            .copied()
            .filter(|number| {
                known
                    .get(*number)
                    .is_none_or(|job| has_exit_code(job.state))
            })
            .collect();
        if vague.is_empty() {
            return Ok(known);
        }
        for (number, status) in self.accounts(cluster, &vague.join(",")).await {
            match known.get_mut(&number) {
                // squeue is the one to say how it stands now.
                Some(job) => job.exit = status.exit.or(job.exit),
                None if vague.contains(&&*number) => {
                    known.insert(number, status);
                }
                None => {}
            }
        }
        for number in vague {
            let job = known.get_mut(number);
            if job
                .as_ref()
                .is_some_and(|job| job.exit.is_some() || !has_exit_code(job.state))
            {
                continue;
            }
            let Some(status) = self.shown(cluster, number).await? else {
                continue;
            };
            match job {
                Some(job) => job.exit = status.exit,
                None => {
                    known.insert(number.to_owned(), status);
                }
            }
        }
        Ok(known)
    }
}

/// Slurm does not know a job of this number.
fn is_unknown(stderr: &str) -> bool {
    stderr.contains("Invalid job id")
}

/// Jobs by their clusters, those that are none of Slurm's left out.
fn by_cluster(jobs: &[JobId]) -> BTreeMap<Option<&str>, Vec<&str>> {
    let mut clusters: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (number, cluster) in jobs.iter().filter_map(parse::parts) {
        clusters.entry(cluster).or_default().push(number);
    }
    clusters
}

#[async_trait]
impl Provider for Slurm {
    fn name(&self) -> &'static str {
        "Slurm"
    }

    fn render(&self, request: &BlockRequest) -> String {
        script::batch_script(&self.settings, request).into_text()
    }

    async fn submit(&self, request: &BlockRequest) -> Result<JobId, ProviderError> {
        let name = &request.name;
        let taken = self.unanswered.look(self, name).await?;
        self.unanswered.remove(name);
        if let Some(job) = taken {
            return Ok(job);
        }
        self.write(request)?;
        let error = match self.submit_once(request).await {
            Err(error) if error.refusal() == Refusal::NoAnswer => error,
            answer => return answer,
        };
        // Slurm may have taken it: a second job would be one too many.
        self.unanswered.add(name);
        for pause in SEEN_AFTER {
            tokio::time::sleep(pause).await;
            match self.unanswered.look(self, name).await {
                Ok(None) => {}
                Ok(Some(job)) => {
                    self.unanswered.remove(name);
                    return Ok(job);
                }
                // The next submission begins by looking.
                Err(_) => break,
            }
        }
        Err(error)
    }

    async fn poll(&self, jobs: &[JobId]) -> Result<Vec<(JobId, JobStatus)>, ProviderError> {
        let mut known = BTreeMap::new();
        for (cluster, numbers) in by_cluster(jobs) {
            let polled = self.poll_cluster(cluster, &numbers).await?;
            known.extend(
                polled
                    .into_iter()
                    .map(|(number, status)| ((cluster, number), status)),
            );
        }
        let status = |job: &JobId| {
            let (number, cluster) = parse::parts(job)?;
            known.get(&(cluster, number.to_owned())).cloned()
        };
        let polled = jobs.iter();
        Ok(polled
            .map(|job| {
                (
                    job.clone(),
                    status(job).unwrap_or_else(JobStatus::forgotten),
                )
            })
            .map(|(job, mut status)| {
                if status.state == JobState::Over(JobEnd::Completed) {
                    status.exit = status.exit.or(Some((0, 0)));
                }
                (job, status)
            })
            .collect())
    }

    async fn cancel(&self, jobs: &[JobId]) -> Result<(), ProviderError> {
        for (cluster, numbers) in by_cluster(jobs) {
            let mut arguments: Vec<OsString> = Vec::new();
            if let Some(cluster) = cluster {
                arguments.extend(["-M".into(), cluster.into()]);
            }
            arguments.extend(numbers.iter().map(OsString::from));
            let mut answer = self.commands.run(CANCEL, &arguments).await?;
            let over =
                |line: &&str| is_unknown(line) || line.contains("already completing or completed");
            let others = answer.stderr.lines().filter(|line| !over(line));
            let others: Vec<_> = others.filter(|line| !line.trim().is_empty()).collect();
            if !answer.success && (!others.is_empty() || answer.stderr.trim().is_empty()) {
                answer.stderr = others.join("\n");
                return Err(refusal(CANCEL, &answer));
            }
        }
        Ok(())
    }

    async fn find(&self, names: &[String]) -> Result<Vec<NamedJob>, ProviderError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let list = names.join(",");
        let queue = self.queue(None, ["-n", &list]).await?;
        let found = queue.into_iter().filter(|job| names.contains(&job.name));
        Ok(found
            .map(|job| NamedJob {
                name: job.name,
                job: JobId(job.number),
                status: job.status,
            })
            .collect())
    }
}
