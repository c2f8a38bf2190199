use super::super::exit::Exit;
use super::Desk;
use super::amounts;
use crate::config::{MEMORY_FORMS, parse_memory};

/// Gives back the room of what is needed no more, and of the results beyond a size
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Results go in the order in which they were last used, the oldest first. What \
                  running programs write to is left as it is until they have ended."
)]
pub(super) struct Prune {
    /// The most that the cache may take, as 10GiB [default: any amount]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<u64>,
    /// Only says what would be removed
    #[arg(long)]
    dry_run: bool,
}

fn size(text: &str) -> Result<u64, String> {
    parse_memory(text).ok_or_else(|| format!("expected {MEMORY_FORMS}"))
}

impl Prune {
    pub(super) fn run(self, mut desk: Desk<'_>) -> std::io::Result<Exit> {
        if self.dry_run {
            return self.tell(desk);
        }
        let pruned = match desk.store.prune(self.max_size.unwrap_or(u64::MAX)) {
            Ok(pruned) => pruned,
            Err(error) => return desk.refused(&error),
        };
        writeln!(
            desk.out,
            "removed {}; the cache took {} and takes {}",
            amounts::results(pruned.removed.len()),
            amounts::size(pruned.before.bytes),
            amounts::size(pruned.after.bytes)
        )?;
        if self.max_size.is_some_and(|most| pruned.after.bytes > most) {
            writeln!(
                desk.errors,
                "  hint: the rest is given back later: running programs write to some of it, or \
                 it is younger than an hour"
            )?;
        }
        Ok(Exit::Success)
    }

    /// Says what would be removed.
    fn tell(&self, desk: Desk<'_>) -> std::io::Result<Exit> {
        let plan = desk.store.plan_prune(self.max_size.unwrap_or(u64::MAX));
        writeln!(
            desk.out,
            "would remove {}; the cache takes {} and would take {} or a little more",
            amounts::results(plan.remove.len()),
            amounts::size(plan.before.bytes),
            amounts::size(plan.needed)
        )?;
        Ok(Exit::Success)
    }
}
