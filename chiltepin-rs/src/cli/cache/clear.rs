use std::collections::BTreeSet;

use super::super::exit::Exit;
use super::Desk;
use super::list::total;
use super::select::Select;
use super::told::short;
use super::{amounts, fail};
use crate::cache::{CacheKey, Filter, ResolveError, Summary, below};

/// Removes results, so that their tasks run again
#[derive(Debug, clap::Args)]
#[command(after_help = "`chiltepin cache prune` then gives back the room that they took.")]
pub(super) struct Clear {
    /// The keys, or so much of their beginnings that each is the only one
    #[arg(
        value_name = "KEY",
        conflicts_with_all = ["function", "run", "older_than"],
        required_unless_present_any = ["function", "run", "older_than", "all"]
    )]
    keys: Vec<String>,
    #[command(flatten)]
    select: Select,
    /// Everything
    #[arg(long, conflicts_with_all = ["keys", "function", "run", "older_than"])]
    all: bool,
    /// And the results that these went into, directly or through others
    #[arg(long)]
    downstream: bool,
    /// Only says what would be removed
    #[arg(long)]
    dry_run: bool,
}

impl Clear {
    pub(super) fn run(self, mut desk: Desk<'_>) -> std::io::Result<Exit> {
        let chosen = match self.chosen(&desk) {
            Ok(chosen) => chosen,
            Err(error) => {
                fail(desk.errors, &error)?;
                return Ok(Exit::Usage);
            }
        };
        let below = if self.downstream {
            below(desk.store, &chosen)
        } else {
            Vec::new()
        };
        let keys: Vec<_> = chosen
            .iter()
            .chain(&below)
            .map(|result| result.key)
            .collect();
        if keys.is_empty() {
            writeln!(desk.out, "nothing to clear")?;
            self.select.hint(&mut desk)?;
            return Ok(Exit::Success);
        }
        if !self.dry_run
            && let Err(error) = desk.store.remove(&keys)
        {
            return desk.refused(&error);
        }
        let verb = if self.dry_run {
            "would remove"
        } else {
            "removed"
        };
        let below_from = chosen.len();
        let all: Vec<Summary> = chosen.into_iter().chain(below).collect();
        for (place, result) in all.iter().enumerate() {
            let age = amounts::age(desk.now, result.made);
            let why = if place < below_from {
                ""
            } else {
                ", downstream"
            };
            let (key, function, task) = (short(&result.key), &result.function, &result.task);
            writeln!(
                desk.out,
                "{verb} {key} {function} {task}, made {age} ago{why}"
            )?;
        }
        writeln!(desk.out, "{verb} {}", total(&all))?;
        Ok(Exit::Success)
    }

    /// What was asked for, without what came from it.
    fn chosen(&self, desk: &Desk<'_>) -> Result<Vec<Summary>, ResolveError> {
        if self.keys.is_empty() {
            return Ok(self.select.results(desk));
        }
        let keys = self.keys.iter().map(|key| desk.store.resolve(key));
        let keys: BTreeSet<CacheKey> = keys.collect::<Result<_, _>>()?;
        Ok(summaries(desk, &keys))
    }
}

/// The results of these keys, the oldest first.
fn summaries(desk: &Desk<'_>, keys: &BTreeSet<CacheKey>) -> Vec<Summary> {
    if keys.is_empty() {
        return Vec::new();
    }
    let mut all = desk.store.list(&Filter::default());
    all.retain(|result| keys.contains(&result.key));
    all
}
