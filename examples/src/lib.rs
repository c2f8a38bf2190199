//! The examples of chiltepin-rs.
