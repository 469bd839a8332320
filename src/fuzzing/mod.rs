//! What the fuzzer plays: for each kind of bytes that a stranger sends, a function that reads them as the server does and
//! panics where something does not hold that has to hold for all bytes.
//!
//! A fuzzer signs nothing and hashes nothing. So each function reads its input twice: as it stands, and once more after
//! what has to fit was made to fit (hashes, ids, keys, signatures), so that what lies behind the signatures is reached.
//!
//! `fuzz/` drives these functions with libFuzzer; the tests here play its seeds, and the inputs that once showed a fault.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is what the fuzzer looks for"
)]

mod backfill;
mod descriptors;
mod events;
mod forms;
mod pages;
mod requests;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use backfill::backfill_page;
pub use descriptors::descriptor;
pub use events::event;
pub use forms::upload_form;
pub use requests::request_signature;

use crate::events::core::event::Event;
use crate::events::core::json::{self, Limits};
use crate::events::core::sign::KeyPair;
use crate::events::core::{canonical, incoming};
use crate::federation::exchange::bounds;

/// The present moment of all that is played: that of the test vectors, in ms.
const NOW: i64 = 1_780_000_000_000;

/// As for a page of a log; the canonical form of what was read may be longer than what was sent.
const LIMITS: Limits = bounds(16 << 20);

/// The key of somebody with a number.
fn key(number: u8) -> KeyPair {
    KeyPair::from_seed(&[number; 32])
}

/// Reads strict JSON; none where a server would not. Whoever reads JSON by other rules reads the same.
fn json(bytes: &[u8]) -> Option<Value> {
    let read = json::read(bytes, LIMITS).ok()?;
    let elsewhere: Value = serde_json::from_slice(bytes).expect("strict JSON is JSON");
    assert!(is_alike(&read, &elsewhere), "{read} {elsewhere}");
    Some(read)
}

/// The same but for how numbers are kept.
fn is_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let both = one.as_f64().zip(other.as_f64());
            both.is_some_and(|(one, other)| {
                (one - other).abs() <= one.abs() * 1e-12 + f64::MIN_POSITIVE
            })
        }
        (Value::Array(one), Value::Array(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.all(|(one, other)| is_alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let has = |(name, value): (&String, &Value)| {
                other.get(name).is_some_and(|other| is_alike(value, other))
            };
            one.len() == other.len() && one.iter().all(has)
        }
        _ => one == other,
    }
}

/// What another server reads from an event's canonical form.
fn read_again(event: &Event) -> Event {
    let bytes = canonical::to_vec(&event.to_value());
    let mut events = incoming::read_send(&bytes, LIMITS).expect("what was read is JSON");
    assert_eq!(events.len(), 1, "one event stays one");
    let again = events.pop().and_then(Result::ok).expect("and an event");
    let once_more = canonical::to_vec(&again.to_value());
    assert_eq!(once_more, bytes, "there is one canonical form");
    again
}
