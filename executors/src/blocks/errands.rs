//! What takes time: the batch system's commands, and files.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::arrival::AGENT_PATIENCE;
use super::asking::Refused;
use super::block::BlockId;
use super::manager::Shared;
use super::rendezvous::{Ground, largest_frame};
use super::tail::last_lines;
use crate::causes::WithCauses;
use crate::provider::{BlockRequest, JobId, JobState, LedgerJob, ProviderError, Refusal};
use crate::start::{self, AgentStart};

impl Shared {
    pub(super) fn submit(self: &Arc<Self>, block: BlockId, exclude: Vec<String>) {
        let shared = Arc::clone(self);
        self.runtime.spawn(async move {
            let answer = shared.submit_now(block, exclude).await;
            if let Ok(job) = &answer {
                tracing::info!(
                    executor = shared.name(),
                    block = block.0,
                    %job,
                    "a block is asked for"
                );
            }
            shared.with(|state, now, commands| state.submitted(block, answer, now, commands));
        });
    }

    async fn submit_now(
        self: &Arc<Self>,
        block: BlockId,
        exclude: Vec<String>,
    ) -> Result<JobId, Refused> {
        let ground = self.rendezvous.ground().await.map_err(permanent)?;
        let candidates = self.rendezvous.candidates(&ground, &self.settings).await;
        let candidates = candidates.map_err(permanent)?;
        let shared = Arc::clone(self);
        let prepared = tokio::task::spawn_blocking(move || {
            shared
                .prepare(&ground, block, candidates, exclude)
                .map(|request| (ground, request))
        });
        let (ground, request) = match prepared.await {
            Ok(prepared) => prepared?,
            Err(error) => return Err(permanent(error.to_string())),
        };
        let answer = self.provider.submit(&request).await;
        let noted = LedgerJob {
            job: answer.as_ref().ok().cloned(),
            // What was not answered may have been heard.
            over: answer
                .as_ref()
                .is_err_and(|error| error.refusal() != Refusal::NoAnswer),
            ..self.ledger_job(&ground, block)
        };
        let noting = tokio::task::spawn_blocking(move || ground.ledger.note(&noted));
        if let Ok(Err(error)) = noting.await {
            tracing::warn!(%error, "cannot note a job in the run's folder");
        }
        if answer
            .as_ref()
            .is_err_and(|error| error.refusal() == Refusal::NoAnswer)
        {
            let mut unheard = self.unheard.lock();
            if !unheard.contains(&request.name) {
                unheard.push(request.name);
            }
        }
        answer.map_err(|error| Refused {
            refusal: error.refusal(),
            reason: WithCauses(&error).to_string(),
        })
    }

    /// Makes the files of a block, and notes that it is about to be asked for.
    fn prepare(
        &self,
        ground: &Ground,
        block: BlockId,
        candidates: Vec<String>,
        exclude: Vec<String>,
    ) -> Result<BlockRequest, Refused> {
        let failed = |what: &str, error: &dyn std::fmt::Display| Refused {
            reason: format!("cannot {what}: {error}"),
            refusal: Refusal::NoAnswer,
        };
        let origin = start::origin().map_err(|error| permanent(error.to_string()))?;
        let name = self.job_name(ground, block);
        let claim = ground.claim(&name);
        let agent = AgentStart {
            executor: self.name().to_owned(),
            block: block.0,
            candidates,
            key: ground.key_file(),
            identity: ground.identity,
            largest_frame: largest_frame(&self.settings) as u64,
            patience: AGENT_PATIENCE,
            launcher: self.settings.mpi.as_ref().map(|mpi| mpi.launcher.clone()),
            log: self.settings.log.clone(),
        };
        // One that is asked for once more has one.
        let _ = fs::remove_file(&claim);
        agent
            .write(&claim)
            .map_err(|error| failed("write what a block's agents are told", &error))?;
        let folder = self.blocks_folder();
        fs::create_dir_all(&folder).map_err(|error| {
            let what = format!("make `{}`", folder.display());
            failed(&what, &error)
        })?;
        ground
            .ledger
            .note(&self.ledger_job(ground, block))
            .map_err(|error| failed("note a job in the run's folder", &error))?;
        Ok(BlockRequest {
            name,
            block: block.0,
            claim,
            program: ground.program.path().to_owned(),
            arguments: origin.arguments(),
            script: folder.join(format!("{}.sh", self.file_name(block))),
            output: self.output(block),
            exclude,
        })
    }

    fn ledger_job(&self, ground: &Ground, block: BlockId) -> LedgerJob {
        LedgerJob {
            provider: ledger_name(self.provider.name()),
            executor: self.name().to_owned(),
            block: block.0,
            name: self.job_name(ground, block),
            job: None,
            over: false,
        }
    }

    fn job_name(&self, ground: &Ground, block: BlockId) -> String {
        format!("chiltepin-{}-{}", self.file_name(block), ground.mark)
    }

    /// As `compute-3`, whatever the executor's name is made of.
    fn file_name(&self, block: BlockId) -> String {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let name = self.name().chars();
        let name: String = name
            .map(|letter| if is_plain(letter) { letter } else { '_' })
            .collect();
        format!("{name}-{block}")
    }

    /// Where the scripts of blocks and what they write is kept.
    fn blocks_folder(&self) -> PathBuf {
        self.rendezvous.run_folder().join("blocks")
    }

    fn output(&self, block: BlockId) -> PathBuf {
        self.blocks_folder()
            .join(format!("{}.out", self.file_name(block)))
    }

    pub(super) fn cancel(self: &Arc<Self>, jobs: Vec<JobId>) {
        let shared = Arc::clone(self);
        self.runtime.spawn(async move {
            let answer = shared.provider.cancel(&jobs).await;
            let answer = answer.map_err(|error| WithCauses(&error).to_string());
            shared.with(|state, now, commands| state.cancelled(&jobs, &answer, now, commands));
        });
    }

    pub(super) fn poll(self: &Arc<Self>, jobs: Vec<JobId>) {
        let shared = Arc::clone(self);
        self.runtime.spawn(async move {
            let answer = shared.provider.poll(&jobs).await;
            let answer = answer.map_err(|error| WithCauses(&error).to_string());
            shared.with(|state, now, commands| state.polled(answer, now, commands));
        });
    }

    pub(super) fn read_output(self: &Arc<Self>, block: BlockId) {
        let shared = Arc::clone(self);
        let file = self.output(block);
        self.runtime.spawn(async move {
            let read = tokio::task::spawn_blocking(move || last_lines(&file));
            let lines = match read.await {
                Ok(Ok(lines)) => Some(lines),
                Ok(Err(error)) => Some(format!("(it cannot be read: {error})")),
                Err(_) => None,
            };
            shared.with(|state, now, commands| {
                state.output(block, lines.as_deref(), now, commands);
            });
        });
    }

    /// Notes that a block is over, and that its agents are told nothing any more.
    pub(super) fn over(self: &Arc<Self>, block: BlockId, job: Option<JobId>) {
        let shared = Arc::clone(self);
        self.notes.fetch_add(1, Ordering::SeqCst);
        let noting = Noting(Arc::clone(self));
        self.runtime.spawn(async move {
            let _noting = noting;
            let Some(ground) = shared.rendezvous.made().await else {
                return;
            };
            let noting = tokio::task::spawn_blocking(move || {
                let noted = LedgerJob {
                    over: true,
                    ..shared.ledger_job(&ground, block)
                };
                let _ = fs::remove_file(ground.claim(&noted.name));
                // What was asked for and not answered may be there nevertheless.
                job.map_or(Ok(()), |_| ground.ledger.note(&noted))
            });
            if let Ok(Err(error)) = noting.await {
                tracing::warn!(%error, "cannot note a job's end in the run's folder");
            }
        });
    }
}

impl Shared {
    /// Cancels jobs that were asked for and never heard of, where the batch system knows any.
    pub(super) async fn cancel_unheard(&self) -> Result<(), ProviderError> {
        let names = std::mem::take(&mut *self.unheard.lock());
        if names.is_empty() {
            return Ok(());
        }
        let found = self.provider.find(&names).await?;
        let alive = found
            .into_iter()
            .filter(|found| !matches!(found.status.state, JobState::Over(_)));
        let jobs: Vec<_> = alive.map(|found| found.job).collect();
        if jobs.is_empty() {
            return Ok(());
        }
        self.provider.cancel(&jobs).await
    }
}

/// The end of a block is being noted.
struct Noting(Arc<Shared>);

impl Drop for Noting {
    fn drop(&mut self) {
        self.0.notes.fetch_sub(1, Ordering::SeqCst);
        self.0.settled.notify_waiters();
    }
}

/// What a configuration calls a provider of this name.
fn ledger_name(provider: &str) -> String {
    let name = match provider {
        "Slurm" => "slurm",
        "PBS Pro" => "pbspro",
        // A step of the job that the driver is in ends with it.
        _ => "current",
    };
    name.to_owned()
}

fn permanent(reason: String) -> Refused {
    Refused {
        reason,
        refusal: Refusal::ForGood,
    }
}
