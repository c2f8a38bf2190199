//! Here-documents: the lines after a command that are its input, in which quotes are text.

use super::{Lexer, Place, Symbol};

/// A here-document whose lines are still to come.
pub(super) struct Document {
    delimiter: String,
    strips_tabs: bool,
}

impl Lexer<'_> {
    /// Reads the word that will end a here-document.
    pub(super) fn delimiter(&mut self) {
        let strips_tabs = self.peek(0) == Some('-');
        self.next += usize::from(strips_tabs);
        while matches!(self.peek(0), Some(' ' | '\t')) {
            self.next += 1;
        }
        let mut delimiter = String::new();
        let mut quote = None;
        while let Some(&symbol) = self.symbols.get(self.next) {
            match (symbol, quote) {
                (Symbol::Interpolation, _) => self.places.push(Place::HereDocument),
                (Symbol::Character(character), Some(open)) if character == open => quote = None,
                (Symbol::Character(character @ ('\'' | '"')), None) => quote = Some(character),
                (Symbol::Character('\\'), None) => {}
                (Symbol::Character(character), None) if " \t\n;&|<>()".contains(character) => {
                    break;
                }
                (Symbol::Character(character), _) => delimiter.push(character),
            }
            self.next += 1;
        }
        self.documents.push(Document {
            delimiter,
            strips_tabs,
        });
    }

    /// Reads the lines of the here-documents that the line before has begun.
    pub(super) fn here_documents(&mut self) {
        for document in std::mem::take(&mut self.documents) {
            while self.next < self.symbols.len() {
                if self.here_line(&document) {
                    break;
                }
            }
        }
    }

    /// Reads one line; tells whether it is the one that ends the document.
    fn here_line(&mut self, document: &Document) -> bool {
        let mut line = String::new();
        let mut plain = true;
        while let Some(&symbol) = self.symbols.get(self.next) {
            self.next += 1;
            match symbol {
                Symbol::Character('\n') => break,
                Symbol::Character(character) => line.push(character),
                Symbol::Interpolation => {
                    plain = false;
                    self.places.push(Place::HereDocument);
                }
            }
        }
        let line = if document.strips_tabs {
            line.trim_start_matches('\t')
        } else {
            &line
        };
        plain && line == document.delimiter
    }
}
