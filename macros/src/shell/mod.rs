//! `sh!`: a shell script with interpolations that are quoted as words.
//!
//! ```text
//!   literal ──format──► pieces ──lexer──► the place of each interpolation in the shell's eyes
//!                          └────────────────────┴──expand──► pushes onto a String
//! ```

mod expand;
mod format;
mod lexer;

pub(crate) use expand::expand;
