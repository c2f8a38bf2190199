//! `chiltepin cache`: what is kept, and what is to be kept no longer.
//!
//! ```text
//!   --folder or the configuration ──place──► Store ──┬─► ls, show, why: text or JSON
//!                                                    └─► clear, prune: what goes
//! ```

mod amounts;
mod clear;
mod list;
mod place;
mod prune;
mod select;
mod show;
mod told;
mod why;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::SystemTime;

use super::exit::Exit;
use crate::cache::Store;

/// Tells what the cache of results holds, and makes it smaller
#[derive(Debug, clap::Args)]
pub(super) struct Cache {
    /// The cache's folder [default: the one of the configuration that CHILTEPIN_CONFIG names, or
    /// `cache` below `run_dir`]
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    #[command(name = "ls")]
    List(list::List),
    Show(show::Show),
    Clear(clear::Clear),
    Prune(prune::Prune),
    Why(why::Why),
}

/// The cache that is asked, and where the answer goes.
struct Desk<'a> {
    store: &'a Store,
    now: SystemTime,
    out: &'a mut dyn Write,
    errors: &'a mut dyn Write,
}

impl Cache {
    pub(super) fn run(self, out: &mut dyn Write, errors: &mut dyn Write) -> std::io::Result<Exit> {
        let store = match place::open(self.folder) {
            Ok(store) => store,
            Err(error) => {
                let exit = error.exit();
                fail(errors, &error)?;
                return Ok(exit);
            }
        };
        let desk = Desk {
            store: &store,
            now: SystemTime::now(),
            out,
            errors,
        };
        self.action.run(desk)
    }
}

impl Action {
    fn run(self, desk: Desk<'_>) -> std::io::Result<Exit> {
        match self {
            Self::List(list) => list.run(desk),
            Self::Show(show) => show.run(desk),
            Self::Clear(clear) => clear.run(desk),
            Self::Prune(prune) => prune.run(desk),
            Self::Why(why) => why.run(desk),
        }
    }
}

impl Desk<'_> {
    /// Says why nothing could be removed.
    fn refused(&mut self, error: &dyn Error) -> std::io::Result<Exit> {
        match self.store.trouble() {
            Some(trouble) => fail(self.errors, &trouble)?,
            None => fail(self.errors, error)?,
        }
        Ok(Exit::Failure)
    }
}

/// Tells an error with its causes.
fn fail(errors: &mut dyn Write, error: &dyn Error) -> std::io::Result<()> {
    write!(errors, "error: {error}")?;
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(errors, ": {error}")?;
        cause = error.source();
    }
    writeln!(errors)
}
