//! Forms with a file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scaiwave::fuzzing::upload_form(bytes));
