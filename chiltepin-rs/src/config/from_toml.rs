use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::error::{Mistake, MistakeKind};
use super::tree::{Entry, Format, Node, Position, Table, Value, shorten};

/// Reads TOML into the tree that is checked, or says all that is wrong with its syntax.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Mistake>> {
    let source = Source::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let value = Value::Table(source.table(document.get_ref()));
        Ok(Node {
            value,
            at: source.position(0),
            raw: String::new(),
        })
    } else {
        Err(errors.iter().map(|error| source.mistake(error)).collect())
    }
}

struct Source<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(text: &'a str) -> Self {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(index, _)| index + 1));
        Self {
            text,
            line_starts: line_starts.collect(),
        }
    }

    fn position(&self, offset: usize) -> Position {
        let line = self
            .line_starts
            .partition_point(|start| *start <= offset)
            .max(1);
        let start = self.line_starts[line - 1];
        let before = self.text.get(start..offset).unwrap_or_default();
        Position {
            line,
            column: before.chars().count() + 1,
        }
    }

    fn raw(&self, span: Range<usize>) -> String {
        self.text.get(span).unwrap_or_default().to_owned()
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        let mut entries: Vec<_> = table.iter().collect();
        // The parser sorts by name; people expect the order of their file.
        entries.sort_by_key(|(key, _)| key.span().start);
        let entries = entries.into_iter().map(|(key, value)| Entry {
            key: key.get_ref().clone().into_owned(),
            key_at: self.position(key.span().start),
            node: self.node(value.get_ref(), value.span()),
            shared: false,
        });
        Table {
            entries: entries.collect(),
        }
    }

    fn node(&self, value: &DeValue<'_>, span: Range<usize>) -> Node {
        let at = self.position(span.start);
        let mut raw = self.raw(span);
        let value = match value {
            DeValue::String(text) => Value::Text(text.clone().into_owned()),
            DeValue::Integer(number) => {
                match i128::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Value::Integer(number),
                    Err(_) => Value::Float(f64::INFINITY),
                }
            }
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Datetime(_) => Value::Moment,
            DeValue::Array(items) => {
                raw.clear();
                Value::List(
                    items
                        .iter()
                        .map(|item| self.node(item.get_ref(), item.span()))
                        .collect(),
                )
            }
            DeValue::Table(table) => {
                raw.clear();
                Value::Table(self.table(table))
            }
        };
        Node { value, at, raw }
    }

    fn mistake(&self, error: &toml::de::Error) -> Mistake {
        let span = error.span();
        let at = span.as_ref().map(|span| self.position(span.start));
        // The parser has no other mark for this one.
        let kind = if error.message() == "duplicate key" {
            MistakeKind::DuplicateKey {
                key: shorten(&self.raw(span.unwrap_or_default())),
            }
        } else {
            MistakeKind::Syntax {
                format: Format::Toml,
                message: shorten_message(error.message()),
            }
        };
        Mistake::new(kind, at)
    }
}

fn shorten_message(message: &str) -> String {
    message.lines().collect::<Vec<_>>().join(", ")
}
