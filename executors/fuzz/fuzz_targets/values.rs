//! The bytes of a value of one of many types.
#![no_main]

use chiltepin_executors::wire::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::values(bytes));
