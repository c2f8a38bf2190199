//! A frame that a driver reads.
#![no_main]

use chiltepin_executors::wire::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::from_worker(bytes));
