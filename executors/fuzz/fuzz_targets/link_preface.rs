//! What comes first over a connection between nodes.
#![no_main]

use chiltepin_executors::transport::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::preface(bytes));
