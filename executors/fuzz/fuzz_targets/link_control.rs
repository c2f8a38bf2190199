//! What the two ends of a link say to each other.
#![no_main]

use chiltepin_executors::transport::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::control(bytes));
