use super::super::exit::Exit;
use super::Desk;
use super::amounts;
use super::select::{functions, hint};
use super::told::short;
use crate::cache::{Filter, Summary, is_named};

/// Tells why the newest result of a function had to be computed: what in its key is new
#[derive(Debug, clap::Args)]
#[command(
    after_help = "It is compared with the earlier result that differs from it in the fewest parts."
)]
pub(super) struct Why {
    /// The function's whole name, or the end of it
    function: String,
}

impl Why {
    pub(super) fn run(self, desk: Desk<'_>) -> std::io::Result<Exit> {
        let known = functions(desk.store);
        let named = known.iter().filter(|known| is_named(known, &self.function));
        let named: Vec<_> = named.collect();
        let function = match *named {
            [function] => function,
            [] => {
                let name = &self.function;
                writeln!(
                    desk.errors,
                    "error: no result of a function `{name}` is kept"
                )?;
                writeln!(desk.errors, "  hint: {}", hint(name, &known))?;
                return Ok(Exit::Usage);
            }
            ref several => {
                let name = &self.function;
                writeln!(
                    desk.errors,
                    "error: `{name}` is the end of several functions' names"
                )?;
                let several: Vec<_> = several.iter().map(|name| &***name).collect();
                writeln!(desk.errors, "  hint: there are `{}`", several.join("`, `"))?;
                return Ok(Exit::Usage);
            }
        };
        let filter = Filter {
            function: Some(function.clone()),
            ..Filter::default()
        };
        let newest = desk.store.list(&filter).pop();
        let newest = newest.and_then(|newest| desk.store.details(&newest.key));
        let Some(newest) = newest else {
            writeln!(
                desk.errors,
                "error: the newest result of `{function}` cannot be read"
            )?;
            return Ok(Exit::Failure);
        };
        writeln!(desk.out, "newest         {}", told(&desk, &newest.summary))?;
        // All others are earlier.
        let nearest = desk.store.nearest(&newest.recipe);
        let before = nearest.and_then(|(key, parts)| Some((desk.store.details(&key)?, parts)));
        let Some((before, parts)) = before else {
            writeln!(
                desk.out,
                "no earlier result of `{function}` is kept to compare it with"
            )?;
            return Ok(Exit::Success);
        };
        writeln!(desk.out, "compared with  {}", told(&desk, &before.summary))?;
        writeln!(desk.out, "\nnew is:")?;
        for part in &parts {
            writeln!(desk.out, "  {part}")?;
        }
        Ok(Exit::Success)
    }
}

fn told(desk: &Desk<'_>, result: &Summary) -> String {
    let age = amounts::age(desk.now, result.made);
    format!(
        "{} {} of run {}, made {age} ago",
        short(&result.key),
        result.task,
        result.run
    )
}
