//! A frame that an agent reads.
#![no_main]

use chiltepin_executors::agent::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::to_agent(bytes));
