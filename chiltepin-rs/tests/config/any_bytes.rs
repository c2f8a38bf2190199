//! No bytes make the parsers or the checks panic, and what they accept prints and reads back.

use chiltepin::config::{Config, ConfigError, DEFAULT_FILE};
use proptest::prelude::*;

const YAML: &str = "\
workflow: {executors: [local, a], limits: {gpu: 1}}
shared: &shared [\"module load gcc\", 'x']
a: &a
  provider: slurm
  walltime: \"1-02:00:00\"
  environment: *shared
b:
  <<: *a
  port: 50000-50100
  memory_per_node: 16GiB
  parallelism: 0.5
local: {max_blocks: 2, prefix: \"nice -n 10\"}
";

fn examine(result: Result<Config, ConfigError>) {
    match result {
        Ok(config) => {
            let printed = config.to_string();
            assert_eq!(Config::from_toml(&printed).expect(&printed), config);
            for resource in &config.resources {
                let _ = resource.unavailable();
            }
        }
        Err(error) => {
            assert!(!error.mistakes().is_empty());
            for mistake in error.mistakes() {
                assert_ne!((mistake.line(), mistake.column()), (Some(0), Some(0)));
                assert!(!mistake.kind().to_string().contains('\n'), "{error}");
            }
            assert!(error.to_string().starts_with("configuration:"));
        }
    }
}

fn examine_bytes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    examine(Config::from_toml(&text));
    examine(Config::from_yaml(&text));
}

/// A change to a text: at a place, take some bytes out and put others in.
fn change() -> impl Strategy<Value = (prop::sample::Index, usize, Vec<u8>)> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4),
        prop::sample::select(vec![
            "[",
            "]",
            "{",
            "}",
            ":",
            "-",
            "\n",
            "\n\n",
            "  ",
            "\t",
            "\"",
            "'",
            "#",
            "&a ",
            "*a",
            "<<: ",
            "=",
            ".",
            ",",
            "0",
            "-1",
            "1e999",
            ".nan",
            "true",
            "null",
            "~",
            "!!str ",
            "? ",
            "|\n",
            "---\n",
            "999999999999999999999999",
            "1:00:00",
            "é",
            "\u{feff}",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    (any::<prop::sample::Index>(), 0..12_usize, piece)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes(bytes: Vec<u8>) {
        examine_bytes(&bytes);
    }

    #[test]
    fn random_text(text: String) {
        examine_bytes(text.as_bytes());
    }

    #[test]
    fn changed_files(
        toml: bool,
        changes in prop::collection::vec(change(), 1..6),
    ) {
        let mut bytes = if toml { DEFAULT_FILE } else { YAML }.as_bytes().to_vec();
        for (place, length, piece) in changes {
            let start = place.index(bytes.len() + 1);
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, piece);
        }
        examine_bytes(&bytes);
    }
}

#[test]
fn the_yaml_that_is_changed_is_valid() {
    examine(Ok(Config::from_yaml(YAML).unwrap()));
}

#[test]
fn anchors_do_not_grow_without_bound() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        let list = [&*alias; 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
    }
    let error = Config::from_yaml(&text).unwrap_err();
    assert!(
        error.to_string().contains("nested too deeply, or too much"),
        "{error}"
    );
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let text = format!("x: {}1{}", open.repeat(10_000), close.repeat(10_000));
        assert!(Config::from_yaml(&text).is_err());
    }
    let text = format!("x = {}1{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(Config::from_toml(&text).is_err());
    let text = format!("[{}]", vec!["a"; 10_000].join("."));
    assert!(Config::from_toml(&text).is_err());
}
