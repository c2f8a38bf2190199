use super::super::exit::Exit;
use super::Desk;
use super::told::{Whole, code, digits, short};
use super::{amounts, fail};
use crate::cache::{CacheKey, Details};

/// Tells all of a result but its value
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// The key, or so much of its beginning that it is the only one
    key: String,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self, desk: Desk<'_>) -> std::io::Result<Exit> {
        let key = match desk.store.resolve(&self.key) {
            Ok(key) => key,
            Err(error) => {
                fail(desk.errors, &error)?;
                return Ok(Exit::Usage);
            }
        };
        let Some(details) = desk.store.details(&key) else {
            writeln!(desk.errors, "error: the record of `{key}` cannot be read")?;
            return Ok(Exit::Failure);
        };
        let directory = details.directory.as_ref();
        let directory = directory.map(|path| path.display().to_string());
        if self.json {
            let whole = Whole::of(&details, directory);
            serde_json::to_writer_pretty(&mut *desk.out, &whole)?;
            writeln!(desk.out)?;
        } else {
            for (name, value) in rows(&desk, &details, directory) {
                writeln!(desk.out, "{name:<10} {value}")?;
            }
        }
        Ok(Exit::Success)
    }
}

/// Names and values; only the first of several values has its name.
fn rows(
    desk: &Desk<'_>,
    details: &Details,
    directory: Option<String>,
) -> Vec<(&'static str, String)> {
    let (summary, recipe) = (&details.summary, &details.recipe);
    let since = |moment| {
        let age = amounts::age(desk.now, moment);
        format!("{}, {age} ago", amounts::moment(moment))
    };
    let version = match &*recipe.version {
        "" => "none".to_owned(),
        version => format!("\"{version}\""),
    };
    let (mode, hash) = code(&recipe.code);
    let mut rows = vec![
        ("key", summary.key.to_string()),
        ("function", summary.function.clone()),
        ("task", summary.task.clone()),
        ("run", summary.run.clone()),
        ("made", since(summary.made)),
        ("took", amounts::took(summary.took)),
        ("used", since(summary.used)),
        ("size", amounts::size(summary.size)),
        ("version", version),
        ("code", format!("{mode} {hash}")),
    ];
    let arguments = recipe.arguments.iter();
    let arguments = arguments.map(|argument| {
        let hash = digits(&argument.digest);
        format!("{} {hash}", argument.name)
    });
    add(&mut rows, "arguments", arguments);
    let outputs = details.outputs.iter().map(|output| {
        let executable = if output.executable {
            ", executable"
        } else {
            ""
        };
        let (path, size) = (output.path.display(), amounts::size(output.size));
        format!("{path} {size}{executable}, {}", digits(&output.hash))
    });
    add(&mut rows, "outputs", outputs);
    let upstream = details.upstream.iter().map(|key| named(desk, key));
    add(&mut rows, "upstream", upstream);
    add(&mut rows, "directory", directory.into_iter());
    rows
}

fn add(
    rows: &mut Vec<(&'static str, String)>,
    name: &'static str,
    values: impl Iterator<Item = String>,
) {
    let before = rows.len();
    rows.extend(values.map(|value| ("", value)));
    match rows.get_mut(before) {
        Some(first) => first.0 = name,
        None => rows.push((name, "none".to_owned())),
    }
}

/// A result that another came from, which may be gone.
fn named(desk: &Desk<'_>, key: &CacheKey) -> String {
    match desk.store.details(key) {
        Some(details) => {
            let summary = details.summary;
            format!("{} {} {}", short(key), summary.function, summary.task)
        }
        None => format!("{} is kept no longer", short(key)),
    }
}
