//! What a run is doing, shown while it goes on.
//!
//! ```text
//!   stream ──events──► Tally: tasks by function and executor
//!   painter's thread ──now──► Tally ──► text: rows, or a line ──► stderr
//! ```
//!
//! Nothing but the painter's thread waits for the terminal: one that was stopped, or a pipe that
//! nobody reads, holds up no event.

mod counts;
mod face;
mod number_hasher;
mod open;
mod pace;
mod painter;
mod rows;
mod screen;
mod tally;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use painter::Live;
pub(crate) use screen::{make_way, make_way_for_results};
