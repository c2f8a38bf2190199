use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::error::{Mistake, MistakeKind, quoted_list};
use super::keys::{RESOURCE_KEYS, WORKFLOW_KEYS};
use super::nearest::nearest;
use super::reader::Reader;
use super::resource::{LOCAL, Provider, Resource, Threads};
use super::tree::{Entry, Format, Node, Position, Table, Value, shorten};
use super::workflow_settings::{
    CacheFolder, CacheMode, LogLevel, Progress, RecordArguments, WorkflowSettings,
};
use super::{check_resource, check_retries};

/// The table that is no resource.
const WORKFLOW: &str = "workflow";

/// The kernel keeps the executors of a task in the bits of one word, one of which is for joins.
const MOST_RESOURCES: usize = 63;

/// Makes settings and resources of a file, or says all that is wrong with it.
pub(super) fn check(
    root: &Node,
    format: Format,
) -> Result<(WorkflowSettings, Vec<Resource>), Vec<Mistake>> {
    let Value::Table(root_table) = &root.value else {
        let kind = MistakeKind::NotTables {
            found: root.describe(),
        };
        let hint = "write a name, and below it the keys of that resource";
        return Err(vec![Mistake::new(kind, root.at).hint(hint)]);
    };
    let mut mistakes = Vec::new();
    let mut settings = WorkflowSettings::default();
    let mut resources = Vec::new();
    let mut names = Vec::new();
    let mut executors = Vec::new();
    for entry in &root_table.entries {
        if entry.key == WORKFLOW {
            (settings, executors) = workflow(entry, format, &mut mistakes);
        } else if let Some(table) = resource_table(entry, &mut mistakes) {
            let found = check_resource::check(entry, table, format, &mut mistakes);
            names.push(&*entry.key);
            resources.extend(found);
        }
    }
    if !names.contains(&LOCAL) {
        names.insert(0, LOCAL);
        resources.insert(
            0,
            Resource::new(LOCAL, Provider::Threads(Threads::default())),
        );
    }
    if names.len() > MOST_RESOURCES {
        let kind = MistakeKind::TooManyResources {
            count: names.len(),
            limit: MOST_RESOURCES,
        };
        mistakes.push(Mistake::new(
            kind,
            root_table.entries.last().map(|entry| entry.key_at),
        ));
    }
    for (name, at) in executors {
        if !names.contains(&name) {
            mistakes.push(unknown_resource(name, &names, at));
        }
    }
    if mistakes.is_empty() {
        Ok((settings, resources))
    } else {
        Err(mistakes)
    }
}

/// A resource was named that is not there.
pub(super) fn unknown_resource(
    name: &str,
    known: &[&str],
    at: impl Into<Option<Position>>,
) -> Mistake {
    let meant = nearest(name, known.iter().copied());
    let kind = MistakeKind::UnknownResource {
        name: shorten(name),
        nearest: meant.map(str::to_owned),
        known: known.iter().map(|&name| name.to_owned()).collect(),
    };
    let known = format!("the resources are {}", quoted_list(known.iter().copied()));
    Mistake::new(kind, at).hint(match meant {
        Some(meant) => format!("did you mean `{meant}`? {known}"),
        None => known,
    })
}

/// Why this cannot be the name of a resource or a label.
fn reason_against(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name
        .chars()
        .any(|character| character.is_whitespace() || character.is_control())
    {
        Some("contains white space")
    } else if name.contains([',', '/']) {
        Some("contains a comma or a slash")
    } else if name.starts_with(['.', '-']) {
        Some("begins with a dot or a dash")
    } else {
        None
    }
}

fn bad_name(entry: &Entry) -> Option<Mistake> {
    let reason = reason_against(&entry.key)?;
    let kind = MistakeKind::BadName {
        name: shorten(&entry.key),
        reason,
    };
    Some(Mistake::new(kind, entry.key_at).hint("use letters, digits, `_`, `-` and `.`"))
}

/// The table of a resource; none where the entry is no resource or is noted as wrong.
fn resource_table<'a>(entry: &'a Entry, mistakes: &mut Vec<Mistake>) -> Option<&'a Table> {
    let name = shorten(&entry.key);
    let empty = || {
        let kind = MistakeKind::EmptyResource { name: name.clone() };
        Mistake::new(kind, entry.key_at)
            .hint("name at least its `provider`, or take the resource out")
    };
    let mistake = match &entry.node.value {
        Value::Nothing => empty(),
        Value::Table(table) if table.entries.is_empty() => empty(),
        Value::Table(table) => match bad_name(entry) {
            None => return Some(table),
            Some(mistake) => mistake,
        },
        // Chiltepin's manual shares lists between resources this way.
        _ if entry.shared => return None,
        _ => {
            let kind = MistakeKind::NotATable {
                name,
                found: entry.node.describe(),
            };
            let mistake = Mistake::new(kind, entry.node.at);
            if WORKFLOW_KEYS.contains(&&*entry.key) {
                mistake.hint(format!(
                    "settings of the run stand in the table `{WORKFLOW}`"
                ))
            } else if RESOURCE_KEYS.iter().any(|(key, _)| *key == entry.key) {
                mistake.hint("the keys of a resource stand in a table under its name")
            } else {
                mistake.hint("every entry at the top of the file is a resource")
            }
        }
    };
    mistakes.push(mistake);
    None
}

/// The settings of the run, and the names in `executors` with their places, to be compared with
/// the resources once all are known.
fn workflow<'a>(
    entry: &'a Entry,
    format: Format,
    mistakes: &mut Vec<Mistake>,
) -> (WorkflowSettings, Vec<(&'a str, Position)>) {
    let table = match &entry.node.value {
        Value::Table(table) => table,
        Value::Nothing => return Default::default(),
        _ => {
            let found = entry.node.describe();
            let kind = MistakeKind::NotATable {
                name: WORKFLOW.to_owned(),
                found,
            };
            let hint = format!("`{WORKFLOW}` holds the settings of the run and is no resource");
            mistakes.push(Mistake::new(kind, entry.node.at).hint(hint));
            return Default::default();
        }
    };
    mistakes.extend(table.entries.iter().filter_map(unknown_setting));

    let place = format!("table `{WORKFLOW}`");
    let mut reader = Reader {
        table,
        format,
        place,
        mistakes,
    };
    let executors = executors(&mut reader);
    let default = WorkflowSettings::default();
    let settings = WorkflowSettings {
        run_dir: reader
            .text("run_dir")
            .map_or(default.run_dir, PathBuf::from),
        retries: check_retries::check(&mut reader).unwrap_or(default.retries),
        executors: executors
            .as_ref()
            .map(|named| named.iter().map(|(name, _)| (*name).to_owned()).collect()),
        limits: limits(&mut reader).unwrap_or_default(),
        grace: reader
            .duration("grace", Duration::ZERO)
            .unwrap_or(default.grace),
        cache: cache(&mut reader),
        cache_mode: reader
            .choice("cache_mode", &CacheMode::NAMES)
            .map_or(default.cache_mode, |chosen| CacheMode::ALL[chosen]),
        journal: reader.boolean("journal").unwrap_or(default.journal),
        progress: reader
            .choice("progress", &Progress::NAMES)
            .map_or(default.progress, |chosen| Progress::ALL[chosen]),
        record_arguments: reader
            .choice("record_arguments", &RecordArguments::NAMES)
            .map_or(default.record_arguments, |chosen| {
                RecordArguments::ALL[chosen]
            }),
        log_level: log_level(&mut reader),
    };
    (settings, executors.unwrap_or_default())
}

fn unknown_setting(entry: &Entry) -> Option<Mistake> {
    let key = &*entry.key;
    if WORKFLOW_KEYS.contains(&key) {
        return None;
    }
    let meant = nearest(key, WORKFLOW_KEYS.iter().copied());
    let kind = MistakeKind::UnknownKey {
        key: shorten(key),
        place: format!("table `{WORKFLOW}`"),
        nearest: meant,
    };
    let known = format!(
        "its keys are {}",
        quoted_list(WORKFLOW_KEYS.iter().copied())
    );
    let is_resource_key = RESOURCE_KEYS.iter().any(|(known, _)| *known == key);
    let hint = match meant {
        Some(meant) => format!("did you mean `{meant}`? {known}"),
        None if is_resource_key || matches!(entry.node.value, Value::Table(_)) => format!(
            "`{WORKFLOW}` holds the settings of the run; a resource is a table of another name \
             at the top of the file"
        ),
        None => known,
    };
    Some(Mistake::new(kind, entry.key_at).hint(hint))
}

fn executors<'a>(reader: &mut Reader<'a, '_>) -> Option<Vec<(&'a str, Position)>> {
    let entry = reader.entry("executors")?;
    reader.texts("executors")?;
    let Value::List(items) = &entry.node.value else {
        return None;
    };
    let mut names: Vec<(&str, Position)> = Vec::new();
    for item in items {
        let Value::Text(name) = &item.value else {
            continue;
        };
        if names.iter().any(|(known, _)| known == name) {
            reader.bad::<()>(entry, item, "it is named twice".to_owned(), None);
        } else {
            names.push((name, item.at));
        }
    }
    if names.is_empty() {
        let hint = "leave the key out to allow all resources".to_owned();
        let reason = "then calls without `.on()` could go nowhere".to_owned();
        let kind = MistakeKind::BadValue {
            key: entry.key.clone(),
            place: reader.place.clone(),
            value: "empty".to_owned(),
            reason,
        };
        reader
            .mistakes
            .push(Mistake::new(kind, entry.node.at).hint(hint));
        return None;
    }
    Some(names)
}

fn limits(reader: &mut Reader<'_, '_>) -> Option<BTreeMap<String, u32>> {
    let entry = reader.entry("limits")?;
    let Value::Table(table) = &entry.node.value else {
        return reader.wrong(entry, "a table of labels, each with a number");
    };
    let mut limits = BTreeMap::new();
    for label in &table.entries {
        if let Some(mistake) = bad_name(label) {
            reader.mistakes.push(mistake);
        }
        if let Some(limit) = reader.count_at(label, 1) {
            limits.insert(label.key.clone(), limit);
        }
    }
    Some(limits)
}

/// A folder, or `false`.
fn cache(reader: &mut Reader<'_, '_>) -> Option<CacheFolder> {
    let entry = reader.entry("cache")?;
    match entry.node.value {
        Value::Boolean(false) => Some(CacheFolder::Off),
        Value::Text(_) => Some(CacheFolder::At(PathBuf::from(reader.text("cache")?))),
        _ => reader.wrong(entry, "a folder, or false"),
    }
}

fn log_level(reader: &mut Reader<'_, '_>) -> Option<LogLevel> {
    let chosen = reader.choice("log_level", &LogLevel::NAMES)?;
    LogLevel::NAMES[chosen].parse().ok()
}
