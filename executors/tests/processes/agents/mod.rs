//! Real agents over real connections, and a driver's handle to each.
//!
//! ```text
//!   calls     functions, commands, failures, what is told of them
//!   stops     of what runs, of what waits; what is left of an application
//!   ends      in good order, by a signal, by a kill of either side
//!   breaks    connections that are cut or fall silent, within the window and beyond
//!   starts    agents that do not come to be
//! ```

mod breaks;
mod calls;
mod driver;
mod ends;
mod proxy;
mod starts;
mod stops;
