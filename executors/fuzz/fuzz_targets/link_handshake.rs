//! The messages of a handshake.
#![no_main]

use chiltepin_executors::transport::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::handshake(bytes));
