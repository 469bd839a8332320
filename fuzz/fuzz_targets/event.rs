//! Events that other servers send.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scaiwave::fuzzing::event(bytes));
