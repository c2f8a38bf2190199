use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::{Mistake, MistakeKind, quoted_list};
use super::nearest::nearest;
use super::tree::{Entry, Format, Node, Table, Value, shorten};
use super::units;

/// Takes typed values out of one table and notes what is wrong with them.
///
/// A value that is missing or wrong comes out as `None`: a wrong one is noted, so that the
/// default that stands in for it is never used.
pub(super) struct Reader<'t, 'm> {
    pub(super) table: &'t Table,
    pub(super) format: Format,
    /// The table, for messages: ``resource `compute` ``.
    pub(super) place: String,
    pub(super) mistakes: &'m mut Vec<Mistake>,
}

/// The most of anything that is counted: more is a slip.
const MOST: u32 = 1_000_000;

impl<'t> Reader<'t, '_> {
    pub(super) fn entry(&self, key: &str) -> Option<&'t Entry> {
        self.table.get(key)
    }

    pub(super) fn boolean(&mut self, key: &str) -> Option<bool> {
        let entry = self.entry(key)?;
        match entry.node.value {
            Value::Boolean(value) => Some(value),
            _ => self.wrong(entry, "true or false"),
        }
    }

    /// A whole number from `least` on.
    pub(super) fn count(&mut self, key: &str, least: u32) -> Option<u32> {
        let entry = self.entry(key)?;
        self.count_at(entry, least)
    }

    pub(super) fn count_at(&mut self, entry: &Entry, least: u32) -> Option<u32> {
        let Value::Integer(number) = entry.node.value else {
            return self.wrong(entry, "a whole number");
        };
        match u32::try_from(number) {
            Ok(number) if (least..=MOST).contains(&number) => Some(number),
            _ => self.bad(
                entry,
                &entry.node,
                format!("it must be between {least} and {MOST}"),
                None,
            ),
        }
    }

    /// A whole number that may be left open with YAML's null, as Chiltepin allows.
    pub(super) fn optional_count(&mut self, key: &str, least: u32) -> Option<u32> {
        self.unless_null(key)?;
        self.count(key, least)
    }

    /// A number from 0 to 1.
    pub(super) fn fraction(&mut self, key: &str) -> Option<f64> {
        self.number(key, 0..=1)
    }

    /// A number from 1 to 1000.
    pub(super) fn factor(&mut self, key: &str) -> Option<f64> {
        self.number(key, 1..=1000)
    }

    fn number(&mut self, key: &str, range: RangeInclusive<i32>) -> Option<f64> {
        let entry = self.entry(key)?;
        let (least, most) = (*range.start(), *range.end());
        let number = match entry.node.value {
            Value::Float(number) => number,
            // Those outside the range are refused below, whatever they become.
            Value::Integer(number) => i32::try_from(number).map_or(f64::INFINITY, f64::from),
            _ => return self.wrong(entry, &format!("a number from {least} to {most}")),
        };
        if (f64::from(least)..=f64::from(most)).contains(&number) {
            return Some(number);
        }
        let reason = format!("it must be from {least} to {most}");
        self.bad(entry, &entry.node, reason, None)
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, key: &str) -> Option<&'t str> {
        let entry = self.entry(key)?;
        let text = self.text_at(entry, &entry.node)?;
        if text.is_empty() {
            return self.bad(entry, &entry.node, "it must not be empty".to_owned(), None);
        }
        Some(text)
    }

    /// A text that may be left open with an empty one or with YAML's null, as Chiltepin allows.
    pub(super) fn optional_text(&mut self, key: &str) -> Option<String> {
        self.unless_null(key)?;
        let entry = self.entry(key)?;
        let text = self.text_at(entry, &entry.node)?;
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn text_at<'n>(&mut self, entry: &Entry, node: &'n Node) -> Option<&'n str> {
        let Value::Text(text) = &node.value else {
            let hint = self.quoting(entry, node);
            return self.wrong_at(entry, node, "a text", hint);
        };
        if text.contains(char::is_control) {
            let reason = "it must be one line without control characters".to_owned();
            return self.bad(entry, node, reason, None);
        }
        Some(text)
    }

    /// Several texts, none of them empty.
    pub(super) fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let entry = self.entry(key)?;
        let Value::List(items) = &entry.node.value else {
            let hint = match &entry.node.value {
                Value::Text(text) => {
                    let lines: Vec<_> = text.lines().map(|line| format!("{line:?}")).collect();
                    let list = format!("[{}]", lines.join(", "));
                    Some(format!(
                        "write {}",
                        self.format.assignment(key, &shorten(&list))
                    ))
                }
                _ => None,
            };
            return self.wrong_at(entry, &entry.node, "a list of texts", hint);
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match &item.value {
                Value::Text(text) if text.contains('\0') => {
                    self.bad::<()>(entry, item, "it must not contain NUL".to_owned(), None);
                }
                Value::Text(text) => texts.push(text.clone()),
                _ => {
                    let hint = "quote what is meant as text".to_owned();
                    self.wrong_at::<()>(entry, item, "a list of texts", Some(hint));
                }
            }
        }
        (texts.len() == items.len()).then_some(texts)
    }

    /// Words: one text, split as a shell would, or a list.
    pub(super) fn words(&mut self, key: &str) -> Option<Vec<String>> {
        self.unless_null(key)?;
        let entry = self.entry(key)?;
        let Value::Text(text) = &entry.node.value else {
            return self.texts(key);
        };
        match shlex::split(text) {
            Some(words) => Some(words),
            None => self.bad(
                entry,
                &entry.node,
                "a quote in it is not closed".to_owned(),
                None,
            ),
        }
    }

    /// One text or a list of texts.
    pub(super) fn one_or_more(&mut self, key: &str) -> Option<Vec<String>> {
        match self.entry(key)?.node.value {
            Value::List(_) => self.texts(key),
            _ => self.optional_text(key).map(|text| vec![text]),
        }
    }

    /// One of a few names.
    pub(super) fn choice(&mut self, key: &str, names: &[&'static str]) -> Option<usize> {
        let entry = self.entry(key)?;
        let text = self.text_at(entry, &entry.node)?;
        let chosen = names.iter().position(|name| *name == text);
        if chosen.is_none() {
            let reason = format!("it must be one of {}", quoted_list(names.iter().copied()));
            let hint = nearest(text, names.iter().copied());
            let hint = hint.map(|name| format!("did you mean `{name}`?"));
            return self.bad(entry, &entry.node, reason, hint);
        }
        chosen
    }

    /// A time with its unit, or whole seconds.
    pub(super) fn duration(&mut self, key: &str, least: Duration) -> Option<Duration> {
        let entry = self.entry(key)?;
        let duration = match &entry.node.value {
            Value::Integer(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
            Value::Text(text) => units::parse_duration(text),
            _ => None,
        };
        let Some(duration) = duration else {
            let expected = format!("{}, or whole seconds", units::DURATION_FORMS);
            return self.wrong(entry, &expected);
        };
        self.in_range(entry, duration, least)
    }

    /// The time a block lasts.
    pub(super) fn walltime(&mut self, key: &str) -> Option<Duration> {
        let entry = self.entry(key)?;
        let node = &entry.node;
        let write = |time: &str| format!("write {}", self.format.assignment(key, time));
        let hint = match &node.value {
            Value::Text(text) if self.format == Format::Yaml && node.is_unquoted_text() => {
                units::is_sexagesimal(text).then(|| {
                    format!(
                        "without quotes, YAML 1.1 reads it as a number to base 60; {}",
                        write(&format!("\"{text}\""))
                    )
                })
            }
            Value::Integer(seconds @ 1..=31_622_400) => {
                let seconds = u64::try_from(*seconds).unwrap_or_default();
                let time = units::print_walltime(Duration::from_secs(seconds));
                Some(format!(
                    "for {seconds} seconds {}",
                    write(&format!("\"{time}\""))
                ))
            }
            Value::Moment => Some(format!("quote it: {}", write(&format!("\"{}\"", node.raw)))),
            _ => None,
        };
        let Value::Text(text) = &node.value else {
            return self.wrong_at(entry, node, units::WALLTIME_FORMS, hint);
        };
        if hint.is_some() {
            return self.wrong_at(entry, node, "a quoted time", hint);
        }
        match units::parse_walltime(text) {
            Ok(time) if time.subsec_nanos() != 0 => {
                self.bad(entry, node, "it must be whole seconds".to_owned(), None)
            }
            Ok(time) => self.in_range(entry, time, Duration::from_secs(1)),
            Err(reason) => {
                let hint = format!("write {}", units::WALLTIME_FORMS);
                self.bad(entry, node, reason.to_owned(), Some(hint))
            }
        }
    }

    fn in_range(&mut self, entry: &Entry, time: Duration, least: Duration) -> Option<Duration> {
        if time < least {
            let least = units::print_duration(least);
            return self.bad(
                entry,
                &entry.node,
                format!("it must be at least {least}"),
                None,
            );
        }
        if time > units::LONGEST {
            return self.bad(
                entry,
                &entry.node,
                "it must be a year at most".to_owned(),
                None,
            );
        }
        Some(time)
    }

    /// Memory with its unit, or bytes.
    pub(super) fn memory(&mut self, key: &str) -> Option<u64> {
        const LEAST: u64 = 1 << 20;
        self.unless_null(key)?;
        let entry = self.entry(key)?;
        let bytes = match &entry.node.value {
            Value::Integer(bytes) => u64::try_from(*bytes).ok(),
            Value::Text(text) => units::parse_memory(text),
            _ => None,
        };
        match bytes {
            Some(bytes) if bytes >= LEAST => Some(bytes),
            Some(bytes) => {
                let reason = "it is less than a mebibyte".to_owned();
                let hint = format!(
                    "a number without a unit is bytes; for megabytes write {}",
                    self.format.assignment(key, &format!("\"{bytes}M\""))
                );
                self.bad(entry, &entry.node, reason, Some(hint))
            }
            None => self.wrong(entry, &format!("{}, or bytes", units::MEMORY_FORMS)),
        }
    }

    /// A port, or a range of ports as "50000-50100".
    pub(super) fn ports(&mut self, key: &str) -> Option<RangeInclusive<u16>> {
        self.unless_null(key)?;
        let entry = self.entry(key)?;
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
        let ports = match &entry.node.value {
            Value::Integer(number) => port(&number.to_string()).map(|port| port..=port),
            Value::Text(text) => match text.split_once('-') {
                Some((first, last)) => port(first).zip(port(last)).map(|(a, b)| a..=b),
                None => port(text).map(|port| port..=port),
            },
            _ => None,
        };
        match ports {
            Some(ports) if !ports.is_empty() => Some(ports),
            _ => self.wrong(
                entry,
                "a port from 1 to 65535 or a range such as \"50000-50100\"",
            ),
        }
    }

    /// `None` where the key stands with YAML's null, which then means its default.
    pub(super) fn unless_null(&self, key: &str) -> Option<()> {
        (self.entry(key)?.node.value != Value::Nothing).then_some(())
    }

    fn quoting(&self, entry: &Entry, node: &Node) -> Option<String> {
        let scalar = matches!(
            node.value,
            Value::Boolean(_) | Value::Integer(_) | Value::Float(_)
        );
        let quoted = format!("\"{}\"", node.shortened());
        scalar.then(|| format!("quote it: {}", self.format.assignment(&entry.key, &quoted)))
    }

    pub(super) fn wrong<T>(&mut self, entry: &Entry, expected: &str) -> Option<T> {
        self.wrong_at(entry, &entry.node, expected, None)
    }

    fn wrong_at<T>(
        &mut self,
        entry: &Entry,
        node: &Node,
        expected: &str,
        hint: Option<String>,
    ) -> Option<T> {
        let kind = MistakeKind::WrongType {
            key: entry.key.clone(),
            place: self.place.clone(),
            expected: expected.to_owned(),
            found: node.describe(),
        };
        self.note(Mistake::new(kind, node.at), hint)
    }

    pub(super) fn bad<T>(
        &mut self,
        entry: &Entry,
        node: &Node,
        reason: String,
        hint: Option<String>,
    ) -> Option<T> {
        let kind = MistakeKind::BadValue {
            key: entry.key.clone(),
            place: self.place.clone(),
            value: format!("`{}`", node.shortened()),
            reason,
        };
        self.note(Mistake::new(kind, node.at), hint)
    }

    fn note<T>(&mut self, mistake: Mistake, hint: Option<String>) -> Option<T> {
        self.mistakes.push(match hint {
            Some(hint) => mistake.hint(hint),
            None => mistake,
        });
        None
    }
}
