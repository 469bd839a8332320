//! Signed requests.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scaiwave::fuzzing::request_signature(bytes));
