//! Slurm's provider on a real cluster: what is asked for is what Slurm gives, in its own words.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use chiltepin_executors::provider::{
    BatchSettings, BlockRequest, Commands, Current, JobEnd, JobId, JobState, JobStatus, Provider,
    Slurm,
};
use tempfile::TempDir;

use crate::slurm::Cluster;

const LIMIT: Duration = Duration::from_secs(30);

/// A folder for the blocks of a test, whose agents are shell scripts.
pub(crate) struct Run<'a> {
    cluster: &'a Cluster,
    pub(crate) folder: TempDir,
    pub(crate) settings: BatchSettings,
}

impl<'a> Run<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = BatchSettings {
            exclusive: false,
            directory: folder.path().to_owned(),
            ..BatchSettings::default()
        };
        Self {
            cluster,
            folder,
            settings,
        }
    }

    pub(crate) fn slurm(&self) -> Slurm {
        Slurm::new(self.settings.clone(), &self.cluster.commands(LIMIT))
    }

    pub(crate) fn request(&self, agent: &str) -> BlockRequest {
        let path = self.folder.path();
        BlockRequest {
            name: format!("chiltepin-{}", path.file_name().unwrap().display()),
            block: 1,
            claim: path.join("claim"),
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), agent.into()],
            script: path.join("block.sh"),
            output: path.join("block.out"),
            exclude: Vec::new(),
        }
    }

    pub(crate) fn output(&self) -> String {
        said_by_agents(&self.folder.path().join("block.out"))
    }
}

/// What a block's output holds but for what srun says, as that this cluster does not bind.
fn said_by_agents(output: &Path) -> String {
    let text = fs::read_to_string(output).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with("srun: "));
    lines.flat_map(|line| [line, "\n"]).collect()
}

pub(crate) async fn status(slurm: &Slurm, job: &JobId) -> JobStatus {
    let mut polled = slurm.poll(std::slice::from_ref(job)).await.unwrap();
    assert_eq!(polled.len(), 1);
    let (polled, status) = polled.remove(0);
    assert_eq!(polled, *job);
    status
}

pub(crate) async fn wait_for(
    slurm: &Slurm,
    job: &JobId,
    wanted: impl Fn(&JobStatus) -> bool,
) -> JobStatus {
    let begun = Instant::now();
    loop {
        let status = status(slurm, job).await;
        if wanted(&status) {
            return status;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "{status:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn wait_for_state(slurm: &Slurm, job: &JobId, state: JobState) -> JobStatus {
    wait_for(slurm, job, |status| status.state == state).await
}

pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_block_runs_an_agent_on_each_node_and_is_cancelled() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mut run = Run::new(cluster);
    run.settings.nodes = 2;
    run.settings.cores_per_node = Some(2);
    run.settings.environment = vec!["export GREETING='hello you'".to_owned()];
    run.settings.prefix = vec!["env".to_owned(), "WRAPPED=a b".to_owned()];
    let slurm = run.slurm();
    let request = run.request(
        "echo \"$SLURMD_NODENAME|$CHILTEPIN_START|$GREETING|$WRAPPED|$SLURM_CPUS_ON_NODE|\
         $((CHILTEPIN_BLOCK_STARTED > 1700000000))|$(pwd)|$(env | grep -c ^PMI)\"; exec sleep 600",
    );
    let job = slurm.submit(&request).await.unwrap();
    let status = wait_for_state(&slurm, &job, JobState::Running).await;
    assert_eq!((&*status.word, status.nodes.len()), ("RUNNING", 2));
    let left = status.left.unwrap();
    assert!(left > Duration::from_secs(500) && left <= Duration::from_secs(600));
    until(|| run.output().lines().count() == 2).await;
    let mut lines: Vec<_> = run.output().lines().map(ToOwned::to_owned).collect();
    lines.sort();
    for (line, node) in lines.iter().zip(&status.nodes) {
        let (claim, folder) = (request.claim.display(), run.folder.path().display());
        assert_eq!(
            *line,
            format!("{node}|{claim}|hello you|a b|2|1|{folder}|0")
        );
    }
    let found = slurm
        .find(&["nobody".to_owned(), request.name.clone()])
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].job, &found[0].name), (&job, &request.name));
    slurm.cancel(std::slice::from_ref(&job)).await.unwrap();
    let cancelled = JobState::Over(JobEnd::Cancelled);
    wait_for_state(&slurm, &job, cancelled).await;
    // Once more does no harm.
    slurm.cancel(std::slice::from_ref(&job)).await.unwrap();
    slurm.cancel(&[JobId("999999".to_owned())]).await.unwrap();
}

#[tokio::test]
async fn a_block_ends_with_its_last_agent_and_not_before() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mut run = Run::new(cluster);
    run.settings.nodes = 2;
    let slurm = run.slurm();
    let go = run.folder.path().join("go");
    let agent = format!(
        "[ $SLURM_NODEID = 0 ] && {{ echo first; exit 3; }}; \
         while [ ! -e '{}' ]; do sleep 0.1; done; echo second",
        go.display()
    );
    let job = slurm.submit(&run.request(&agent)).await.unwrap();
    until(|| run.output().contains("first")).await;
    // The other one is still there after the time in which srun would end it.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(status(&slurm, &job).await.state, JobState::Running);
    fs::write(go, "").unwrap();
    let failed = JobState::Over(JobEnd::Failed);
    let status = wait_for_state(&slurm, &job, failed).await;
    assert_eq!(status.exit, Some((3, 0)), "{status:?}");
    assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
    assert!(run.output().contains("second"), "{}", run.output());
}

#[tokio::test]
async fn a_block_that_is_done_is_completed_and_an_unknown_one_forgotten() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let run = Run::new(cluster);
    let slurm = run.slurm();
    let job = slurm.submit(&run.request("true")).await.unwrap();
    let completed = JobState::Over(JobEnd::Completed);
    assert_eq!(
        wait_for_state(&slurm, &job, completed).await.exit,
        Some((0, 0))
    );
    let unknown = JobId("987654".to_owned());
    assert_eq!(status(&slurm, &unknown).await.state, JobState::Forgotten);
    let nonsense = JobId("--help".to_owned());
    let polled = slurm
        .poll(&[unknown.clone(), job.clone(), nonsense.clone()])
        .await
        .unwrap();
    let states: Vec<_> = polled
        .iter()
        .map(|(job, status)| (job, status.state))
        .collect();
    let forgotten = JobState::Forgotten;
    assert_eq!(
        states,
        [
            (&unknown, forgotten),
            (&job, completed),
            (&nonsense, forgotten)
        ]
    );
}

#[tokio::test]
async fn what_slurm_refuses_is_refused_in_its_words() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mut run = Run::new(cluster);
    run.settings.partition = Some("nosuch".to_owned());
    let error = run.slurm().submit(&run.request("true")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`sbatch` refused: invalid partition specified: nosuch; \
         Batch job submission failed: Invalid partition name specified"
    );
    assert!(error.is_permanent());
    run.settings.partition = None;
    run.settings.memory_per_node = Some(900 << 30);
    let request = run.request("true");
    for answer in [
        run.slurm().submit(&request).await.map(|job| job.0),
        run.slurm().test(&request).await,
    ] {
        let error = answer.unwrap_err().to_string();
        assert!(
            error.contains("Requested node configuration is not available"),
            "{error}"
        );
    }
    run.settings.memory_per_node = Some(1 << 30);
    let answer = run.slurm().test(&request).await.unwrap();
    assert!(answer.contains("to start at"), "{answer}");
    assert_eq!(run.slurm().cores().await.unwrap(), [4]);
    // Slurm remembers what it has refused.
    let found = run.slurm().find(&[request.name]).await.unwrap();
    let over = |state| matches!(state, JobState::Over(_));
    assert!(found.iter().all(|job| over(job.status.state)), "{found:?}");
}

#[tokio::test]
async fn what_slurm_takes_and_will_never_run_is_stuck() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mut many = Run::new(cluster);
    many.settings.nodes = 7;
    let mut long = Run::new(cluster);
    long.settings.partition = Some("short".to_owned());
    let mut large = Run::new(cluster);
    large.settings.cores_per_node = Some(64);
    for (run, reason) in [
        (many, "PartitionNodeLimit"),
        (long, "PartitionTimeLimit"),
        (large, "PartitionConfig"),
    ] {
        let slurm = run.slurm();
        let job = slurm.submit(&run.request("true")).await.unwrap();
        let stuck = wait_for_state(&slurm, &job, JobState::Stuck).await;
        assert_eq!(stuck.word, "PENDING");
        // At first it may say less than it does later.
        let told = |status: &JobStatus| status.reason.as_deref() == Some(reason);
        let status = wait_for(&slurm, &job, told).await;
        assert_eq!(status.state, JobState::Stuck);
        slurm.cancel(std::slice::from_ref(&job)).await.unwrap();
        wait_for_state(&slurm, &job, JobState::Over(JobEnd::Cancelled)).await;
    }
}

#[tokio::test]
async fn an_environment_line_that_fails_is_named_in_the_output() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mut run = Run::new(cluster);
    run.settings.environment = vec!["true".to_owned(), "module load nosuch".to_owned()];
    let slurm = run.slurm();
    let job = slurm.submit(&run.request("echo agent")).await.unwrap();
    let failed = JobState::Over(JobEnd::Failed);
    let status = wait_for_state(&slurm, &job, failed).await;
    assert!(status.exit.is_some_and(|(code, _)| code > 0), "{status:?}");
    let output = run.output();
    assert!(
        output.contains("chiltepin: environment line 2, `module load nosuch`, ended the block"),
        "{output}"
    );
    assert!(!output.contains("agent"), "{output}");
}

#[tokio::test]
async fn names_that_need_quotes_are_what_they_are() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mut run = Run::new(cluster);
    let odd = run.folder.path().join("50% of \"my\" runs #1, it's %j");
    fs::create_dir(&odd).unwrap();
    run.settings.directory = odd.clone();
    let slurm = run.slurm();
    let request = BlockRequest {
        output: odd.join("a b.out"),
        script: odd.join("block.sh"),
        claim: odd.join("claim"),
        ..run.request("echo \"$CHILTEPIN_START\"; pwd")
    };
    let job = slurm.submit(&request).await.unwrap();
    wait_for_state(&slurm, &job, JobState::Over(JobEnd::Completed)).await;
    let output = said_by_agents(&request.output);
    let expected = format!("{}\n{}\n", request.claim.display(), odd.display());
    assert_eq!(output, expected);
}

#[tokio::test]
async fn the_current_allocation_gives_its_nodes_to_blocks() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mut run = Run::new(cluster);
    run.settings.nodes = 1;
    let job = cluster.ask(
        "sbatch",
        &[
            "--parsable",
            "--nodes=2",
            "--ntasks-per-node=1",
            "--time=5",
            "--output=/dev/null",
            "--wrap",
            "sleep 600",
        ],
    );
    let job = JobId(job.trim().to_owned());
    let slurm = run.slurm();
    let nodes = wait_for_state(&slurm, &job, JobState::Running).await.nodes;
    let mut variables: Vec<_> = std::env::vars_os().collect();
    let given = cluster.variables().iter();
    variables.extend(given.map(|(name, value)| (name.into(), value.into())));
    variables.push(("SLURM_JOB_ID".into(), (&job.0).into()));
    variables.push(("SLURM_JOB_NODELIST".into(), nodes.join(",").into()));
    // As in a step of the job.
    variables.push(("SLURM_PROCID".into(), "0".into()));
    variables.push(("SLURM_STEP_NODELIST".into(), "nowhere".into()));
    let commands = Commands::new(variables, LIMIT);
    let settings = BatchSettings {
        nodes: 3,
        ..run.settings.clone()
    };
    let error = Current::new(settings, &commands).unwrap_err().to_string();
    assert!(
        error.contains("has 2 nodes, and a block takes 3"),
        "{error}"
    );

    let current = Current::new(run.settings.clone(), &commands).unwrap();
    let mut blocks = Vec::new();
    for (block, agent) in [
        (1, "echo \"one $SLURMD_NODENAME\"; exec sleep 600"),
        (2, "echo \"two $SLURMD_NODENAME\"; exit 3"),
    ] {
        let request = BlockRequest {
            block,
            script: run.folder.path().join(format!("{block}.sh")),
            ..run.request(agent)
        };
        blocks.push(current.submit(&request).await.unwrap());
        if block == 1 {
            until(|| run.output().contains("one ")).await;
        }
    }
    let begun = Instant::now();
    let ended = loop {
        let ended = current.poll(&blocks).await.unwrap();
        if matches!(ended[1].1.state, JobState::Over(_)) {
            break ended;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{ended:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let (one, two) = (&ended[0].1, &ended[1].1);
    assert_eq!(one.state, JobState::Running);
    let left = one.left.unwrap();
    assert!(left > Duration::from_secs(200) && left <= Duration::from_secs(300));
    assert_eq!(
        (two.state, two.exit),
        (JobState::Over(JobEnd::Failed), Some((3, 0)))
    );
    let output = run.output();
    for (word, status, node) in [("one", one, &nodes[0]), ("two", two, &nodes[1])] {
        assert_eq!(status.nodes, std::slice::from_ref(node));
        assert!(output.contains(&format!("{word} {node}\n")), "{output}");
    }
    // The node of the block that has ended is free again; with it all are taken.
    let request = |block| BlockRequest {
        block,
        ..run.request("exec sleep 600")
    };
    let third = current.submit(&request(3)).await.unwrap();
    let error = current.submit(&request(4)).await.unwrap_err().to_string();
    assert!(error.contains("2 nodes of the allocation"), "{error}");
    current
        .cancel(&[blocks[0].clone(), third.clone()])
        .await
        .unwrap();
    for (_, status) in current.poll(&[blocks[0].clone(), third]).await.unwrap() {
        assert_eq!(status.state, JobState::Over(JobEnd::Cancelled));
    }
    until(|| {
        cluster
            .ask("squeue", &["-h", "-s", "-j", &job.0])
            .lines()
            .count()
            <= 1
    })
    .await;
    slurm.cancel(&[job]).await.unwrap();
}
