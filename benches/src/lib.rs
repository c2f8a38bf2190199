//! The benches of chiltepin-rs.
