//! A stream of frames that comes in pieces.
#![no_main]

use chiltepin_executors::wire::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzzing::frames(bytes));
