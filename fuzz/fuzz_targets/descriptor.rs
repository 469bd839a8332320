//! What servers say of themselves, and the documents that they sign.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scaiwave::fuzzing::descriptor(bytes));
