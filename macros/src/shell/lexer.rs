//! Where an interpolation stands in the shell's eyes: bare, in quotes, in a comment.
//!
//! A quoted word is right only where the shell reads a bare word. Within quotes the quotes of the
//! word would end them, and what it holds would be run. The lexer knows as much of bash as that
//! needs: quotes, escapes, comments, here-documents, and the substitutions that begin anew within
//! quotes. Where bash could be read in two ways it takes the one that refuses more.

mod here_document;

use here_document::Document;

/// A character of the script, or the place of an interpolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    Character(char),
    Interpolation,
}

/// What surrounds an interpolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A word, or a part of one, to which the shell gives its usual meaning.
    Bare,
    /// Right after `$`, which gives quotes another meaning.
    AfterDollar,
    /// Right after a backslash, which takes a quote's meaning away.
    AfterBackslash,
    /// Within `'...'`, `"..."`, `$'...'` or `$"..."`.
    Quotes,
    /// Within backticks, which take backslashes and backticks out before anything else is read.
    Backticks,
    /// Within `$((...))` or `((...))`, where everything is expanded.
    Arithmetic,
    /// After `#`, up to the end of the line.
    Comment,
    /// In the lines of a here-document, or in the word that ends it.
    HereDocument,
}

/// The place of each interpolation, in order.
pub(crate) fn places(symbols: &[Symbol]) -> Vec<Place> {
    let mut lexer = Lexer {
        symbols,
        next: 0,
        frames: Vec::new(),
        word: Word::at_command(),
        documents: Vec::new(),
        places: Vec::new(),
    };
    while lexer.next < symbols.len() {
        lexer.step();
    }
    lexer.places
}

/// What was opened and not yet closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    DoubleQuotes,
    Backticks,
    /// `(`, `$(`, `<(`: commands. `cases` counts the open `case`s, in whose patterns a `)` closes
    /// nothing; what a substitution gives is a part of a word, which goes on behind it.
    Commands {
        cases: usize,
        substitution: bool,
    },
    /// `$((` or `((`; `depth` counts the parentheses within.
    Arithmetic {
        depth: usize,
    },
    /// `${`; `quoted` where it stands within double quotes, which hold on within.
    Parameter {
        quoted: bool,
    },
}

/// The word that is being read.
struct Word {
    /// Its text as far as it is plain.
    text: String,
    /// Whether anything of it was read; only before that does `#` begin a comment.
    begun: bool,
    /// Whether it stands where a command begins, so that `case` is a keyword.
    at_command: bool,
}

impl Word {
    fn at_command() -> Self {
        Self {
            text: String::new(),
            begun: false,
            at_command: true,
        }
    }
}

struct Lexer<'a> {
    symbols: &'a [Symbol],
    next: usize,
    frames: Vec<Frame>,
    word: Word,
    documents: Vec<Document>,
    places: Vec<Place>,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        match self.symbols.get(self.next + ahead) {
            Some(Symbol::Character(character)) => Some(*character),
            _ => None,
        }
    }

    /// Whether the script goes on with `text`.
    fn follows(&self, text: &str) -> bool {
        text.chars()
            .enumerate()
            .all(|(ahead, character)| self.peek(ahead) == Some(character))
    }

    fn step(&mut self) {
        let Some(&symbol) = self.symbols.get(self.next) else {
            return;
        };
        let Symbol::Character(character) = symbol else {
            let place = self.place();
            self.places.push(place);
            self.next += 1;
            self.word.begun = true;
            // What is put in may be anything, so the word is no keyword.
            self.word.text.push('\0');
            return;
        };
        match self.frames.last().copied() {
            Some(Frame::DoubleQuotes) => self.double_quoted(character),
            Some(Frame::Arithmetic { depth }) => self.arithmetic(character, depth),
            Some(Frame::Parameter { quoted }) => self.parameter(character, quoted),
            Some(Frame::Commands { .. } | Frame::Backticks) | None => self.command(character),
        }
    }

    /// The place of an interpolation that stands here, outside of what is read in one go.
    fn place(&self) -> Place {
        if self.frames.contains(&Frame::Backticks) {
            return Place::Backticks;
        }
        match self.frames.last() {
            Some(Frame::DoubleQuotes | Frame::Parameter { quoted: true }) => Place::Quotes,
            Some(Frame::Arithmetic { .. }) => Place::Arithmetic,
            _ => Place::Bare,
        }
    }

    fn command(&mut self, character: char) {
        match character {
            '\\' => self.escape(),
            '\'' => self.single_quotes(),
            '"' => self.open(Frame::DoubleQuotes, 1),
            '`' => self.backtick(),
            '$' => self.dollar(),
            '#' if !self.word.begun => self.comment(),
            '\n' => {
                self.end_word(true);
                self.next += 1;
                self.here_documents();
            }
            ' ' | '\t' => {
                self.end_word(false);
                self.next += 1;
            }
            ';' | '&' | '|' => {
                self.end_word(true);
                self.next += 1;
            }
            '<' if self.follows("<<<") => {
                self.end_word(false);
                self.next += 3;
            }
            '<' if self.follows("<<") => {
                self.end_word(false);
                self.next += 2;
                self.delimiter();
            }
            '<' | '>' if self.peek(1) == Some('(') => {
                self.end_word(false);
                self.open(
                    Frame::Commands {
                        cases: 0,
                        substitution: true,
                    },
                    2,
                );
            }
            '<' | '>' => {
                self.end_word(false);
                self.next += 1;
            }
            '(' => self.open_parenthesis(),
            ')' => self.close_parenthesis(),
            other => {
                self.word.begun = true;
                self.word.text.push(other);
                self.next += 1;
            }
        }
    }

    fn open(&mut self, frame: Frame, length: usize) {
        self.word.begun = true;
        self.word.text.push('\0');
        self.next += length;
        if matches!(frame, Frame::Commands { .. } | Frame::Backticks) {
            self.word = Word::at_command();
        }
        self.frames.push(frame);
    }

    fn close(&mut self, length: usize) {
        self.frames.pop();
        self.next += length;
        self.word = Word {
            text: "\0".to_owned(),
            begun: true,
            at_command: false,
        };
    }

    fn open_parenthesis(&mut self) {
        if self.follows("((") && !self.word.begun && self.word.at_command {
            self.open(Frame::Arithmetic { depth: 0 }, 2);
        } else {
            self.open(
                Frame::Commands {
                    cases: 0,
                    substitution: false,
                },
                1,
            );
        }
    }

    fn close_parenthesis(&mut self) {
        self.end_word(true);
        match self.frames.last() {
            Some(Frame::Commands {
                cases: 0,
                substitution,
            }) => {
                let begins_anew = !substitution;
                self.close(1);
                if begins_anew {
                    self.word = Word::at_command();
                }
            }
            _ => self.next += 1,
        }
    }

    /// Ends the word; `command_follows` where the next one begins a command.
    fn end_word(&mut self, command_follows: bool) {
        const COMMAND_FOLLOWS: [&str; 10] = [
            "!", "do", "elif", "else", "if", "then", "time", "until", "while", "{",
        ];
        let word = std::mem::replace(&mut self.word, Word::at_command());
        let keyword = word.at_command.then_some(word.text.as_str());
        if let Some(Frame::Commands { cases, .. }) = self.frames.last_mut() {
            match keyword {
                Some("case") => *cases += 1,
                Some("esac") => *cases = cases.saturating_sub(1),
                _ => {}
            }
        }
        self.word.at_command = command_follows
            || (!word.begun && word.at_command)
            || keyword.is_some_and(|word| COMMAND_FOLLOWS.contains(&word));
    }

    /// A backslash and the character it takes the meaning from.
    fn escape(&mut self) {
        self.word.begun = true;
        self.word.text.push('\0');
        self.next += 1;
        match self.symbols.get(self.next) {
            Some(Symbol::Interpolation) => {
                self.places.push(Place::AfterBackslash);
                self.next += 1;
            }
            Some(Symbol::Character(_)) => self.next += 1,
            None => {}
        }
    }

    fn single_quotes(&mut self) {
        self.quoted_until(|_| false);
    }

    /// Reads `'...'`; `escapes` tells whether a character takes the next one's meaning.
    fn quoted_until(&mut self, escapes: impl Fn(char) -> bool) {
        self.word.begun = true;
        self.word.text.push('\0');
        self.next += 1;
        while let Some(&symbol) = self.symbols.get(self.next) {
            self.next += 1;
            match symbol {
                Symbol::Interpolation => self.places.push(Place::Quotes),
                Symbol::Character('\'') => return,
                Symbol::Character(character) if escapes(character) => {
                    if let Some(Symbol::Character(_)) = self.symbols.get(self.next) {
                        self.next += 1;
                    }
                }
                Symbol::Character(_) => {}
            }
        }
    }

    fn backtick(&mut self) {
        if let Some(opened) = self
            .frames
            .iter()
            .rposition(|frame| *frame == Frame::Backticks)
        {
            // A backtick ends the innermost backticks, whatever else is open within.
            self.frames.truncate(opened + 1);
            self.close(1);
        } else {
            self.open(Frame::Backticks, 1);
        }
    }

    fn dollar(&mut self) {
        let quoted = matches!(
            self.frames.last(),
            Some(Frame::DoubleQuotes | Frame::Parameter { quoted: true })
        );
        match (self.peek(1), self.symbols.get(self.next + 1)) {
            (_, Some(Symbol::Interpolation)) => {
                self.word.begun = true;
                let place = match self.place() {
                    Place::Bare => Place::AfterDollar,
                    other => other,
                };
                self.places.push(place);
                self.next += 2;
            }
            (Some('('), _) if self.follows("$((") => {
                self.open(Frame::Arithmetic { depth: 0 }, 3);
            }
            (Some('('), _) => {
                self.open(
                    Frame::Commands {
                        cases: 0,
                        substitution: true,
                    },
                    2,
                );
            }
            (Some('{'), _) => self.open(Frame::Parameter { quoted }, 2),
            (Some('\''), _) if !quoted => {
                self.next += 1;
                self.quoted_until(|character| character == '\\');
            }
            // `$$` is the process: its second `$` begins nothing.
            (Some('$' | '#'), _) => {
                self.word.begun = true;
                self.word.text.push('\0');
                self.next += 2;
            }
            _ => {
                self.word.begun = true;
                self.word.text.push('\0');
                self.next += 1;
            }
        }
    }

    fn double_quoted(&mut self, character: char) {
        match character {
            '\\' => match self.symbols.get(self.next + 1) {
                Some(Symbol::Character(_)) => self.next += 2,
                _ => self.next += 1,
            },
            '"' => self.close(1),
            '`' => self.backtick(),
            '$' => self.dollar(),
            _ => self.next += 1,
        }
    }

    fn arithmetic(&mut self, character: char, depth: usize) {
        let nested = |depth| Frame::Arithmetic { depth };
        match character {
            ')' if depth == 0 && self.follows("))") => self.close(2),
            // One parenthesis too few: these were commands in a subshell after all.
            ')' if depth == 0 => self.close(1),
            ')' => self.replace_frame(nested(depth - 1)),
            '(' => self.replace_frame(nested(depth + 1)),
            '$' => self.dollar(),
            '`' => self.backtick(),
            '"' => self.open(Frame::DoubleQuotes, 1),
            '\\' => self.escape(),
            _ => self.next += 1,
        }
    }

    fn replace_frame(&mut self, frame: Frame) {
        if let Some(last) = self.frames.last_mut() {
            *last = frame;
        }
        self.next += 1;
    }

    fn parameter(&mut self, character: char, quoted: bool) {
        match character {
            '}' => self.close(1),
            '\\' => self.escape(),
            '\'' if !quoted => self.single_quotes(),
            '"' => self.open(Frame::DoubleQuotes, 1),
            '`' => self.backtick(),
            '$' => self.dollar(),
            _ => self.next += 1,
        }
    }

    fn comment(&mut self) {
        while let Some(&symbol) = self.symbols.get(self.next) {
            match symbol {
                Symbol::Character('\n') => return,
                Symbol::Character(_) => {}
                Symbol::Interpolation => self.places.push(Place::Comment),
            }
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests;
