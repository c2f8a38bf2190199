//! What each mistake prints. A snapshot shows the text and, below it, what is said about it.

use std::fs;

use chiltepin::config::{Config, ConfigError, MistakeKind};

/// Every text with its mistakes.
fn toml(texts: &[&str]) -> String {
    show(texts, Config::from_toml)
}

fn yaml(texts: &[&str]) -> String {
    show(texts, Config::from_yaml)
}

fn show(texts: &[&str], read: fn(&str) -> Result<Config, ConfigError>) -> String {
    let mut shown = String::new();
    for text in texts {
        let error = read(text).map(|config| config.to_string()).expect_err(text);
        for line in text.lines() {
            shown.push_str(&format!("    {line}\n"));
        }
        shown.push_str(&format!("{error}\n\n"));
    }
    shown
}

#[test]
fn keys() {
    insta::assert_snapshot!(toml(&[
        "[compute]\nprovider = 'slurm'\npartiton = 'big'",
        "[compute]\nprovider = 'slurm'\nqos = 'debug'",
        "[compute]\nprovider = 'threads'\ncolour = 'red'",
        "[compute]\nprovider = 'threads'\npartition = 'big'",
        "[compute]\nprovider = 'pbspro'\npartition = 'big'",
        "[compute]\nprovider = 'slurm'\nmax_threads = 4",
        "[compute]\nprovider = 'threads'\nmax_workers_per_node = 4",
        "[compute]\nwalltime = '1:00:00'",
        "[compute]\nprovider = 'threads'\nendpoint = 'x'",
        "[compute]\nprovider = 'slurm'\n[compute.local]\nx = 1",
        "[workflow]\nretrys = 1",
        "[workflow]\nprovider = 'slurm'",
        "[workflow.compute]\nprovider = 'slurm'",
    ]));
}

#[test]
fn types() {
    insta::assert_snapshot!(toml(&[
        "[a]\nprovider = 1",
        "[a]\nmpi = 'yes'",
        "[a]\nmax_blocks = '4'",
        "[a]\nmax_blocks = 1.5",
        "[a]\nprovider = 'slurm'\naccount = 1234",
        "[a]\nprovider = 'slurm'\nwalltime = 3600",
        "[a]\nprovider = 'slurm'\nwalltime = 01:30:00",
        "[a]\nenvironment = 'module load gcc'",
        "[a]\nenvironment = [1]",
        "[a]\nmax_idletime = 'soon'",
        "[a]\nmax_idletime = 1.5",
        "[a]\nmemory_per_node = '16 apples'",
        "[a]\nprovider = 'slurm'\nport = '50100-50000'",
        "[workflow]\nlimits = 3",
        "[workflow]\nexecutors = 'local'",
    ]));
}

#[test]
fn ranges() {
    insta::assert_snapshot!(toml(&[
        "[a]\nprovider = ''",
        "[a]\nprovider = 'threads'\nmax_threads = 0",
        "[a]\nmax_blocks = -1",
        "[a]\nmax_blocks = 99999999999999999999",
        "[a]\nparallelism = 1.5",
        "[a]\nparallelism = nan",
        "[a]\nmemory_per_node = 64000",
        "[a]\nmax_idletime = '9000h'",
        "[a]\nprefix = \"nice 'x\"",
        "[a]\nprovider = 'slurm'\nwalltime = '60'",
        "[a]\nprovider = 'slurm'\nwalltime = '00:00'",
        "[a]\nprovider = 'slurm'\nwalltime = 'tomorrow'",
        "[a]\nprovider = 'slurm'\npoll_interval = 0",
        "[a]\nprovider = 'slurm'\nallocation = 'curent'",
        "[a]\nprovider = 'slurm'\nscheduler_options = ['#SBATCH -C gpu']",
        "[a]\nprovider = 'slurm'\npartition = \"a\\nb\"",
        "[workflow]\nlimits = { gpu = 0 }",
        "[workflow]\nlog_level = 'verbose'",
        "[workflow]\nexecutors = []",
        "[workflow]\nexecutors = ['local', 'local']",
    ]));
}

#[test]
fn contradictions() {
    insta::assert_snapshot!(toml(&[
        "[a]\nmin_blocks = 2\ninit_blocks = 3\nmax_blocks = 1",
        "[a]\ncores_per_node = 4\ncores_per_worker = 2\nmax_workers_per_node = 3",
        "[a]\ncores_per_node = 4\ncores_per_worker = 8",
        "[a]\ngpus_per_node = 1\ngpus_per_worker = 2",
        "[a]\nnodes_per_block = 2",
        "[a]\nmpi = true\nnodes_per_block = 0",
    ]));
}

#[test]
fn retries() {
    insta::assert_snapshot!(toml(&[
        "[workflow]\nretries = 'often'",
        "[workflow]\nretries = -1",
        "[workflow]\nretries = { timeouts = 1, 75 = 2, colour = 'red' }",
        "[workflow]\nretries = { error = -1, lost = 'never', back_off = 'soon' }",
        "[workflow]\nretries = { exit_codes = 75 }",
        "[workflow]\nretries = { exit_codes = { 0 = 1, 256 = 1, busy = 1, 75 = 'often' } }",
        "[workflow]\nretries = { back_off = '2m', longest = '1m' }",
        "[workflow]\nretries = { scale_memory = 0.5, scale_timeout = 'twice' }",
        "[a]\nprovider = 'threads'\nretries = { exit_code = 1 }",
    ]));
}

#[test]
fn resources() {
    insta::assert_snapshot!(toml(&[
        "[a]",
        "['']\nprovider = 'threads'",
        "['my resource']\nprovider = 'threads'",
        "['a,b']\nprovider = 'threads'",
        "['../b']\nprovider = 'threads'",
        "provider = 'slurm'",
        "retries = 1",
        "compute = 'slurm'",
        "[[a]]\nprovider = 'slurm'",
        "workflow = 1",
        "[workflow]\nexecutors = ['local', 'comptue', 'x']\n[compute]\nprovider = 'threads'",
    ]));
}

#[test]
fn too_many_resources() {
    let file = |count| {
        (1..count)
            .map(|index| format!("[r{index}]\nprovider = 'threads'\n"))
            .collect::<String>()
    };
    assert_eq!(Config::from_toml(&file(63)).unwrap().resources.len(), 63);
    let error = Config::from_toml(&file(64)).unwrap_err();
    insta::assert_snapshot!(
        error,
        @"configuration:125:2: 64 resources are configured, 63 are possible, `local` counted"
    );
}

#[test]
fn toml_syntax() {
    insta::assert_snapshot!(toml(&[
        "[a]\nprovider = 'slurm'\nprovider = 'threads'",
        "[a]\nx = 1\n[a]\ny = 1",
        "[a\nprovider = 'slurm'",
        "[a]\nprovider: 'slurm'",
        "[a]\nprovider = slurm",
        "[a]\né = \"é\" x",
    ]));
}

#[test]
fn yaml_syntax() {
    insta::assert_snapshot!(yaml(&[
        "a:\n  provider: slurm\n  provider: threads",
        "a: b: c",
        "a: [1,\nb: 2",
        "a:\n\tprovider: slurm",
        "a: *nowhere",
        "a: &a\n  b: *a",
        "a: {provider: slurm}\n---\nb: {provider: slurm}",
        "? [a, b]\n: c",
        "~: {provider: slurm}",
    ]));
}

#[test]
fn traps_of_yaml() {
    insta::assert_snapshot!(yaml(&[
        "a:\n  provider: slurm\n  walltime: 1:00:00",
        "a:\n  provider: slurm\n  walltime: 3600",
        "a:\n  provider: slurm\n  account: 0123",
        "a:\n  provider: slurm\n  partition: on",
        "a:\n  environment: module load gcc",
        "a:\n  environment: |\n    module load gcc\n    ulimit -s unlimited",
        "a:\n  environment:\n    - module load: gcc",
        "a:\n  environment:\n",
        "a:\n  provider: null",
        "a:",
        "a: {}",
        "- a\n- b",
        "just text",
        "common_env:\n  - module load gcc",
        "a: {cores per node: 4}",
        "base: &base {walltime: 1:00:00}\na: {provider: slurm, <<: *base}",
    ]));
}

#[test]
fn everything_wrong_with_a_file_is_said_at_once() {
    let error = Config::from_toml(
        "[compute]\nprovider = 'slurm'\npartiton = 'big'\nwalltime = 60\n\n[b]\n\n\
         [workflow]\nexecutors = ['c']\n",
    )
    .unwrap_err();
    let lines: Vec<_> = error
        .mistakes()
        .iter()
        .map(|mistake| mistake.line().unwrap())
        .collect();
    assert_eq!(lines, [3, 4, 6, 9]);
    assert_eq!((error.line(), error.column()), (Some(3), Some(1)));
    assert!(matches!(
        error.mistakes()[0].kind(),
        MistakeKind::UnknownKey {
            nearest: Some("partition"),
            ..
        }
    ));
    assert!(
        error
            .mistakes()
            .iter()
            .all(|mistake| mistake.advice().is_some())
    );
}

#[test]
fn a_flood_of_mistakes_is_cut_off() {
    let file: String = (0..60).map(|index| format!("x{index} = 1\n")).collect();
    let error = Config::from_toml(&file).unwrap_err();
    assert_eq!(error.mistakes().len(), 60);
    let printed = error.to_string();
    assert!(printed.ends_with("\n… and 10 more mistakes"), "{printed}");
    assert!(
        printed.contains("`x49`") && !printed.contains("`x50`"),
        "{printed}"
    );
}

#[test]
fn columns_count_characters() {
    let error = Config::from_toml("x = { 'é€' = 1, provider = 'threads' }").unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(1), Some(7)));
    let error = Config::from_toml("'é' = { provider = 'threads', 'y' = 1 }").unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(1), Some(31)));
    let error = Config::from_toml("\u{feff}y = 1").unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(1), Some(5)));
    let error = Config::from_yaml("é: {provider: threads, 'y': 1}").unwrap_err();
    assert_eq!((error.line(), error.column()), (Some(1), Some(24)));
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("latin.toml"), b"[a]\nprovider = 'threads'\n# caf\xe9").unwrap();
    fs::write(path("wrong.yml"), "a:\n  provider: threads\n  x: 1\n").unwrap();
    fs::write(path("long.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    fs::write(path("resources"), "").unwrap();
    fs::create_dir(path("folder.toml")).unwrap();
    let mut shown = String::new();
    for name in [
        "missing.toml",
        "folder.toml",
        "latin.toml",
        "wrong.yml",
        "long.toml",
        "resources",
    ] {
        let error = Config::load(path(name)).unwrap_err();
        assert_eq!(error.path(), Some(&*path(name)));
        shown.push_str(&format!("{error}\n"));
    }
    insta::assert_snapshot!(shown.replace(folder.path().to_str().unwrap(), "…"));
}

#[test]
fn a_missing_file_says_where_it_was_looked_for() {
    let error = Config::load("no/such.toml").unwrap_err();
    let here = std::env::current_dir().unwrap().join("no/such.toml");
    assert!(
        error.to_string().contains(here.to_str().unwrap()),
        "{error}"
    );
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_file_may_begin_with_a_byte_order_mark() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("a.TOML", "[a]\nmax_blocks = 0"),
        ("a.yaml", "a:\n  max_blocks: 0"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, format!("\u{feff}{text}")).unwrap();
        let error = Config::load(&path).unwrap_err();
        assert_eq!(error.line(), Some(2), "{error}");
        fs::write(&path, format!("\u{feff}{}", text.replace('0', "2"))).unwrap();
        let config = Config::load(&path).unwrap();
        assert_eq!(config.path(), Some(&*path));
    }
}
