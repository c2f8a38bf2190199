//! The tests of chiltepin-rs.
