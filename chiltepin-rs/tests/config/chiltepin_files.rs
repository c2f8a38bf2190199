//! Resource files as Chiltepin's users have them: they load as they are.

use std::time::Duration;

use chiltepin::config::{Config, Provider};

/// The shape of a site's file: anchors, Python's booleans, accounts left empty, endpoints.
const SITE: &str = r#"
# SPDX-License-Identifier: Apache-2.0

mpi:
  mpi: True
  max_mpi_apps: 2
  mpi_launcher: "srun"
  provider: "slurm"
  cores_per_node: 40
  nodes_per_block: 3
  exclusive: True
  partition: "large"
  account: ""
  walltime: "1:00:00"
  environment: &site-env
    - "module purge"
    - 'module help > /dev/null 2>&1 || source $(bash -l -c "echo $MODULESHOME")/init/profile'
    - "export MPIF90=$MPIF90"
service:
  mpi: False
  provider: "slurm"
  cores_per_node: 1
  nodes_per_block: 1
  exclusive: False
  partition: "service"
  queue: "debug"
  account: "myproject"
  walltime: "00:30:00"
  environment: *site-env
remote:
  endpoint: "{{ mpi_endpoint_id }}"
  mpi: True
  max_mpi_apps: 2
  mpi_launcher: "srun"
  provider: "slurm"
  cores_per_node: 40
  nodes_per_block: 3
  exclusive: True
  partition: "large"
  account: ""
  walltime: "1:00:00"
  environment: *site-env
"#;

fn pool_of<'a>(config: &'a Config, name: &str) -> &'a chiltepin::config::Pool {
    match &config.resource(name).unwrap().provider {
        Provider::Localhost(pool) => pool,
        Provider::Slurm(batch) | Provider::PbsPro(batch) => &batch.pool,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_site_file_loads_with_all_its_values() {
    let config = Config::from_yaml(SITE).unwrap();
    let names: Vec<_> = config
        .resources
        .iter()
        .map(|resource| &*resource.name)
        .collect();
    assert_eq!(names, ["local", "mpi", "service", "remote"]);

    let Provider::Slurm(batch) = &config.resource("mpi").unwrap().provider else {
        panic!()
    };
    assert_eq!(batch.nodes_per_block, 3);
    assert!(batch.exclusive);
    assert_eq!(batch.partition.as_deref(), Some("large"));
    assert_eq!(batch.account, None, "an empty account is none");
    assert_eq!(batch.walltime, Duration::from_secs(3600));
    let mpi = batch.pool.mpi.as_ref().unwrap();
    assert_eq!((mpi.max_apps, &*mpi.launcher), (2, "srun"));
    assert_eq!(batch.pool.environment.len(), 3);
    assert_eq!(batch.pool.environment[0], "module purge");

    let Provider::Slurm(batch) = &config.resource("service").unwrap().provider else {
        panic!()
    };
    assert!(!batch.exclusive);
    assert_eq!(batch.queue.as_deref(), Some("debug"));
    assert_eq!(batch.pool.mpi, None);
    assert_eq!(batch.pool.environment.len(), 3, "the anchor is put in");

    let remote = config.resource("remote").unwrap();
    let Provider::GlobusCompute {
        endpoint,
        described,
    } = &remote.provider
    else {
        panic!()
    };
    assert_eq!(endpoint, "{{ mpi_endpoint_id }}");
    assert!(matches!(&**described, Provider::Slurm(batch) if batch.nodes_per_block == 3));
    assert!(
        remote
            .unavailable()
            .unwrap()
            .contains("Globus Compute endpoint")
    );
}

#[test]
fn defaults_are_those_of_chiltepin() {
    let config = Config::from_yaml(
        "plain: {init_blocks: 1}\n\
         slurm: {provider: slurm, mpi: true}\n\
         pbs: {provider: pbspro, mpi: true, cores_per_node: 36, queue: normal}\n",
    )
    .unwrap();
    let plain = pool_of(&config, "plain");
    assert_eq!(
        config.resource("plain").unwrap().provider.name(),
        "localhost"
    );
    assert_eq!(
        (plain.init_blocks, plain.min_blocks, plain.max_blocks),
        (1, 0, 1)
    );
    assert_eq!(
        (plain.cores_per_worker, plain.max_workers_per_node),
        (1, None)
    );
    assert_eq!(plain.mpi, None);
    assert!(plain.environment.is_empty());

    let Provider::Slurm(batch) = &config.resource("slurm").unwrap().provider else {
        panic!()
    };
    assert_eq!((batch.nodes_per_block, batch.exclusive), (1, true));
    assert_eq!(batch.walltime, Duration::from_secs(600));
    assert_eq!(
        (&batch.partition, &batch.queue, &batch.account),
        (&None, &None, &None)
    );
    let launchers = ["slurm", "pbs"].map(|name| pool_of(&config, name).mpi.clone().unwrap());
    assert_eq!(
        launchers.each_ref().map(|mpi| &*mpi.launcher),
        ["srun", "mpiexec"]
    );
    assert_eq!(launchers.map(|mpi| mpi.max_apps), [1, 1]);
}

#[test]
fn what_is_shared_by_anchors_need_not_be_a_resource() {
    let config = Config::from_yaml(
        r#"
common_env: &common_env
  - "module load gcc"
batch: &batch
  account: myproject
  walltime: "2:00:00"
one:
  <<: *batch
  provider: slurm
  walltime: "3:00:00"
  environment: *common_env
two: {provider: slurm, <<: *batch}
laptop: &laptop {max_workers_per_node: 2}
desktop: {<<: *laptop}
"#,
    )
    .unwrap();
    let names: Vec<_> = config
        .resources
        .iter()
        .map(|resource| &*resource.name)
        .collect();
    assert_eq!(names, ["local", "one", "two", "laptop", "desktop"]);
    let walltimes = ["one", "two"].map(|name| match &config.resource(name).unwrap().provider {
        Provider::Slurm(batch) => (batch.walltime.as_secs() / 3600, batch.account.clone()),
        other => panic!("{other:?}"),
    });
    let account = Some("myproject".to_owned());
    assert_eq!(walltimes, [(3, account.clone()), (2, account)]);
}

#[test]
fn what_python_reads_as_none_or_a_boolean_is_read_alike() {
    let config = Config::from_yaml(
        "a: {provider: slurm, partition: null, queue: ~, account: , cores_per_node: null, \
         exclusive: no, mpi: yes}\n",
    )
    .unwrap();
    let Provider::Slurm(batch) = &config.resource("a").unwrap().provider else {
        panic!()
    };
    assert_eq!(
        (&batch.partition, &batch.queue, &batch.account),
        (&None, &None, &None)
    );
    assert_eq!((batch.exclusive, batch.pool.mpi.is_some()), (false, true));
    assert_eq!(batch.pool.cores_per_node, None);
}

#[test]
fn an_endpoint_takes_the_keys_of_any_provider() {
    let config = Config::from_yaml(
        "gc: {endpoint: 12345678-1234-1234-1234-123456789abc, partition: big, walltime: \"1:00\", \
         min_blocks: 3}\n\
         none: {endpoint: \"\", provider: localhost}\n",
    )
    .unwrap();
    let provider = &config.resource("gc").unwrap().provider;
    assert!(matches!(provider, Provider::GlobusCompute { described, .. }
        if matches!(**described, Provider::Localhost(_))));
    assert!(matches!(
        config.resource("none").unwrap().provider,
        Provider::Localhost(_)
    ));
}

#[test]
fn an_empty_file_leaves_local() {
    for text in ["", "# nothing\n", "---\n"] {
        assert_eq!(
            Config::from_yaml(text).unwrap(),
            Config::default(),
            "{text:?}"
        );
    }
    assert_eq!(Config::from_toml("").unwrap(), Config::default());
}

#[test]
fn local_may_be_redefined_in_its_place() {
    let config = Config::from_yaml("a: {provider: threads}\nlocal: {max_blocks: 2}\n").unwrap();
    let names: Vec<_> = config
        .resources
        .iter()
        .map(|resource| &*resource.name)
        .collect();
    assert_eq!(names, ["a", "local"]);
    let local = config.resource("local").unwrap();
    assert_eq!(local.provider.name(), "localhost");
    assert_eq!(local.unavailable(), None);
}
