use super::super::exit::Exit;
use super::Desk;
use super::amounts;
use super::select::{functions, hint, is_named};
use super::told::short;
use crate::cache::{Code, Filter, Part, Recipe, Summary};

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
            writeln!(
                desk.out,
                "  {}",
                in_words(part, &before.recipe, &newest.recipe)
            )?;
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

/// What a difference says to who wrote the program.
fn in_words(part: &Part, before: &Recipe, now: &Recipe) -> String {
    let version = |version: &str| match version {
        "" => "not given".to_owned(),
        version => format!("\"{version}\""),
    };
    match part {
        Part::Function => format!("the function: it was `{}`", before.function),
        Part::Version => format!(
            "`version`: it is {} and was {}",
            version(&now.version),
            version(&before.version)
        ),
        Part::Code => match now.code {
            Code::Body(_) => "the function: its body, parameters or return type was \
                                            changed"
                .to_owned(),
            Code::Binary(_) => "the program: its file is another one".to_owned(),
        },
        Part::Mode => match now.code {
            Code::Body(_) => "`cache_mode`: it is \"body\" and was \"binary\"".to_owned(),
            Code::Binary(_) => "`cache_mode`: it is \"binary\" and was \"body\"".to_owned(),
        },
        // Under this name, which no parameter can have, the key holds what a command declares.
        Part::Argument(name) | Part::ArgumentAdded(name) | Part::ArgumentRemoved(name)
            if name == "(files)" =>
        {
            "the files that belong to the result".to_owned()
        }
        Part::Argument(name) => format!("the value of the argument `{name}`"),
        Part::ArgumentAdded(name) => format!("the argument `{name}`, which was no part of the key"),
        Part::ArgumentRemoved(name) => {
            format!("the key lacks the argument `{name}`, which was part of it")
        }
        Part::ArgumentOrder => "the order of the arguments".to_owned(),
    }
}
