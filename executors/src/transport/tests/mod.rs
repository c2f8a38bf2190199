//! Links over real sockets.

mod broken;
mod dialing;
mod pair;
mod rate;
mod road;
mod strangers;
mod talk;
