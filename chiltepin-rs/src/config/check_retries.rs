//! The key `retries`: a number, or a table of causes.

use std::time::Duration;

use super::error::{Mistake, MistakeKind, quoted_list};
use super::keys::RETRIES_KEYS;
use super::nearest::nearest;
use super::reader::Reader;
use super::tree::{Entry, Value, shorten};
use crate::retries::{BackOff, Cause, Retries};

/// The causes that have a key of their own.
pub(super) const CAUSES: [(&str, Cause); 6] = [
    ("error", Cause::Error),
    ("panic", Cause::Panic),
    ("timeout", Cause::Timeout),
    ("lost", Cause::Lost),
    ("out_of_memory", Cause::OutOfMemory),
    ("system", Cause::System),
];

/// As [`check`]; YAML's null leaves it open, as Chiltepin allows.
pub(super) fn check_optional(reader: &mut Reader<'_, '_>) -> Option<Retries> {
    reader.unless_null("retries")?;
    check(reader)
}

/// What the table says of retries.
pub(super) fn check(reader: &mut Reader<'_, '_>) -> Option<Retries> {
    let entry = reader.entry("retries")?;
    let table = match &entry.node.value {
        Value::Integer(_) => return reader.count_at(entry, 0).map(Retries::new),
        Value::Table(table) => table,
        _ => return reader.wrong(entry, "a whole number, or a table of causes"),
    };
    let mut reader = Reader {
        table,
        format: reader.format,
        place: format!("`retries` of {}", reader.place),
        mistakes: reader.mistakes,
    };
    let unknown = table.entries.iter().filter_map(|key| unknown(key, &reader));
    let unknown: Vec<_> = unknown.collect();
    reader.mistakes.extend(unknown);
    let mut retries = Retries::new(reader.count("others", 0).unwrap_or(0));
    for (key, cause) in CAUSES {
        if let Some(count) = reader.count(key, 0) {
            retries = retries.on(cause, count);
        }
    }
    retries = exit_codes(&mut reader, retries);
    retries = back_off(&mut reader, retries);
    if let Some(factor) = reader.factor("scale_memory") {
        retries = retries.scale_memory(factor);
    }
    if let Some(factor) = reader.factor("scale_timeout") {
        retries = retries.scale_timeout(factor);
    }
    Some(retries)
}

fn unknown(entry: &Entry, reader: &Reader<'_, '_>) -> Option<Mistake> {
    let key = &*entry.key;
    if RETRIES_KEYS.contains(&key) {
        return None;
    }
    let meant = nearest(key, RETRIES_KEYS.iter().copied());
    let kind = MistakeKind::UnknownKey {
        key: shorten(key),
        place: reader.place.clone(),
        nearest: meant,
    };
    let known = format!("its keys are {}", quoted_list(RETRIES_KEYS.iter().copied()));
    let hint = match meant {
        Some(meant) => format!("did you mean `{meant}`? {known}"),
        None if key.parse::<i32>().is_ok() => {
            format!("exit codes stand in the table `exit_codes`; {known}")
        }
        None => known,
    };
    Some(Mistake::new(kind, entry.key_at).hint(hint))
}

fn exit_codes(reader: &mut Reader<'_, '_>, mut retries: Retries) -> Retries {
    let Some(entry) = reader.entry("exit_codes") else {
        return retries;
    };
    let Value::Table(table) = &entry.node.value else {
        let expected = "a table of exit codes, each with a number";
        return reader.wrong(entry, expected).unwrap_or(retries);
    };
    for entry in &table.entries {
        let code = entry.key.parse().ok();
        // 0 is no failure, and the system cuts codes to one byte.
        let Some(code) = code.filter(|code| (1..=255).contains(code)) else {
            let kind = MistakeKind::BadName {
                name: shorten(&entry.key),
                reason: "is no exit code of a failure",
            };
            let hint = "exit codes are whole numbers from 1 to 255";
            reader
                .mistakes
                .push(Mistake::new(kind, entry.key_at).hint(hint));
            continue;
        };
        if let Some(count) = reader.count_at(entry, 0) {
            retries = retries.on(Cause::ExitCode(code), count);
        }
    }
    retries
}

fn back_off(reader: &mut Reader<'_, '_>, retries: Retries) -> Retries {
    let default = BackOff::default();
    let base = reader.duration("back_off", Duration::ZERO);
    let longest = reader.duration("longest", Duration::ZERO);
    if base.is_none() && longest.is_none() {
        return retries;
    }
    let given = base.zip(longest);
    if given.is_some_and(|(base, longest)| longest < base) {
        let kind = MistakeKind::Contradiction {
            place: reader.place.clone(),
            reason: "`longest` is less than `back_off`".to_owned(),
        };
        let at = reader.entry("longest").map(|entry| entry.key_at);
        reader.mistakes.push(Mistake::new(kind, at));
    }
    let base = base.unwrap_or(default.base);
    retries.back_off(base, longest.unwrap_or(default.longest.max(base)))
}
