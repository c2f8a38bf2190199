use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

use crate::program::{example, folder, stderr, stdout};

fn corpus(input: &Path) -> Output {
    let run = tempfile::tempdir().unwrap();
    example("corpus", run.path()).arg(input).output().unwrap()
}

/// A folder with three texts in folders of their own, thirteen words in all.
fn texts() -> tempfile::TempDir {
    let input = tempfile::tempdir().unwrap();
    fs::create_dir_all(input.path().join("deep/deeper")).unwrap();
    fs::write(input.path().join("a"), "The pepper, the plant; the seed.").unwrap();
    fs::write(input.path().join("deep/b.txt"), "pepper PLANT été Été\n").unwrap();
    fs::write(input.path().join("deep/deeper/c d.md"), "x2y été").unwrap();
    input
}

fn expected(head: &str, input: &Path, rest: &str) -> String {
    format!(
        "{head} below {}\n{rest}       3  the\n       3  été\n       2  pepper\n       2  plant\n       \
         1  seed\n       1  x\n       1  y\n",
        input.display()
    )
}

#[test]
fn words_are_counted_and_ties_ordered() {
    let input = texts();
    let output = corpus(input.path());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(
        stdout(&output),
        expected("13 words in 3 text files", input.path(), "")
    );
    assert_eq!(stderr(&output), "");
}

#[test]
fn with_the_cache_only_what_changed_is_worked_out_again() {
    let input = texts();
    let run = tempfile::tempdir().unwrap();
    let answer = expected("13 words in 3 text files", input.path(), "");
    let counts = |executor: &str| {
        let output = example("corpus", run.path())
            .args(["--cache", "--executor", executor])
            .arg(input.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(stderr(&output), "");
        let printed = stdout(&output).to_owned();
        let counts = printed.strip_prefix(&answer).map(ToOwned::to_owned);
        counts.unwrap_or(printed)
    };
    // Three files, the sum, the table, its sorted form, the top.
    assert_eq!(counts("local"), "0 results were there, 7 were worked out\n");
    for executor in ["local", "processes"] {
        assert_eq!(
            counts(executor),
            "7 results were there, 0 were worked out\n"
        );
    }
    // The file is another one and was counted elsewhere; the words of all of them are not others.
    fs::write(input.path().join("deep/b.txt"), "pepper PLANT été Été\n\n").unwrap();
    assert_eq!(
        counts("processes"),
        "5 results were there, 2 were worked out\n"
    );
    fs::write(input.path().join("deep/b.txt"), "pepper").unwrap();
    let printed = counts("local");
    let end = "2 results were there, 5 were worked out\n";
    assert!(printed.ends_with(end), "{printed}");
}

#[test]
fn worker_processes_give_the_same_answer() {
    let input = texts();
    let run = tempfile::tempdir().unwrap();
    let output = example("corpus", run.path())
        .args(["--executor", "processes", "--verbose"])
        .arg(input.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let printed = stdout(&output);
    let (told, answer): (Vec<_>, Vec<_>) = printed
        .lines()
        .partition(|line| line.starts_with("words were counted on `processes`"));
    let expected = expected("13 words in 3 text files", input.path(), "");
    assert_eq!(answer, expected.lines().collect::<Vec<_>>());
    let [told] = told[..] else {
        panic!("{printed}");
    };
    let numbers: Vec<u32> = told
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let (own, workers) = numbers.split_last().unwrap();
    assert!(!workers.is_empty() && !workers.contains(own), "{told}");
}

#[test]
fn an_option_that_does_not_exist_is_answered_with_those_that_do() {
    let run = tempfile::tempdir().unwrap();
    let output = example("corpus", run.path())
        .arg("--fast")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "usage: corpus [--executor NAME] [--cache] [--verbose] [FOLDER]\n"
    );
}

#[test]
fn only_the_ten_most_frequent_are_printed() {
    let input = tempfile::tempdir().unwrap();
    let words: Vec<_> = ('a'..='z').map(|letter| letter.to_string()).collect();
    fs::write(input.path().join("letters"), words.join(" ")).unwrap();
    let output = corpus(input.path());
    let words: Vec<_> = stdout(&output)
        .lines()
        .skip(1)
        .map(|line| line.trim_start())
        .collect();
    assert_eq!(words.len(), 10);
    assert_eq!((words[0], words[9]), ("1  a", "1  j"));
}

#[test]
fn what_is_not_text_is_left_out_and_counted() {
    let input = texts();
    fs::write(input.path().join("latin-1"), b"\xe9t\xe9 the the the the").unwrap();
    fs::write(input.path().join("nul"), b"the\0the").unwrap();
    let output = corpus(input.path());
    assert!(output.status.success(), "{}", stderr(&output));
    let rest = "2 files are not text and left out\n";
    assert_eq!(
        stdout(&output),
        expected("13 words in 3 text files", input.path(), rest)
    );
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_counted() {
    let input = texts();
    let link = input.path().join("dangling");
    symlink("nowhere", &link).unwrap();
    let output = corpus(input.path());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stdout(&output),
        expected("13 words in 3 text files", input.path(), "")
    );
    let warning = format!(
        "warning: cannot read `{}`: No such file or directory (os error 2)\n",
        link.display()
    );
    assert_eq!(stderr(&output), warning);
}

#[test]
fn links_to_files_are_followed_and_links_to_folders_are_not() {
    let input = texts();
    symlink(input.path(), input.path().join("circle")).unwrap();
    symlink(input.path().join("a"), input.path().join("again")).unwrap();
    let output = corpus(input.path());
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stdout(&output).starts_with("19 words in 4 text files"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn an_empty_folder_has_no_words() {
    let input = tempfile::tempdir().unwrap();
    let output = corpus(input.path());
    assert!(output.status.success(), "{}", stderr(&output));
    let expected = format!("0 words in 0 text files below {}\n", input.path().display());
    assert_eq!(stdout(&output), expected);
}

#[test]
fn a_folder_that_is_not_there_is_an_error_that_names_it() {
    let output = corpus(Path::new("/no/such/folder"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
    let error = stderr(&output);
    assert!(error.starts_with("error: "), "{error}");
    assert!(error.contains("task `list_files`"), "{error}");
    assert!(
        error.contains("cannot read `/no/such/folder`: No such file"),
        "{error}"
    );
}

#[test]
fn a_second_folder_is_refused() {
    let run = tempfile::tempdir().unwrap();
    let output = example("corpus", run.path())
        .args(["a", "b"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        stderr(&output),
        "usage: corpus [--executor NAME] [--cache] [--verbose] [FOLDER]\n"
    );
}

#[test]
fn without_a_folder_it_reads_this_repository() {
    let run = tempfile::tempdir().unwrap();
    let output = example("corpus", run.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let repository = folder().parent().unwrap().display().to_string();
    assert!(
        stdout(&output)
            .lines()
            .next()
            .unwrap()
            .ends_with(&repository)
    );
    assert_eq!(stdout(&output).lines().count(), 11);
}

/// The executor `compute` is the one of `chiltepin.toml`; without it all the same comes out.
#[test]
fn the_configuration_changes_nothing_but_the_place() {
    let input = texts();
    let run = tempfile::tempdir().unwrap();
    let with_its_own = corpus(input.path());

    let without_compute = run.path().join("none.toml");
    fs::write(&without_compute, "").unwrap();
    let mut command = example("corpus", run.path());
    let local = command
        .arg(input.path())
        .env("CHILTEPIN_CONFIG", &without_compute);
    let local = local.output().unwrap();
    assert!(local.status.success(), "{}", stderr(&local));
    assert_eq!(stdout(&local), stdout(&with_its_own));

    // That the executor is used at all shows where it cannot be.
    let unusable = run.path().join("unusable.toml");
    fs::write(&unusable, "[compute]\nendpoint = \"none\"\n").unwrap();
    let mut command = example("corpus", run.path());
    let refused = command
        .arg(input.path())
        .env("CHILTEPIN_CONFIG", &unusable)
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("executor `compute`"),
        "{}",
        stderr(&refused)
    );
}
