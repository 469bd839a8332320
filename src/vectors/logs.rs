//! Vectors of events by themselves and of logs from their first event on: read as from a delivery, verified with the keys
//! that the log names, and placed.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Ignored, LIMITS, compare, nullable, read};
use crate::events::core::chain::{self, ChainError, Head};
use crate::events::core::event::Event;
use crate::events::core::incoming;
use crate::events::core::sign::PublicKey;
use crate::events::core::verified::{ContentStatus, Verified, VerifyError, verify};
use crate::federation::exchange::pages::{Keys, Unbelievable, verify_all};
use crate::federation::shares::Turn;
use crate::rooms::timeline::is_incomplete_log_key;

/// Of an event that cannot be read as one.
const SHAPE: &str = "shape";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfEvent {
    #[serde(rename = "name")]
    _name: Ignored,
    event: Box<RawValue>,
    public_key: PublicKey,
    expect: Believed,
}

#[derive(Deserialize, PartialEq, Debug, Default)]
#[serde(deny_unknown_fields)]
struct Believed {
    #[serde(deserialize_with = "nullable")]
    fault: Option<String>,
    signed_bytes: Option<String>,
    hash: Option<String>,
    content: Option<String>,
}

pub(super) fn event(vector: &str) -> Result<(), String> {
    let OfEvent {
        event,
        public_key,
        expect,
        ..
    } = read(vector)?;
    let verified = delivered(&event).and_then(|event| verify(event, &public_key).map_err(word));
    let found = match verified {
        Ok(event) => Believed {
            fault: None,
            signed_bytes: Some(String::from_utf8(event.signed_bytes()).unwrap()),
            hash: Some(event.hash().to_string()),
            content: Some(status(&event).to_owned()),
        },
        Err(fault) => Believed {
            fault: Some(fault.to_owned()),
            ..Believed::default()
        },
    };
    compare(&expect, &found)
}

/// The event in a request body that holds nothing else.
pub(super) fn delivered(event: &RawValue) -> Result<Event, &'static str> {
    let mut events = incoming::read_send(event.get().as_bytes(), LIMITS).map_err(|_| SHAPE)?;
    match (events.pop(), events.pop()) {
        (Some(Ok(event)), None) => Ok(event),
        _ => Err(SHAPE),
    }
}

fn word(error: VerifyError) -> &'static str {
    match error {
        VerifyError::Envelope(_) => SHAPE,
        VerifyError::Id => "id",
        VerifyError::KeyId => "key_id",
        VerifyError::Signature => "signature",
    }
}

fn status(event: &Verified<Event>) -> &'static str {
    match event.content_status() {
        ContentStatus::Present => "present",
        ContentStatus::Absent => "absent",
        ContentStatus::Mismatch => "mismatch",
        ContentStatus::Unhashable => "unhashable",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfChain {
    #[serde(rename = "name")]
    _name: Ignored,
    events: Vec<Box<RawValue>>,
    public_key: PublicKey,
    expect: Break,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Break {
    #[serde(deserialize_with = "nullable")]
    breaks_at: Option<usize>,
    #[serde(deserialize_with = "nullable")]
    fault: Option<String>,
}

pub(super) fn chain(vector: &str) -> Result<(), String> {
    let OfChain {
        events,
        public_key,
        expect,
        ..
    } = read(vector)?;
    let broken = first_break(&events, public_key);
    let found = Break {
        breaks_at: broken.map(|(index, _)| index),
        fault: broken.map(|(_, fault)| fault.to_owned()),
    };
    compare(&expect, &found)
}

/// Where a log breaks that begins with this key, and why.
fn first_break(events: &[Box<RawValue>], key: PublicKey) -> Option<(usize, &'static str)> {
    let read: Vec<_> = events
        .iter()
        .map_while(|event| delivered(event).ok())
        .collect();
    let unreadable = (read.len() < events.len()).then_some((read.len(), SHAPE));
    let first = read.first()?.clone();
    let keys = Keys::beginning(first.origin.clone(), key);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (_, verified) = runtime.block_on(verify_all(&Turn::free(), keys, read));
    let mut head = None;
    for (index, event) in verified.iter().enumerate() {
        if let Err(fault) = next_head(&mut head, &first, event) {
            return Some((index, fault));
        }
    }
    unreadable
}

/// Moves the head of the log that began with `first` on to the next event, if it is that.
fn next_head(
    head: &mut Option<Head>,
    first: &Event,
    event: &Result<Verified<Event>, Unbelievable>,
) -> Result<(), &'static str> {
    let event = match event {
        Ok(event) => event,
        Err(Unbelievable::NoKey) => return Err("key_id"),
        Err(Unbelievable::Verify(error)) => return Err(word(error.clone())),
    };
    // The writer looks a log up by these two.
    if (event.room_id, &event.origin) != (first.room_id, &first.origin) {
        return Err("log");
    }
    chain::follows(head.as_ref(), event).map_err(|error| match error {
        ChainError::Epoch { .. } | ChainError::Excluded | ChainError::OtherBeginning => "log",
        ChainError::Gap { .. } => "gap",
        ChainError::Duplicate | ChainError::Fork { .. } | ChainError::Behind => "taken",
        ChainError::OtherBranch { .. } => "prev",
        ChainError::TimeGoesBack => "ts",
    })?;
    if is_incomplete_log_key(event) {
        return Err("content");
    }
    *head = Some(Head::of(event));
    Ok(())
}
