//! Counts the words of every text file below a folder and prints the ten most frequent: a
//! map-reduce with one task per file, and the real `sort`.
//!
//! ```text
//! cargo run --release --example corpus -- [--executor NAME] [--cache] [--verbose] [FOLDER]
//!
//!   list_files ─► count_all (join) ─► count_words, for each file ─► merge
//!                                     ─► write_table ─► sort_table (bash) ─► read_top
//! ```
//!
//! Without a folder it reads the Markdown and Rust sources of this repository. A word is a run of
//! letters, in lower case; words of one count are in the order of their bytes. Files that are no
//! UTF-8 text are counted and left out. What cannot be read is named, does not stop the rest, and
//! makes the program end with exit code 1.
//!
//! The tasks run on the executor `NAME` of the configuration: that of `CHILTEPIN_CONFIG`, else
//! `examples/chiltepin.toml`, which has `compute` (threads) and `processes` (worker processes).
//! Without a name it is `compute` where there is one, else `local`. `--verbose` tells which
//! processes counted words. With `--cache` results are kept, in `runs/cache`: the next run works out
//! only what depends on files that have changed, and tells how much that was. The table and its sorted form stay in the run's folder, below `runs`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chiltepin::{
    AppFuture, Capture, File, TaskContext, Workflow, bash_task, environment, join_task, sh, task,
};
use serde::{Deserialize, Serialize};

type Words = BTreeMap<String, u64>;

/// The files below a folder.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Listing {
    files: Vec<PathBuf>,
    /// What could not be read, and why.
    unreadable: Vec<String>,
}

/// What became of a file, and in which process.
#[derive(Clone, Serialize, Deserialize)]
struct Counted {
    outcome: Outcome,
    process: u32,
}

#[derive(Clone, Serialize, Deserialize)]
enum Outcome {
    Words(Words),
    NotText,
    Unreadable(String),
}

/// What became of all files.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Tally {
    words: Words,
    summary: Summary,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Summary {
    words: u64,
    texts: usize,
    not_text: usize,
    unreadable: Vec<String>,
    /// The processes that counted words.
    processes: BTreeSet<u32>,
}

/// Lists the regular files below `folder`, sorted; all of them, or those with one of `extensions`.
/// Links to files are followed, links to folders are not: they may lead in circles.
#[task]
fn list_files(folder: PathBuf, extensions: Vec<String>) -> io::Result<Listing> {
    let mut listing = Listing::default();
    let mut folders = vec![folder.clone()];
    while let Some(path) = folders.pop() {
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            // Without the folder that was asked for there is nothing to count.
            Err(error) if path == folder => return Err(unreadable(&path, &error)),
            Err(error) => {
                listing
                    .unreadable
                    .push(unreadable(&path, &error).to_string());
                continue;
            }
        };
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&path, &error))?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                // Of a repository, only what its people wrote.
                let name = entry.file_name();
                let is_source = !name.as_encoded_bytes().starts_with(b".") && name != "target";
                if extensions.is_empty() || is_source {
                    folders.push(path);
                }
                continue;
            }
            let extension = path.extension().unwrap_or_default();
            if extensions.is_empty() || extensions.iter().any(|wanted| extension == &**wanted) {
                match fs::metadata(&path) {
                    Ok(metadata) if metadata.is_file() => listing.files.push(path),
                    Ok(_) => {}
                    Err(error) => listing
                        .unreadable
                        .push(unreadable(&path, &error).to_string()),
                }
            }
        }
    }
    listing.files.sort();
    listing.unreadable.sort();
    Ok(listing)
}

fn unreadable(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("cannot read `{}`: {error}", path.display()),
    )
}

/// Counts the words of a file. That it cannot be read is an outcome like others, so that the
/// other files count all the same.
#[task]
fn count_words(file: File) -> Counted {
    Counted {
        outcome: words_of(&file),
        process: std::process::id(),
    }
}

fn words_of(file: &Path) -> Outcome {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::InvalidData => return Outcome::NotText,
        Err(error) => return Outcome::Unreadable(unreadable(file, &error).to_string()),
    };
    // Text of a kind that no one wrote.
    if text.contains('\0') {
        return Outcome::NotText;
    }
    let mut words = Words::new();
    for word in text.split(|letter: char| !letter.is_alphabetic()) {
        if !word.is_empty() {
            *words.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    Outcome::Words(words)
}

#[task]
fn merge(counted: Vec<Counted>, unreadable: Vec<String>) -> Tally {
    let mut tally = Tally::default();
    tally.summary.unreadable = unreadable;
    for file in counted {
        tally.summary.processes.insert(file.process);
        match file.outcome {
            Outcome::Words(words) => {
                tally.summary.texts += 1;
                for (word, count) in words {
                    *tally.words.entry(word).or_default() += count;
                }
            }
            Outcome::NotText => tally.summary.not_text += 1,
            Outcome::Unreadable(reason) => tally.summary.unreadable.push(reason),
        }
    }
    tally.summary.words = tally.words.values().sum();
    tally
}

/// Fans out: how many calls there are is known once the listing is.
#[join_task]
async fn count_all(
    workflow: &Workflow,
    listing: Listing,
    executor: String,
    is_cached: bool,
) -> AppFuture<Tally> {
    let count = |file| count_words(file).on(&executor).cache(is_cached);
    let counted = workflow.map(listing.files, count);
    merge(counted, listing.unreadable)
        .on(&executor)
        .cache(is_cached)
        .submit(workflow)
}

/// Writes a line for each word into a file of the task's own.
#[task]
fn write_table(words: Words, context: &TaskContext) -> io::Result<File> {
    let path = context.directory().join("words.tsv");
    let mut table = io::BufWriter::new(fs::File::create(&path)?);
    for (word, count) in words {
        writeln!(table, "{count}\t{word}")?;
    }
    table.flush()?;
    Ok(File::new(path))
}

#[bash_task]
fn sort_table(table: File) -> String {
    sh!("LC_ALL=C sort -k1,1nr -k2,2 {table}")
}

#[task]
fn read_top(sorted: File, most: usize) -> io::Result<Vec<String>> {
    BufReader::new(fs::File::open(sorted)?)
        .lines()
        .take(most)
        .collect()
}

/// What the program was asked to do.
#[derive(Default)]
struct Options {
    folder: Option<PathBuf>,
    executor: Option<String>,
    cache: bool,
    verbose: bool,
}

impl Options {
    /// Reads the arguments; none if they make no sense.
    fn read(mut arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut options = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.to_str() {
                Some("--executor") => {
                    options.executor = Some(arguments.next()?.into_string().ok()?);
                }
                Some("--cache") => options.cache = true,
                Some("--verbose") => options.verbose = true,
                Some(option) if option.starts_with('-') => return None,
                _ if options.folder.is_some() => return None,
                _ => options.folder = Some(argument.into()),
            }
        }
        Some(options)
    }

    fn executor(&self, workflow: &Workflow) -> String {
        let has_compute = || workflow.executors().iter().any(|name| name == "compute");
        match &self.executor {
            Some(name) => name.clone(),
            None if has_compute() => "compute".to_owned(),
            None => "local".to_owned(),
        }
    }
}

fn open(repository: &Path) -> chiltepin::Result<Workflow> {
    let config = repository.join("examples/chiltepin.toml");
    let mut builder = Workflow::builder().handle_signals();
    if environment::config_path().is_none() && config.is_file() {
        builder = builder.config(config);
    }
    builder.open()
}

fn count(options: &Options) -> chiltepin::Result<ExitCode> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let workflow = open(&repository)?;
    let executor = options.executor(&workflow);

    let (folder, extensions) = match &options.folder {
        Some(folder) => (folder.clone(), Vec::new()),
        None => (
            repository.canonicalize()?,
            vec!["md".to_owned(), "rs".to_owned()],
        ),
    };
    let listing = list_files(&folder, extensions)
        .on(&executor)
        .submit(&workflow);
    let tally = count_all(listing, &executor, options.cache).submit(&workflow);
    let words = tally.field(|tally| &tally.words);
    let table = write_table(words)
        .on(&executor)
        .fresh_directory()
        .cache(options.cache)
        .submit(&workflow);
    let sorted = sort_table(&table)
        .on(&executor)
        .stdout(Capture::auto())
        .cache(options.cache)
        .submit(&workflow);
    let top = sorted.stdout().map(PathBuf::from).unwrap_or_default();
    let top = read_top(top, 10)
        .on(&executor)
        .inputs([&sorted])
        .cache(options.cache)
        .submit(&workflow);

    // All results come before anything is printed: the rows that show the run are gone by then.
    let summary = tally.field(|tally| &tally.summary).result()?;
    let top = top.result()?;
    for reason in &summary.unreadable {
        eprintln!("warning: {reason}");
    }
    println!(
        "{} words in {} text files below {}",
        summary.words,
        summary.texts,
        folder.display()
    );
    if summary.not_text > 0 {
        println!("{} files are not text and left out", summary.not_text);
    }
    if options.verbose {
        let processes = summary.processes.iter().map(ToString::to_string);
        let processes: Vec<_> = processes.collect();
        println!(
            "words were counted on `{executor}` by the processes {} (this one is {})",
            processes.join(", "),
            std::process::id()
        );
    }
    for line in top {
        let (count, word) = line.split_once('\t').unwrap_or((&line, ""));
        println!("{count:>8}  {word}");
    }
    if options.cache {
        let tasks = workflow.status().tasks;
        println!(
            "{} results were there, {} were worked out",
            tasks.cached, tasks.uncached
        );
    }
    workflow.close_blocking();
    Ok(if summary.unreadable.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn main() -> ExitCode {
    chiltepin::init();
    let Some(options) = Options::read(std::env::args_os().skip(1)) else {
        eprintln!("usage: corpus [--executor NAME] [--cache] [--verbose] [FOLDER]");
        return ExitCode::from(2);
    };
    count(&options).unwrap_or_else(|error| {
        eprintln!("error: {error:?}");
        ExitCode::FAILURE
    })
}
