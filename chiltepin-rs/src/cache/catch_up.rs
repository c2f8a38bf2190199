//! Taking up what stands in the packs and not yet in the index.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::clock::Clock;
use super::index::{Index, Known, Read};
use super::pack::{self, Present};
use super::row::Row;

/// Rows of one transaction: few enough that another process never waits long for the index.
const BATCH: usize = 10_000;

/// What the index has to do to be where the packs are.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    /// Packs that are gone, or shorter than what was read of them.
    forget: Vec<String>,
    /// Packs to read, and from where.
    read: Vec<(Present, u64)>,
}

fn plan(known: &[Known], present: Vec<Present>) -> Plan {
    let mut known: HashMap<&str, &Known> = known
        .iter()
        .map(|pack| (pack.name.as_str(), pack))
        .collect();
    let mut forget = Vec::new();
    let mut read = Vec::new();
    for pack in present {
        match known.remove(pack.name.as_str()) {
            None => read.push((pack, 0)),
            Some(before) if pack.size < before.scanned => {
                forget.push(pack.name.clone());
                read.push((pack, 0));
            }
            Some(before) if pack.size != before.size => read.push((pack, before.scanned)),
            Some(_) => {}
        }
    }
    forget.extend(known.into_keys().map(str::to_owned));
    forget.sort();
    Plan { forget, read }
}

/// Brings the index to where the packs are, and notes there what could not be read. A folder that
/// cannot be read changes nothing.
pub(super) fn catch_up(index: &Index, packs: &Path, clock: &Clock) -> rusqlite::Result<()> {
    catch_up_with(index, packs, clock, pack::list)
}

pub(super) fn catch_up_with(
    index: &Index,
    packs: &Path,
    clock: &Clock,
    list: impl FnOnce(&Path) -> io::Result<Vec<Present>>,
) -> rusqlite::Result<()> {
    // Before the packs are listed: whoever appends to one puts the records into the index too, and
    // what is known already and listed not yet would look gone.
    let known = index.known()?;
    let present = match list(packs) {
        Ok(present) => present,
        Err(error) => {
            tracing::debug!("cannot list `{}`: {error}", packs.display());
            index.set_unread(Some(packs.to_path_buf()));
            return Ok(());
        }
    };
    let mut plan_now = plan(&known, present.clone());
    let mut forgotten = 0;
    for name in &plan_now.forget {
        forgotten += index.forget_pack(name)?;
    }
    if forgotten > 0 {
        // Copies of these records, and ones that they stood before, may be in the other packs.
        index.forget_progress()?;
        plan_now.read = present.into_iter().map(|pack| (pack, 0)).collect();
    }
    let mut unread = None;
    for (pack, from) in plan_now.read {
        if !take_up(index, packs, &pack, from, clock)? {
            unread.get_or_insert(packs.join(pack.name));
        }
    }
    index.set_unread(unread);
    Ok(())
}

/// False when the pack cannot be read.
fn take_up(
    index: &Index,
    packs: &Path,
    pack: &Present,
    from: u64,
    clock: &Clock,
) -> rusqlite::Result<bool> {
    let mut rows: Vec<Row> = Vec::new();
    let mut failure = None;
    let mut malformed = 0;
    let seen = pack::read(&packs.join(&pack.name), from, |offset, length, payload| {
        match Row::of(offset, length, payload) {
            Ok(row) => {
                clock.observe(row.stamp);
                rows.push(row);
            }
            Err(_) => malformed += 1,
        }
        if rows.len() >= BATCH && failure.is_none() {
            // Only the last batch says how far the pack was read: half of it is read again.
            failure = index.add(&pack.name, Read::some(from), &rows).err();
            rows.clear();
        }
    });
    if let Some(error) = failure {
        return Err(error);
    }
    let seen = match seen {
        Ok(seen) => seen,
        // Another driver's `prune` was faster; the next time it is not there, and a pack is that
        // was not listed.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => {
            tracing::warn!("cannot read `{}` of the cache: {error}", pack.name);
            return Ok(false);
        }
    };
    let lost = seen.lost + malformed;
    if lost > 0 {
        tracing::warn!(
            "{lost} results in `{}` of the cache were damaged: they are computed again",
            pack.name
        );
    }
    if seen.broken {
        tracing::warn!(
            "`{}` of the cache is damaged from byte {} on: the results there are computed again",
            pack.name,
            seen.upto
        );
    }
    let read = Read {
        from,
        upto: seen.upto,
        size: pack.size,
    };
    index.add(&pack.name, read, &rows)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn packs_are_read_from_where_the_index_left_off() {
        let known = |name: &str, scanned: u64, size: u64| Known {
            name: name.to_owned(),
            scanned,
            size,
            first: 0,
        };
        let present = |name: &str, size: u64| Present {
            name: name.to_owned(),
            size,
            written: SystemTime::UNIX_EPOCH,
        };
        let plan = plan(
            &[
                known("gone", 50, 50),
                known("grown", 50, 60),
                known("same", 50, 60),
                known("shrunk", 50, 60),
            ],
            vec![
                present("grown", 61),
                present("new", 9),
                present("same", 60),
                present("shrunk", 49),
            ],
        );
        assert_eq!(plan.forget, ["gone", "shrunk"]);
        assert_eq!(
            plan.read,
            [
                (present("grown", 61), 50),
                (present("new", 9), 0),
                (present("shrunk", 49), 0),
            ]
        );
    }
}
