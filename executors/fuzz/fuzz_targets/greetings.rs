//! What an agent and its driver say first.
#![no_main]

use chiltepin_executors::agent::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::greetings(bytes));
