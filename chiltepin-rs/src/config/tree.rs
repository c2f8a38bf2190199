use std::fmt;

/// A place in a file, both numbers from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// The languages a file may be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// TOML 1.
    Toml,
    /// YAML, read so that files written for YAML 1.1 keep their meaning.
    Yaml,
}

impl Format {
    /// How a key is given a value in this language, to show in a hint.
    pub(super) fn assignment(self, key: &str, value: &str) -> String {
        match self {
            Self::Toml => format!("{key} = {value}"),
            Self::Yaml => format!("{key}: {value}"),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Toml => "TOML",
            Self::Yaml => "YAML",
        })
    }
}

/// A value of a file, whichever language it was written in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) at: Position,
    /// A scalar as it stands in the file, with its quotes; empty for lists and tables.
    pub(super) raw: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// YAML's null, or a key with nothing behind it.
    Nothing,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    /// TOML's dates and times, which have no use here but are easily written by mistake.
    Moment,
    List(Vec<Node>),
    Table(Table),
}

/// Keys and values in the order of the file; no key twice.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_at: Position,
    pub(super) node: Node,
    /// Whether another part of a YAML file repeats this one through an anchor.
    pub(super) shared: bool,
}

impl Table {
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Node {
    /// What was found, for a message that says what was expected.
    pub(super) fn describe(&self) -> String {
        match &self.value {
            Value::Nothing => "nothing".to_owned(),
            Value::Boolean(_) => format!("the boolean `{}`", self.shortened()),
            Value::Integer(_) | Value::Float(_) => format!("the number `{}`", self.shortened()),
            Value::Text(_) => format!("the text `{}`", self.shortened()),
            Value::Moment => format!("the date or time `{}`", self.shortened()),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a table".to_owned(),
        }
    }

    /// The scalar as written, short enough for a message of one line.
    pub(super) fn shortened(&self) -> String {
        shorten(&self.raw)
    }

    /// Whether this is text that stands in the file without quotes.
    pub(super) fn is_unquoted_text(&self) -> bool {
        matches!(&self.value, Value::Text(text) if *text == self.raw)
    }
}

/// `text` on one line and of at most 60 characters.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut short: String = text
        .chars()
        .take(LONGEST)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}
