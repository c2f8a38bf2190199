//! What chiltepin-rs does, as a program sees it; a module for each behaviour.

mod first;
