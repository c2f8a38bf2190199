//! The provider for PBS Pro, with commands that behave as documented.

use std::fs;
use std::time::{Duration, Instant};

use chiltepin_executors::provider::{
    BatchSettings, BlockRequest, Commands, Current, JobEnd, JobId, JobState, JobStatus, Pbs,
    Provider,
};
use tempfile::TempDir;

use crate::pbs::FakePbs;

struct Run {
    server: FakePbs,
    folder: TempDir,
    settings: BatchSettings,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            server: FakePbs::new(),
            settings: BatchSettings {
                nodes: 2,
                directory: folder.path().to_owned(),
                ..BatchSettings::default()
            },
            folder,
        }
    }

    fn pbs(&self) -> Pbs {
        Pbs::new(self.settings.clone(), &self.server.commands())
    }

    fn request(&self, agent: &str) -> BlockRequest {
        let path = self.folder.path();
        BlockRequest {
            name: "chiltepin-7-compute-1".to_owned(),
            block: 1,
            claim: path.join("a claim"),
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), agent.into()],
            script: path.join("a block.sh"),
            output: path.join("block.out"),
            exclude: Vec::new(),
        }
    }

    fn output(&self) -> String {
        fs::read_to_string(self.folder.path().join("block.out")).unwrap_or_default()
    }
}

async fn status(provider: &dyn Provider, job: &JobId) -> JobStatus {
    let mut polled = provider.poll(std::slice::from_ref(job)).await.unwrap();
    assert_eq!(polled.len(), 1);
    polled.remove(0).1
}

async fn wait_for(provider: &dyn Provider, job: &JobId, state: JobState) -> JobStatus {
    let begun = Instant::now();
    loop {
        let status = status(provider, job).await;
        if status.state == state {
            return status;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{status:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_block_runs_an_agent_on_each_node_and_is_cancelled() {
    let mut run = Run::new();
    run.settings.environment = vec!["export GREETING='hello you'".to_owned()];
    let pbs = run.pbs();
    let request = run.request(
        "echo \"$NODE|$CHILTEPIN_START|$GREETING|$((CHILTEPIN_BLOCK_STARTED > 1700000000))|$(pwd)\"; \
         exec sleep 600",
    );
    let job = pbs.submit(&request).await.unwrap();
    let status = wait_for(&pbs, &job, JobState::Running).await;
    assert_eq!((&*status.word, status.nodes.len()), ("R", 2));
    assert_eq!(status.left, Some(Duration::from_secs(599)));
    until(|| run.output().lines().count() == 2).await;
    let mut lines: Vec<_> = run.output().lines().map(ToOwned::to_owned).collect();
    lines.sort();
    for (line, node) in lines.iter().zip(&status.nodes) {
        let (claim, folder) = (request.claim.display(), run.folder.path().display());
        assert_eq!(*line, format!("{node}|{claim}|hello you|1|{folder}"));
    }
    let names = ["nobody".to_owned(), request.name];
    let found = pbs.find(&names).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (&found[0].job, found[0].status.state),
        (&job, JobState::Running)
    );
    pbs.cancel(std::slice::from_ref(&job)).await.unwrap();
    wait_for(&pbs, &job, JobState::Over(JobEnd::Cancelled)).await;
    let gone = JobId("99.fake".to_owned());
    pbs.cancel(&[job, gone.clone()]).await.unwrap();
    assert_eq!(self::status(&pbs, &gone).await.state, JobState::Forgotten);
}

#[tokio::test]
async fn a_block_that_is_done_is_completed_and_one_that_waits_says_why() {
    let run = Run::new();
    let pbs = run.pbs();
    let done = pbs.submit(&run.request("true")).await.unwrap();
    let status = wait_for(&pbs, &done, JobState::Over(JobEnd::Completed)).await;
    assert_eq!(status.exit, Some((0, 0)));
    run.server
        .fill("Not Running: Insufficient amount of resource: ncpus");
    let job = pbs.submit(&run.request("true")).await.unwrap();
    let status = wait_for(&pbs, &job, JobState::Pending).await;
    let reason = status.reason.unwrap();
    assert_eq!(
        reason,
        "Not Running: Insufficient amount of resource: ncpus"
    );
    run.server
        .fill("Can Never Run: Insufficient amount of resource: ncpus");
    wait_for(&pbs, &job, JobState::Stuck).await;
    pbs.cancel(std::slice::from_ref(&job)).await.unwrap();
    wait_for(&pbs, &job, JobState::Over(JobEnd::Cancelled)).await;
}

#[tokio::test]
async fn what_is_refused_is_told_and_what_is_not_answered_may_be_later() {
    let mut run = Run::new();
    run.server.set_reachable(false);
    let pbs = run.pbs();
    let error = pbs.submit(&run.request("true")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`qsub` failed: cannot connect to server pbs (errno=111)"
    );
    assert!(!error.is_permanent());
    let error = pbs.poll(&[JobId("1.fake".to_owned())]).await.unwrap_err();
    assert!(!error.is_permanent());
    run.server.set_reachable(true);
    let job = pbs.submit(&run.request("true")).await.unwrap();
    wait_for(&pbs, &job, JobState::Over(JobEnd::Completed)).await;
    run.settings.queue = Some("nosuch".to_owned());
    let error = run.pbs().submit(&run.request("true")).await.unwrap_err();
    assert_eq!(error.to_string(), "`qsub` refused: Unknown queue");
    assert!(error.is_permanent());
    let nowhere = Commands::new([("PATH".into(), "/nowhere".into())], Commands::LIMIT);
    let error = Pbs::new(run.settings.clone(), &nowhere)
        .submit(&run.request("true"))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("`qsub` is not on this machine"),
        "{error}"
    );
}

#[tokio::test]
async fn an_environment_line_that_fails_is_named_in_the_output() {
    let mut run = Run::new();
    run.settings.environment = vec!["(exit 7)".to_owned()];
    let pbs = run.pbs();
    let job = pbs.submit(&run.request("echo agent")).await.unwrap();
    // pbsdsh itself does not fail.
    wait_for(&pbs, &job, JobState::Over(JobEnd::Completed)).await;
    let message = "chiltepin: environment line 1, `(exit 7)`, ended the block with exit code 7\n";
    assert_eq!(run.output(), message.repeat(2));
}

#[test]
fn outside_of_an_allocation_there_is_no_current_one() {
    let run = Run::new();
    let commands = Commands::new([("PATH".into(), run.server.path())], Commands::LIMIT);
    let error = Current::new(run.settings, &commands).unwrap_err();
    assert!(error.is_permanent());
    let error = error.to_string();
    assert!(
        error.contains("this process runs in no allocation"),
        "{error}"
    );
}
