//! Slurm's provider when commands do not answer, and nodes and controllers go.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use chiltepin_executors::provider::{Commands, JobEnd, JobState, Provider, ProviderError, Slurm};

use crate::slurm::Cluster;
use crate::slurm_provider::{Run, status, until, wait_for, wait_for_state};

/// Puts a command on the path before the one of that name.
fn disguise(folder: &Path, name: &str, script: &str) -> std::ffi::OsString {
    let file = folder.join(name);
    fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o700)).unwrap();
    let mut path = folder.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    path
}

#[tokio::test]
async fn a_submission_that_was_not_answered_is_not_made_twice() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let run = Run::new(cluster);
    let path = disguise(
        run.folder.path(),
        "sbatch",
        "PATH=${PATH#*:}; command sbatch \"$@\" >/dev/null; exec sleep 60",
    );
    let mut variables: Vec<_> = std::env::vars_os().collect();
    variables.retain(|(name, _)| name != "PATH");
    variables.push(("PATH".into(), path));
    let given = cluster.variables().iter();
    variables.extend(given.map(|(name, value)| (name.into(), value.into())));
    let commands = Commands::new(variables, Duration::from_secs(5));
    let slurm = Slurm::new(run.settings.clone(), &commands);
    let request = run.request("true");
    let job = slurm.submit(&request).await.unwrap();
    let found = slurm
        .find(std::slice::from_ref(&request.name))
        .await
        .unwrap();
    let found: Vec<_> = found.iter().map(|found| &found.job).collect();
    assert_eq!(found, [&job]);
    run.slurm().cancel(&[job]).await.unwrap();
}

#[tokio::test]
async fn a_node_that_fails_does_not_end_the_block_but_the_last_one_does() {
    let Some(cluster) = Cluster::up(2, 2) else {
        return;
    };
    let mut run = Run::new(&cluster);
    run.settings.nodes = 2;
    run.settings.exclusive = true;
    let slurm = run.slurm();
    let agent = "echo here; exec sleep 600";
    let job = slurm.submit(&run.request(agent)).await.unwrap();
    until(|| run.output().lines().count() == 2).await;
    let fail = |node: &str| {
        let node = format!("nodename={node}");
        cluster.ask("scontrol", &["update", &node, "state=down", "reason=test"]);
    };
    fail("n2");
    let status = wait_for(&slurm, &job, |status| status.nodes.len() == 1).await;
    assert_eq!(
        (status.state, &*status.nodes),
        (JobState::Running, &["n1".to_owned()][..])
    );
    fail("n1");
    let over = wait_for(&slurm, &job, |status| {
        matches!(status.state, JobState::Over(_))
    })
    .await;
    assert_eq!(over.state, JobState::Over(JobEnd::NodeFailed), "{over:?}");
}

#[tokio::test]
async fn a_controller_that_is_gone_may_come_back() {
    let Some(cluster) = Cluster::up(1, 2) else {
        return;
    };
    let run = Run::new(&cluster);
    let slurm = run.slurm();
    let job = slurm
        .submit(&run.request("echo here; exec sleep 600"))
        .await
        .unwrap();
    until(|| run.output().contains("here")).await;
    // What it has not saved, a controller that comes back does not know.
    cluster.ask(
        "scontrol",
        &["update", &format!("jobid={}", job.0), "comment=is-saved"],
    );
    let saved = || fs::read(cluster.saved_jobs()).unwrap_or_default();
    until(|| saved().windows(8).any(|bytes| bytes == b"is-saved")).await;
    cluster.kill_controller();
    let mut other = run.request("true");
    other.name.push_str("-2");
    let impatient = Slurm::new(
        run.settings.clone(),
        &cluster.commands(Duration::from_millis(300)),
    );
    let (polled, submitted, timed_out) = tokio::join!(
        slurm.poll(std::slice::from_ref(&job)),
        slurm.submit(&other),
        impatient.poll(std::slice::from_ref(&job)),
    );
    for error in [polled.unwrap_err(), submitted.unwrap_err()] {
        assert!(!error.is_permanent(), "{error}");
        assert!(
            error
                .to_string()
                .contains("Unable to contact slurm controller"),
            "{error}"
        );
    }
    let timed_out = timed_out.unwrap_err();
    assert!(
        matches!(timed_out, ProviderError::TimedOut { .. }),
        "{timed_out}"
    );
    cluster.start_controller();
    let begun = Instant::now();
    while let Err(error) = slurm.poll(std::slice::from_ref(&job)).await {
        assert!(begun.elapsed() < Duration::from_secs(60), "{error}");
    }
    wait_for_state(&slurm, &job, JobState::Running).await;
    // The other block may be asked for again, and is there once.
    slurm.submit(&other).await.unwrap();
    assert_eq!(slurm.find(&[other.name]).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_slurmd_that_is_restarted_costs_nothing_and_a_node_that_crashes_its_block() {
    let Some(cluster) = Cluster::up(1, 2) else {
        return;
    };
    let run = Run::new(&cluster);
    let slurm = run.slurm();
    let agent = "echo here; trap 'echo told' TERM; while :; do sleep 0.2; done";
    let job = slurm.submit(&run.request(agent)).await.unwrap();
    until(|| run.output().contains("here")).await;
    cluster.stop_slurmd("n1");
    cluster.start_node("n1");
    let answers = || cluster.ask("sinfo", &["-h", "-p", "batch", "-o", "%t"]);
    until(|| matches!(answers().trim(), "mix" | "alloc")).await;
    assert_eq!(status(&slurm, &job).await.state, JobState::Running);
    cluster.kill_node("n1");
    let failed = JobState::Over(JobEnd::NodeFailed);
    wait_for_state(&slurm, &job, failed).await;
    assert_eq!(run.output(), "here\n");
}
