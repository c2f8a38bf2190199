//! A frame that a driver reads from an agent.
#![no_main]

use chiltepin_executors::agent::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::from_agent(bytes));
