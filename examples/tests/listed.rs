use std::fs;

use crate::program::{example, folder, stderr, stdout};

/// The names of the examples, from the manifest.
fn names() -> Vec<String> {
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    let examples = manifest.split("[[example]]\n").skip(1);
    examples
        .map(|example| {
            let name = example
                .lines()
                .find_map(|line| line.strip_prefix("name = \""));
            name.and_then(|name| name.strip_suffix('"'))
                .unwrap()
                .to_owned()
        })
        .collect()
}

/// What an example's head says it prints: the block behind a line `Prints`.
fn promised(source: &str) -> Option<String> {
    let head = source.lines().map_while(|line| line.strip_prefix("//!"));
    let block = head
        .skip_while(|line| line.trim() != "Prints")
        .skip_while(|line| !line.contains("```"))
        .skip(1);
    let lines: Vec<_> = block
        .take_while(|line| !line.contains("```"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n") + "\n")
}

#[test]
fn every_file_is_an_example_and_has_a_promise() {
    let mut files: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let mut names = names();
    names.sort();
    assert_eq!(files, names);
}

#[test]
fn every_example_prints_what_it_promises() {
    // What these print depends on their input, and on the machine; they have tests of their own.
    let apart = ["corpus", "mpi_pi"];
    for name in names().iter().filter(|name| !apart.contains(&&***name)) {
        let source = fs::read_to_string(folder().join(format!("{name}.rs"))).unwrap();
        let promised = promised(&source).unwrap_or_else(|| panic!("{name} promises nothing"));
        let run = tempfile::tempdir().unwrap();
        let output = example(name, run.path()).output().unwrap();
        assert!(output.status.success(), "{name}: {}", stderr(&output));
        assert_eq!(stdout(&output), promised, "{name}");
        let left = fs::read_dir(run.path()).unwrap();
        let left = left.map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name != "runs").collect();
        assert!(
            left.is_empty(),
            "{name} leaves {left:?} behind beside its record"
        );
    }
}
