//! A program that is changed and built again: which of its kept results still hold.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chiltepin::Workflow;

use crate::executor;
use crate::place::Place;

/// The program as it is first.
const SOURCE: &str = r#"
use std::io::Write as _;

use chiltepin::{Workflow, caching as _, task};

fn note(function: &str) {
    let log = std::fs::OpenOptions::new().create(true).append(true).open("log");
    // In one piece: two bodies may write at once.
    log.unwrap().write_all(format!("{function}\n").as_bytes()).unwrap();
}

#[task(cache)]
fn square(n: u64) -> u64 {
    note("square");
    n * n
}

#[task(cache)]
fn total(values: Vec<u64>) -> u64 {
    note("total");
    values.iter().map(|value| *value).sum()
}

#[chiltepin::main]
async fn main(workflow: Workflow) -> chiltepin::Result<()> {
    let squares = workflow.map(1..=3, square);
    println!("{}", total(squares).submit(&workflow).await?);
    Ok(())
}
"#;

/// A program in a place, linked with the library as cargo has built it for these tests.
struct Source {
    place: Place,
    library: PathBuf,
}

/// The library as it was built with one set of features or another, the newest first: that is not
/// older than the one that these tests are linked with, and so not older than its source.
fn libraries() -> Vec<PathBuf> {
    let program = Path::new(env!("CARGO_BIN_EXE_programs"));
    let entries = fs::read_dir(program.with_file_name("deps")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut libraries: Vec<_> = paths
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("libchiltepin-") && name.ends_with(".rlib")
        })
        .collect();
    libraries.sort_by_key(|path| Reverse(fs::metadata(path).unwrap().modified().unwrap()));
    libraries
}

impl Source {
    fn new() -> Self {
        let place = Place::new();
        let mut said = String::new();
        for library in libraries() {
            // One without the cache, or of which a part was built anew since, does not link.
            let built = build(&place, &library, SOURCE);
            match built {
                Ok(()) => return Self { place, library },
                Err(error) => said = error,
            }
        }
        panic!("the program cannot be linked with the library: {said}")
    }

    fn build(&self, source: &str) {
        build(&self.place, &self.library, source).unwrap();
    }

    /// How often each of both functions runs.
    fn computes(&self, config: &str) -> [usize; 2] {
        let _ = fs::remove_file(self.place.path("log"));
        let config = self.place.write("site.toml", config);
        let ran = Command::new(self.place.path("rebuilt"))
            .current_dir(self.place.root())
            .env("CHILTEPIN_CONFIG", config)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&ran.stdout), "14\n", "{ran:?}");
        let log = fs::read_to_string(self.place.path("log")).unwrap_or_default();
        ["square", "total"].map(|name| log.lines().filter(|line| *line == name).count())
    }
}

/// Builds a program with the compiler alone: cargo would build the library anew for another
/// workspace.
fn build(place: &Place, library: &Path, source: &str) -> Result<(), String> {
    let source = place.write("rebuilt.rs", source);
    let mut linked = OsString::from("chiltepin=");
    linked.push(library);
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let built = Command::new(compiler)
        .args(["--edition", "2024", "-o"])
        .arg(place.path("rebuilt"))
        .arg(source)
        .arg("--extern")
        .arg(linked)
        .arg("-L")
        .arg(library.parent().unwrap())
        // Where it is said which compiler.
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    match built.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&built.stderr).into_owned()),
    }
}

#[chiltepin::test]
fn of_a_program_that_was_changed_what_the_change_touches_is_computed_again(_workflow: Workflow) {
    if executor::only_on_threads("it is about another program") {
        return;
    }
    let program = Source::new();
    let body = "";
    assert_eq!(program.computes(body), [3, 1], "nothing is there yet");
    assert_eq!(program.computes(body), [0, 0]);

    let reformatted = SOURCE
        .replace("n * n", "// Squared.\n    n\n        * n")
        .replace("note(\"total\");", "/* its name */ note(\"total\",);")
        .replace("|value| *value", "|value| { *value }")
        .replace(
            "fn total(values: Vec<u64>)",
            "/// All of them.\nfn total(\n    values: Vec<u64>,\n)",
        );
    assert_ne!(reformatted, SOURCE);
    program.build(&reformatted);
    assert_eq!(
        program.computes(body),
        [0, 0],
        "it was only written otherwise"
    );

    let changed = reformatted.replace("n\n        * n", "n.pow(2)");
    assert_ne!(changed, reformatted);
    program.build(&changed);
    assert_eq!(
        program.computes(body),
        [3, 0],
        "the squares are the same, and so is their sum"
    );

    let version = changed.replacen(
        "#[task(cache)]\n/// All",
        "#[task(cache, version = \"2\")]\n/// All",
        1,
    );
    assert_ne!(version, changed);
    program.build(&version);
    assert_eq!(program.computes(body), [0, 1]);

    let binary = "[workflow]\ncache_mode = \"binary\"\n";
    assert_eq!(program.computes(binary), [3, 1]);
    assert_eq!(program.computes(binary), [0, 0]);
    program.build(&version.replace("Ok(())", "drop(workflow); Ok(())"));
    assert_eq!(program.computes(binary), [3, 1], "whatever was changed");
    assert_eq!(program.computes(body), [0, 0], "the functions were not");
}
