//! The text of `sh!`, taken apart: what stands for itself, what is put in, and how.
//!
//! ```text
//!   "cp {from} out/{name:>3} {{}}"
//!     Text("cp ")  Interpolation(from)  Text(" out/")  Interpolation(name, ">3")  Text(" {}")
//! ```

/// A part of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// What stands for itself, `{{` and `}}` already read as one brace.
    Text(String),
    /// What stands between braces.
    Interpolation(Interpolation),
}

/// What is put in, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interpolation {
    /// As it was written, with its braces.
    pub(crate) written: String,
    pub(crate) value: Value,
    pub(crate) style: Style,
}

/// What is put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// `{}`: the next argument.
    Next,
    /// `{0}`: the argument at this position.
    Position(usize),
    /// `{name.field}`: an expression.
    Expression(String),
}

/// How it is put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// As one word, or as one word for each element of a list.
    Words,
    /// Formatted as this says, then quoted as one word.
    Formatted(String),
    /// As it is, unquoted.
    Raw,
}

/// Takes the text apart.
///
/// # Errors
/// A message that names the brace that has no counterpart.
pub(crate) fn parse(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let (brace, after) = rest[at..].split_at(1);
        if after.starts_with(brace) {
            plain.push_str(brace);
            rest = &after[1..];
        } else if brace == "}" {
            return Err(format!(
                "`}}` without a `{{` before it, after `{}`: for the shell's own brace write `}}}}`",
                last_words(&text[..text.len() - rest.len() + at])
            ));
        } else {
            let Some(end) = end_of_interpolation(after) else {
                return Err(format!(
                    "`{{` is never closed, before `{}`: for the shell's own brace write `{{{{`",
                    first_words(after)
                ));
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::Interpolation(interpolation(&after[..end])));
            rest = &after[end + 1..];
        }
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

fn first_words(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(20)
        .collect()
}

fn last_words(text: &str) -> String {
    let line = text.lines().last().unwrap_or_default();
    line.chars()
        .skip(line.chars().count().saturating_sub(20))
        .collect()
}

/// Where the brace that closes the interpolation stands: braces, brackets and texts within the
/// expression are passed over.
fn end_of_interpolation(text: &str) -> Option<usize> {
    outside_of_brackets(text)
        .find(|(_, character)| *character == '}')
        .map(|(at, _)| at)
}

fn interpolation(inside: &str) -> Interpolation {
    let (expression, style) = match style_colon(inside) {
        Some(colon) => (&inside[..colon], inside[colon + 1..].trim()),
        None => (inside, ""),
    };
    let expression = expression.trim();
    let value = if expression.is_empty() {
        Value::Next
    } else if let Ok(position) = expression.parse() {
        Value::Position(position)
    } else {
        Value::Expression(expression.to_owned())
    };
    let style = match style {
        "" => Style::Words,
        "raw" => Style::Raw,
        // A fill of spaces is told from an indented style by the alignment behind it.
        _ => Style::Formatted(
            style_colon(inside)
                .map_or(style, |colon| inside[colon + 1..].trim_end())
                .to_owned(),
        ),
    };
    Interpolation {
        written: format!("{{{inside}}}"),
        value,
        style,
    }
}

/// The colon that ends the expression: one that stands alone, outside of brackets and texts.
fn style_colon(inside: &str) -> Option<usize> {
    let bytes = inside.as_bytes();
    let alone = |at: usize| {
        bytes.get(at + 1) != Some(&b':') && (at == 0 || bytes.get(at - 1) != Some(&b':'))
    };
    outside_of_brackets(inside)
        .find(|(at, character)| *character == ':' && alone(*at))
        .map(|(at, _)| at)
}

/// The characters of Rust source that stand in no brackets and no text, with their positions. A
/// closing bracket that was not opened is among them.
fn outside_of_brackets(source: &str) -> impl Iterator<Item = (usize, char)> + '_ {
    let mut depth = 0_usize;
    let mut within_text = false;
    let mut escaped = false;
    source.char_indices().filter(move |(_, character)| {
        if within_text {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => within_text = false,
                _ => {}
            }
            return false;
        }
        match character {
            '"' => {
                within_text = true;
                false
            }
            '(' | '[' | '{' => {
                depth += 1;
                false
            }
            ')' | ']' | '}' if depth > 0 => {
                depth -= 1;
                false
            }
            _ => depth == 0,
        }
    })
}

/// The names in a style whose values it takes: `width` and `1` of `>width$.1$`.
pub(crate) fn names_in_style(style: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = style;
    while let Some(dollar) = rest.find('$') {
        let before = &rest[..dollar];
        let start = before
            .char_indices()
            .rev()
            .take_while(|(_, character)| character.is_alphanumeric() || *character == '_')
            .last()
            .map_or(dollar, |(at, _)| at);
        if start < dollar {
            names.push(without_zero_flag(&before[start..]));
        }
        rest = &rest[dollar + 1..];
    }
    names
}

/// A `0` right before a name is the flag that fills with zeros.
fn without_zero_flag(name: &str) -> &str {
    match name.strip_prefix('0') {
        Some(rest) if rest.starts_with(|first: char| !first.is_ascii_digit()) => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn put(written: &str, expression: &str, style: Style) -> Piece {
        Piece::Interpolation(Interpolation {
            written: written.to_owned(),
            value: Value::Expression(expression.to_owned()),
            style,
        })
    }

    #[test]
    fn text_and_interpolations_take_turns() {
        assert_eq!(
            parse("cp {from} {to.name:>3}!").unwrap(),
            [
                text("cp "),
                put("{from}", "from", Style::Words),
                text(" "),
                put("{to.name:>3}", "to.name", Style::Formatted(">3".to_owned())),
                text("!"),
            ]
        );
    }

    #[test]
    fn doubled_braces_stand_for_themselves() {
        assert_eq!(parse("${{HOME}} {{a,b}}").unwrap(), [text("${HOME} {a,b}")]);
        assert_eq!(
            parse("{{{x}}}").unwrap(),
            [text("{"), put("{x}", "x", Style::Words), text("}")]
        );
    }

    #[test]
    fn styles_stand_behind_a_colon_of_their_own() {
        let style = |inside: &str| interpolation(inside).style;
        assert_eq!(style("x:?"), Style::Formatted("?".to_owned()));
        assert_eq!(style("x: >5"), Style::Formatted(" >5".to_owned()));
        assert_eq!(style("x:raw"), Style::Raw);
        assert_eq!(style("x:"), Style::Words);
        assert_eq!(style("a::b"), Style::Words);
        assert_eq!(style("a::b:04"), Style::Formatted("04".to_owned()));
        assert_eq!(style("f(a, \":}\"):raw"), Style::Raw);
    }

    #[test]
    fn expressions_may_hold_braces_and_texts() {
        let pieces = parse("{names.join(\"}\")} {m[\"k\"]} {f({1})}").unwrap();
        assert_eq!(
            pieces[0],
            put("{names.join(\"}\")}", "names.join(\"}\")", Style::Words)
        );
        assert_eq!(pieces[2], put("{m[\"k\"]}", "m[\"k\"]", Style::Words));
        assert_eq!(pieces[4], put("{f({1})}", "f({1})", Style::Words));
    }

    #[test]
    fn arguments_are_taken_in_turn_or_by_position() {
        let value = |inside: &str| interpolation(inside).value;
        assert_eq!(value(""), Value::Next);
        assert_eq!(value(":?"), Value::Next);
        assert_eq!(value("12"), Value::Position(12));
        assert_eq!(value("x.0"), Value::Expression("x.0".to_owned()));
    }

    #[test]
    fn braces_without_a_counterpart_are_named() {
        assert!(
            parse("echo {x")
                .unwrap_err()
                .starts_with("`{` is never closed, before `x`")
        );
        assert!(
            parse("echo }")
                .unwrap_err()
                .starts_with("`}` without a `{` before it")
        );
    }

    #[test]
    fn a_style_tells_what_it_takes() {
        assert_eq!(names_in_style(">width$.precision$"), ["width", "precision"]);
        assert_eq!(names_in_style("0width$"), ["width"]);
        assert_eq!(names_in_style("1$.0$?"), ["1", "0"]);
        assert_eq!(names_in_style("$>5"), Vec::<&str>::new());
    }
}
