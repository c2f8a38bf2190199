//! Blocks from their begin to their end.

use std::fs;
use std::time::{Duration, Instant};

use chiltepin_executors::Outcome;
use chiltepin_executors::blocks::{PRIVATE_FOLDER, read_blocks};
use chiltepin_executors::provider::read_ledger;

use super::kernel::World;
use crate::tasks::{ACT, ACT_ASYNC, SCRIPT};

#[test]
fn calls_run_on_the_nodes_of_a_block_that_comes_when_they_do() {
    let mut world = World::new(2, |_, _| {});
    assert_eq!(world.cluster.submissions(), 0);
    assert!(!world.folder.path().join(PRIVATE_FOLDER).exists());
    let said: Vec<_> = (0..20)
        .map(|number| world.call(&ACT, &format!("say:{number}")))
        .collect();
    let awaited = world.call(&ACT_ASYNC, "sleep:10");
    let command = world.call(&SCRIPT, "exit 0");
    world.until("the calls", |world| world.done.len() == 22);
    for (number, id) in said.iter().enumerate() {
        assert_eq!(world.done[id].value, Some(number.to_string()));
        let node = &world.done[id].report.as_ref().unwrap().node;
        assert!(node.starts_with("job"), "{node}");
    }
    assert!(matches!(world.done[&awaited].outcome, Outcome::Succeeded));
    assert_eq!(world.done[&command].code, Some(0));
    assert!(world.returned.is_empty());
    world.shut();
    let jobs = read_ledger(world.folder.path()).unwrap();
    assert_eq!(jobs.len(), world.cluster.submissions());
    assert!(
        jobs.iter().all(|job| job.over && job.job.is_some()),
        "{jobs:?}"
    );
    let status = &read_blocks(world.folder.path()).unwrap()[0];
    assert!(status.blocks.iter().all(|block| block.phase == "over"));
}

#[test]
fn an_idle_block_is_given_back_and_another_comes_for_what_comes() {
    let mut world = World::new(1, |settings, _| {
        settings.max_idletime = Duration::from_millis(300);
    });
    for round in 1..=2 {
        let id = world.call(&ACT, "say:hello");
        world.until("the call", |world| world.done.contains_key(&id));
        assert_eq!(world.cluster.submissions(), round);
        world.until("its block's end", |world| world.cluster.alive().is_empty());
        assert_eq!(world.offers(), 0);
    }
    world.shut();
}

#[test]
fn what_runs_can_be_stopped() {
    let mut world = World::new(1, |_, _| {});
    let file = world.folder.path().join("pid");
    let id = world.call(&ACT, &format!("stay:{}", file.display()));
    world.until("its begin", |_| {
        fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))
    });
    world.stop(id);
    world.until("its end", |world| world.done.contains_key(&id));
    assert!(matches!(world.done[&id].outcome, Outcome::Stopped));
    world.shut();
}

#[test]
fn the_run_s_secrets_are_the_user_s_alone_and_go_with_the_run() {
    use std::os::unix::fs::PermissionsExt;

    let mut world = World::new(1, |_, _| {});
    let id = world.call(&ACT, "say:hello");
    world.until("the call", |world| world.done.contains_key(&id));
    let private = world.folder.path().join(PRIVATE_FOLDER);
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&private), 0o700);
    assert_eq!(mode(&private.join("key")), 0o600);
    world.shut();
    let World {
        blocks,
        cluster,
        runtime,
        folder: _folder,
        ..
    } = world;
    drop((blocks, cluster));
    runtime.shutdown_timeout(Duration::from_secs(10));
    assert!(!private.exists());
}

#[test]
fn closing_ends_blocks_that_wait_and_such_that_are_busy() {
    let mut world = World::new(1, |settings, cluster| {
        settings.init_blocks = 1;
        cluster.fill();
    });
    world.until("a block that waits", |world| {
        world.cluster.alive().len() == 1 && world.status().blocks[0].job.is_some()
    });
    world.shut();

    let mut world = World::new(1, |_, _| {});
    let file = world.folder.path().join("pid");
    world.call(&ACT, &format!("stay:{}", file.display()));
    world.until("its begin", |_| {
        fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'))
    });
    let begun = Instant::now();
    world.shut();
    assert!(begun.elapsed() < Duration::from_secs(11));
    let pid = fs::read_to_string(&file).unwrap();
    let process = std::path::Path::new("/proc").join(pid.trim());
    world.until("the worker's end", |_| !process.exists());
}

#[test]
fn a_status_tells_what_blocks_wait_for() {
    let mut world = World::new(1, |_, cluster| cluster.fill());
    world.call(&ACT, "say:hello");
    world.until("the reason", |world| {
        let status = world.status();
        status.blocks.first().is_some_and(|block| {
            block.phase == "pending" && block.reason.as_deref() == Some("Resources")
        })
    });
    assert_eq!(world.status().waiting, 1);
    let folder = world.folder.path().to_owned();
    world.until("the same in the run's folder", |_| {
        read_blocks(&folder).is_ok_and(|read| {
            let block = read.first().and_then(|status| status.blocks.first());
            block.is_some_and(|block| block.reason.as_deref() == Some("Resources"))
        })
    });
    world.shut();
}
