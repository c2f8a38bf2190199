//! PBS Pro: blocks are batch jobs, whose agents `pbsdsh` starts.
//!
//! ```text
//!   script   a block as a batch script     (pure)
//!   parse    what qsub and qstat print     (pure)
//! ```

mod parse;
mod script;

use std::ffi::OsStr;

use async_trait::async_trait;

use super::commands::{Answer, Commands};
use super::script::check;
use super::unanswered::Unanswered;
use super::{
    BatchSettings, BlockRequest, JobId, JobStatus, NamedJob, Provider, ProviderError, Refusal,
};
use parse::Shown;
pub(super) use script::step_script;

const SUBMIT: &str = "qsub";
const QUEUE: &str = "qstat";
const SELECT: &str = "qselect";
const CANCEL: &str = "qdel";

const CURE: &str = "run this where PBS's users log in, load the module that provides it, or \
                    install PBS Pro's client commands";

/// What PBS says when it cannot be reached or has too much to do.
const NO_ANSWER: [&str; 10] = [
    "cannot connect to server",
    "connection refused",
    "connection timed out",
    "connection reset",
    "communication failure",
    "end of file",
    "server shutting down",
    "server is busy",
    "try again",
    "system error",
];

/// What it says when a user, a group or the project has as many jobs as it may have.
const NOT_NOW: &str = "would exceed";

/// PBS Pro, as its users' commands show it.
#[derive(Debug)]
pub struct Pbs {
    settings: BatchSettings,
    commands: Commands,
    /// The names of jobs whose submission was not answered: they may be there all the same.
    unanswered: Unanswered,
}

impl Pbs {
    /// Asks for blocks with these settings, by these commands.
    #[must_use]
    pub fn new(settings: BatchSettings, commands: &Commands) -> Self {
        Self {
            settings,
            commands: commands.outside_of_jobs().with_cure(CURE),
            unanswered: Unanswered::default(),
        }
    }

    async fn submit_once(&self, request: &BlockRequest) -> Result<JobId, ProviderError> {
        let answer = self.commands.run(SUBMIT, [&request.script]).await?;
        if !answer.success {
            return Err(refusal(SUBMIT, &answer));
        }
        parse::submitted(&answer.stdout).ok_or_else(|| ProviderError::Failed {
            command: SUBMIT.to_owned(),
            message: format!("it printed no job id: {:?}", answer.stdout),
        })
    }

    /// What `qstat -f` says of these jobs, or of all. That it does not know some of them, or knows
    /// them to be over, is no failure.
    async fn queue(&self, history: &[&str], jobs: &[&str]) -> Result<Vec<Shown>, ProviderError> {
        let arguments = history.iter().chain(&["-f"]).chain(jobs);
        let mut answer = self
            .commands
            .run(QUEUE, arguments.copied().map(OsStr::new))
            .await?;
        let known = |line: &&str| {
            [
                "Unknown Job Id",
                "has finished",
                "is not configured to maintain job history",
            ]
            .iter()
            .any(|words| line.contains(words))
        };
        let others = answer.stderr.lines().filter(|line| !known(line));
        let others: Vec<_> = others.filter(|line| !line.trim().is_empty()).collect();
        if answer.success || (others.is_empty() && !answer.stderr.trim().is_empty()) {
            return Ok(parse::shown(&answer.stdout));
        }
        answer.stderr = others.join("\n");
        Err(refusal(QUEUE, &answer))
    }
}

/// What a command that did not do what it was asked to stands for.
fn refusal(command: &str, answer: &Answer) -> ProviderError {
    let message = answer.words();
    let command = command.to_owned();
    let said = message.to_ascii_lowercase();
    let silent = answer.stderr.trim().is_empty();
    if said.contains(NOT_NOW) {
        ProviderError::NotNow { command, message }
    } else if silent || NO_ANSWER.iter().any(|words| said.contains(words)) {
        ProviderError::Failed { command, message }
    } else {
        ProviderError::Refused { command, message }
    }
}

#[async_trait]
impl Provider for Pbs {
    fn name(&self) -> &'static str {
        "PBS Pro"
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
        check(SUBMIT, &self.settings, request)?;
        script::batch_script(&self.settings, request).write(&request.script)?;
        let answer = self.submit_once(request).await;
        if let Err(error) = &answer
            && error.refusal() == Refusal::NoAnswer
        {
            // The server may have taken it: a second job would be one too many.
            self.unanswered.add(name);
        }
        answer
    }

    async fn poll(&self, jobs: &[JobId]) -> Result<Vec<(JobId, JobStatus)>, ProviderError> {
        let asked: Vec<_> = jobs.iter().filter(|job| parse::is_job(&job.0)).collect();
        let ids = |jobs: &[&JobId]| jobs.iter().map(|job| job.0.clone()).collect::<Vec<_>>();
        let mut shown = Vec::new();
        // Those that are over are told only to who asks for the history.
        for history in [&[][..], &["-x"]] {
            let is_shown = |job: &&JobId| {
                let mut jobs = shown.iter();
                jobs.any(|shown: &Shown| parse::is_same(&shown.job, job))
            };
            let open: Vec<_> = asked.iter().copied().filter(|job| !is_shown(job)).collect();
            if !open.is_empty() {
                let open = ids(&open);
                let open: Vec<_> = open.iter().map(String::as_str).collect();
                shown.extend(self.queue(history, &open).await?);
            }
        }
        let status = |job: &JobId| {
            let mut shown = shown.iter();
            let found = shown.find(|shown| parse::is_same(&shown.job, job));
            found.map_or_else(JobStatus::forgotten, Shown::status)
        };
        Ok(jobs.iter().map(|job| (job.clone(), status(job))).collect())
    }

    async fn cancel(&self, jobs: &[JobId]) -> Result<(), ProviderError> {
        let jobs: Vec<_> = jobs.iter().filter(|job| parse::is_job(&job.0)).collect();
        if jobs.is_empty() {
            return Ok(());
        }
        let mut answer = self
            .commands
            .run(CANCEL, jobs.iter().map(|job| &*job.0))
            .await?;
        let over = |line: &&str| {
            ["Unknown Job Id", "has finished", "invalid state for job"]
                .iter()
                .any(|words| line.contains(words))
        };
        let others = answer.stderr.lines().filter(|line| !over(line));
        let others: Vec<_> = others.filter(|line| !line.trim().is_empty()).collect();
        if !answer.success && (!others.is_empty() || answer.stderr.trim().is_empty()) {
            answer.stderr = others.join("\n");
            return Err(refusal(CANCEL, &answer));
        }
        Ok(())
    }

    async fn find(&self, names: &[String]) -> Result<Vec<NamedJob>, ProviderError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut ids = Vec::new();
        for name in names {
            let answer = self.commands.run(SELECT, ["-x", "-N", name]).await?;
            if !answer.success {
                return Err(refusal(SELECT, &answer));
            }
            let lines = answer.stdout.lines().map(str::trim);
            ids.extend(
                lines
                    .filter(|line| parse::is_job(line))
                    .map(ToOwned::to_owned),
            );
        }
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        let shown = self.queue(&["-x"], &ids).await?;
        let found = shown
            .into_iter()
            .filter(|job| names.iter().any(|name| name == job.name()));
        Ok(found
            .map(|job| NamedJob {
                name: job.name().to_owned(),
                status: job.status(),
                job: job.job,
            })
            .collect())
    }
}
