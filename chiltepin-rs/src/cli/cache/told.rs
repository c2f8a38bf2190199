//! What is told of results, to people and in JSON.
//!
//! Programs read the JSON: a field keeps its name and its meaning, and new ones may come.

use serde::Serialize;

use super::amounts::moment;
use crate::cache::{CacheKey, Code, Details, Summary};

/// So many digits of a key are enough to name one of a million, nearly always.
const DIGITS: usize = 12;

/// The beginning of a key.
pub(super) fn short(key: &CacheKey) -> String {
    let mut digits = key.to_string();
    digits.truncate(DIGITS);
    digits
}

/// A hash in hexadecimal digits.
pub(super) fn digits(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A result in a listing.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    key: String,
    function: String,
    task: String,
    run: String,
    /// In RFC 3339, as `used`.
    made: String,
    took_seconds: f64,
    size: u64,
    used: String,
    has_directory: bool,
}

impl Line {
    pub(super) fn of(result: &Summary) -> Self {
        Self {
            key: result.key.to_string(),
            function: result.function.clone(),
            task: result.task.clone(),
            run: result.run.clone(),
            made: moment(result.made),
            took_seconds: result.took.as_secs_f64(),
            size: result.size,
            used: moment(result.used),
            has_directory: result.has_directory,
        }
    }
}

/// All of a result but its value.
#[derive(Debug, Serialize)]
pub(super) struct Whole {
    #[serde(flatten)]
    line: Line,
    version: String,
    code: CodeTold,
    arguments: Vec<ArgumentTold>,
    outputs: Vec<OutputTold>,
    upstream: Vec<String>,
    directory: Option<String>,
}

#[derive(Debug, Serialize)]
struct CodeTold {
    mode: &'static str,
    hash: String,
}

#[derive(Debug, Serialize)]
struct ArgumentTold {
    name: String,
    hash: String,
}

#[derive(Debug, Serialize)]
struct OutputTold {
    path: String,
    hash: String,
    size: u64,
    stored: u64,
    executable: bool,
}

/// The mode by its name in the configuration, and the hash.
pub(super) fn code(code: &Code) -> (&'static str, String) {
    match code {
        Code::Body(hash) => ("body", digits(hash)),
        Code::Binary(hash) => ("binary", digits(hash)),
    }
}

impl Whole {
    pub(super) fn of(details: &Details, directory: Option<String>) -> Self {
        let recipe = &details.recipe;
        let (mode, hash) = code(&recipe.code);
        let arguments = recipe.arguments.iter().map(|argument| ArgumentTold {
            name: argument.name.clone(),
            hash: digits(&argument.digest),
        });
        let outputs = details.outputs.iter().map(|output| OutputTold {
            path: output.path.display().to_string(),
            hash: digits(&output.hash),
            size: output.size,
            stored: output.stored,
            executable: output.executable,
        });
        Self {
            line: Line::of(&details.summary),
            version: recipe.version.clone(),
            code: CodeTold { mode, hash },
            arguments: arguments.collect(),
            outputs: outputs.collect(),
            upstream: details.upstream.iter().map(ToString::to_string).collect(),
            directory,
        }
    }
}
