//! Which results are meant.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::super::runs;
use super::Desk;
use crate::cache::{Filter, Store, Summary, is_named};
use crate::config::nearest::nearest;
use crate::config::parse_age;
use crate::report::{self, RunRecord};

/// Those that fit all that is given.
#[derive(Debug, clap::Args)]
pub(super) struct Select {
    /// Results of this function: its whole name, or the end of it
    #[arg(long, value_name = "NAME")]
    pub(super) function: Option<String>,
    /// Results that this run computed: its number below `run_dir`, `latest`, its folder, or its id
    #[arg(long)]
    pub(super) run: Option<String>,
    /// Results that were computed longer ago than this, as 7d or 12h
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(super) older_than: Option<Duration>,
}

/// The id of the run that is meant: results say that, because they outlive the run's folder, whose
/// number may be given again.
fn run_id(meant: &str) -> String {
    let folder = runs::folder(Some(Path::new(meant))).ok();
    let read = folder.and_then(|folder| report::read(&folder).ok());
    let started = read.and_then(|read| RunRecord::of(read.events).started);
    started.map_or_else(|| meant.to_owned(), |started| started.id)
}

fn age(text: &str) -> Result<Duration, &'static str> {
    parse_age(text).ok_or("expected a time such as 90s, 12h, 7d or 2w")
}

impl Select {
    /// What fits, the oldest first.
    pub(super) fn results(&self, desk: &Desk<'_>) -> Vec<Summary> {
        let made_before = self.older_than.map(|age| {
            // Nothing was made before the clock began.
            let earliest = std::time::SystemTime::UNIX_EPOCH;
            desk.now.checked_sub(age).unwrap_or(earliest)
        });
        let filter = Filter {
            function: None,
            run: self.run.as_deref().map(run_id),
            made_before,
        };
        let mut found = desk.store.list(&filter);
        if let Some(name) = &self.function {
            found.retain(|result| is_named(&result.function, name));
        }
        found
    }

    /// Says which functions there are, when none has the name that was given.
    pub(super) fn hint(&self, desk: &mut Desk<'_>) -> std::io::Result<()> {
        let Some(name) = &self.function else {
            return Ok(());
        };
        let known = functions(desk.store);
        if known.iter().any(|function| is_named(function, name)) {
            return Ok(());
        }
        writeln!(desk.errors, "  hint: {}", hint(name, &known))
    }
}

/// The functions that have results.
pub(super) fn functions(store: &Store) -> BTreeSet<String> {
    let all = store.list(&Filter::default());
    all.into_iter().map(|result| result.function).collect()
}

/// What to write instead of a name that no function has.
pub(super) fn hint(name: &str, known: &BTreeSet<String>) -> String {
    /// More names than a person looks through.
    const SHOWN: usize = 8;
    let last = |function: &'_ str| function.rsplit("::").next().map(ToOwned::to_owned);
    let short: Vec<String> = known.iter().filter_map(|name| last(name)).collect();
    let all = known.iter().chain(&short).map(|name| &**name);
    if let Some(near) = nearest(name, all) {
        return format!("did you mean `{near}`?");
    }
    let names: Vec<_> = known.iter().take(SHOWN).map(|name| &**name).collect();
    match (names.len(), known.len()) {
        (0, _) => "the cache holds no results".to_owned(),
        (shown, all) if shown == all => {
            format!("there are results of `{}`", names.join("`, `"))
        }
        (shown, all) => {
            let names = names.join("`, `");
            format!("there are results of `{names}` and {} others", all - shown)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_function_is_answered_with_the_known_ones() {
        let known = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let two = known(&["a::square", "a::cube"]);
        assert_eq!(hint("sqare", &two), "did you mean `square`?");
        assert_eq!(hint("a::qube", &two), "did you mean `a::cube`?");
        assert_eq!(
            hint("mean", &two),
            "there are results of `a::cube`, `a::square`"
        );
        assert_eq!(hint("mean", &known(&[])), "the cache holds no results");
    }
}
