use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Error, Location, Spanned};

use super::error::{Mistake, MistakeKind};
use super::tree::{Entry, Format, Node, Position, Table, Value, shorten};

/// Reads YAML into the tree that is checked; an empty document is an empty table, as Chiltepin
/// takes it.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Mistake>> {
    // Anchors are expanded into the tree, so a small file could make a huge one. No resource file
    // comes near these limits.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_nodes: 100_000, max_depth: 32 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
    };
    let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| vec![mistake(&error)])?;
    let mut repeated = HashSet::new();
    collect_repeated(&raw, &mut repeated);
    let mut node = Tree {
        text,
        repeated: &repeated,
    }
    .node(raw);
    if node.value == Value::Nothing {
        node.value = Value::Table(Table::default());
    }
    Ok(node)
}

/// What the parser hands over: values with the places where they are used and defined.
enum Raw {
    Nothing,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Table(Vec<(Spanned<Key>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut table = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            table.push(entry);
        }
        Ok(Raw::Table(table))
    }
}

/// A key: any scalar, by its text.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Raw::deserialize(deserializer)? {
            Raw::Text(text) => Ok(Self(text)),
            Raw::Boolean(value) => Ok(Self(value.to_string())),
            Raw::Integer(value) => Ok(Self(value.to_string())),
            Raw::Float(value) => Ok(Self(value.to_string())),
            Raw::Nothing => Err(D::Error::custom("a key must be a name, found nothing")),
            Raw::List(_) => Err(D::Error::custom("a key must be a name, found a list")),
            Raw::Table(_) => Err(D::Error::custom("a key must be a name, found a table")),
        }
    }
}

/// Where the parts begin that are used elsewhere, through `*anchor` or `<<: *anchor`.
fn collect_repeated(node: &Spanned<Raw>, repeated: &mut HashSet<Option<u64>>) {
    if node.referenced != node.defined {
        repeated.insert(node.defined.span().byte_offset());
    }
    match &node.value {
        Raw::List(items) => items
            .iter()
            .for_each(|item| collect_repeated(item, repeated)),
        Raw::Table(entries) => {
            for (key, value) in entries {
                if key.referenced != key.defined {
                    repeated.insert(key.defined.span().byte_offset());
                }
                collect_repeated(value, repeated);
            }
        }
        _ => {}
    }
}

struct Tree<'a> {
    text: &'a str,
    repeated: &'a HashSet<Option<u64>>,
}

impl Tree<'_> {
    fn node(&self, node: Spanned<Raw>) -> Node {
        let at = position(&node.referenced);
        let scalar = self.slice(&node.defined);
        let (value, raw) = match node.value {
            Raw::Nothing => (Value::Nothing, scalar),
            Raw::Boolean(value) => (Value::Boolean(value), scalar),
            Raw::Integer(value) => (Value::Integer(value), scalar),
            Raw::Float(value) => (Value::Float(value), scalar),
            Raw::Text(text) => (Value::Text(text), scalar),
            Raw::List(items) => {
                let items = items.into_iter().map(|item| self.node(item)).collect();
                (Value::List(items), String::new())
            }
            Raw::Table(entries) => {
                let entries = entries
                    .into_iter()
                    .map(|(key, value)| self.entry(key, value));
                (
                    Value::Table(Table {
                        entries: entries.collect(),
                    }),
                    String::new(),
                )
            }
        };
        Node { value, at, raw }
    }

    fn entry(&self, key: Spanned<Key>, value: Spanned<Raw>) -> Entry {
        // A merged table is never seen as a whole, only its entries are.
        let inside = match &value.value {
            Raw::Table(entries) => entries
                .iter()
                .any(|(key, _)| self.is_repeated(&key.defined)),
            _ => false,
        };
        Entry {
            key_at: position(&key.referenced),
            key: key.value.0,
            shared: inside || self.is_repeated(&value.defined),
            node: self.node(value),
        }
    }

    fn is_repeated(&self, defined: &Location) -> bool {
        self.repeated.contains(&defined.span().byte_offset())
    }

    fn slice(&self, location: &Location) -> String {
        let span = location.span();
        let slice = || {
            let start = usize::try_from(span.byte_offset()?).ok()?;
            let length = usize::try_from(span.byte_len()?).ok()?;
            self.text.get(start..start.checked_add(length)?)
        };
        slice().unwrap_or_default().to_owned()
    }
}

fn position(location: &Location) -> Position {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX).max(1);
    Position {
        line: number(location.line()),
        column: number(location.column()),
    }
}

fn mistake(error: &Error) -> Mistake {
    let syntax = |message: String| MistakeKind::Syntax {
        format: Format::Yaml,
        message,
    };
    let mut inner = error.without_snippet();
    while let Error::AliasError { error, .. } = inner {
        inner = error.without_snippet();
    }
    // The parser words some of these for programmers who call it.
    let kind = match inner {
        Error::DuplicateMappingKey { key, .. } => MistakeKind::DuplicateKey {
            key: key.as_deref().map_or_else(|| "?".to_owned(), shorten),
        },
        Error::MultipleDocuments { .. } => {
            syntax("a second document begins here; a file holds one".to_owned())
        }
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            syntax("an anchor stands inside itself".to_owned())
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            syntax("nested too deeply, or too much once its anchors are put in".to_owned())
        }
        other => {
            let message = other.to_string();
            let message = message
                .rfind(" at line ")
                .map_or(&*message, |end| &message[..end]);
            syntax(message.lines().collect::<Vec<_>>().join(", "))
        }
    };
    let at = error
        .location()
        .filter(|at| *at != Location::UNKNOWN)
        .map(|at| position(&at));
    Mistake::new(kind, at)
}
