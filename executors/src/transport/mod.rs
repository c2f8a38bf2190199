//! Encrypted streams of messages between the driver and the agents of its nodes, over TCP.
//!
//! ```text
//!   agent                                                      driver
//!   dial: candidates in turn ──── TCP ────► listener: one port for the whole run
//!     preface (in clear: version, role, run, program) ──► refused at once where it differs
//!     Noise NNpsk0 (binds the preface; the key never travels) ──► small frames, a time limit
//!     hello ─────────────────────────────────────────────► peers.arrived(hello)
//!     ◄───────────────────────────────────── welcome, or why not
//!     ◄═══════════ frames, numbered by counting, acknowledged; beats when idle ═══════════►
//!
//!   address, ports     under which nodes reach the driver; where it listens
//!   key                the run's secret, in a file that nobody else can read
//!   preface, noise     what comes first; handshake and records: bytes to bytes     (pure)
//!   bundle, session    which frames the peer has; what is sent again               (pure)
//!   liveness, farewell when to beat, to give up, to end; how to take leave         (pure)
//!   connection         records and frames over one socket
//!   link, drive        what everybody has of a link; its task, over the connection of the moment
//!   dial: race, redial the agent's side: the first address that leads there; coming back
//!   listener: incoming the driver's side: what comes is a link, one that comes back, or refused
//!   unproven           strangers have little time and little room                  (pure)
//! ```
//!
//! A connection may break and be made anew within the reconnect window: nothing is lost and nothing
//! comes twice. A peer that is silent for longer than that, or whose process is gone, is lost, and
//! is never taken back: what it ran is done elsewhere by then.

mod address;
mod bundle;
mod connection;
mod control;
mod dial;
mod drive;
mod error;
mod farewell;
mod handshake;
mod incoming;
mod key;
mod link;
mod listener;
mod liveness;
mod noise;
mod ports;
mod preface;
mod race;
mod random;
mod redial;
mod session;
mod settings;
mod unproven;

// Cargo-fuzz sets `fuzzing`.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod tests;

pub use address::candidates;
pub use dial::{Dial, Dialed};
pub use error::{DialError, DialFailure, Tried};
pub use key::Key;
pub use link::Link;
pub use listener::{Arrival, Limits, Listener, ListenerSettings, Peers};
pub use preface::Identity;
pub use settings::{LinkEnd, LinkSettings, Receive};
