//! A frame that a worker reads.
#![no_main]

use chiltepin_executors::wire::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::to_worker(bytes));
