//! Pages of a room's logs.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scaiwave::fuzzing::backfill_page(bytes));
