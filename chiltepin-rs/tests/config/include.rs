//! Keeping only some resources.

use chiltepin::config::Config;

const FILE: &str = "
workflow.executors = ['compute', 'service']
compute.provider = 'threads'
service.provider = 'threads'
mpi.provider = 'slurm'
";

fn names(config: &Config) -> Vec<&str> {
    config
        .resources
        .iter()
        .map(|resource| &*resource.name)
        .collect()
}

#[test]
fn the_included_and_local_are_kept() {
    let config = Config::from_toml(FILE)
        .unwrap()
        .include(["mpi", "compute"])
        .unwrap();
    assert_eq!(names(&config), ["local", "compute", "mpi"]);
    assert_eq!(config.workflow.executors, Some(vec!["compute".to_owned()]));
    assert!(config.resource("service").is_none());
}

#[test]
fn local_may_be_included_by_name() {
    let config = Config::default().include(["local"]).unwrap();
    assert_eq!(config, Config::default());
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let config = Config::from_toml(FILE).unwrap();
    let error = config.include(["comptue", "elsewhere"]).unwrap_err();
    insta::assert_snapshot!(error, @r"
    configuration: no resource is called `comptue`
      hint: did you mean `compute`? the resources are `local`, `compute`, `service`, `mpi`
    configuration: no resource is called `elsewhere`
      hint: the resources are `local`, `compute`, `service`, `mpi`
    ");
    assert_eq!((error.path(), error.line()), (None, None));
}

#[test]
fn executors_must_not_vanish() {
    let error = Config::from_toml(FILE)
        .unwrap()
        .include(["mpi"])
        .unwrap_err();
    insta::assert_snapshot!(error, @r"
    configuration: none of the included resources is among `executors` in table `workflow`
      hint: include one of them, or change `executors`
    ");
}
