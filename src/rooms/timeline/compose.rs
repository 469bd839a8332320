//! What was decided becomes signed events: chained to the own log, naming the host state that they rest on.

use serde_json::Value;

use crate::entropy::Entropy;
use crate::events::core::clock::Hlc;
use crate::events::core::content::SALT_BYTES;
use crate::events::core::event::{Event, EventError};
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::{Draft, Verified};
use crate::events::keys::KeyRing;
use crate::federation::host_wait::HostWait;
use crate::rooms::core::decide::Intent;
use crate::rooms::core::view::RoomView;

/// What signing needs beside the room.
pub(super) struct Signer<'a> {
    /// The own server.
    pub(super) origin: &'a ServerName,
    /// Its current key.
    pub(super) key: &'a KeyPair,
    /// All its keys.
    pub(super) keys: &'a KeyRing,
    /// Its clock.
    pub(super) clock: &'a mut Hlc,
    /// Where salts come from.
    pub(super) entropy: &'a Entropy,
    /// The time, in ms.
    pub(super) now: i64,
    /// Which rooms have to wait after a restore.
    pub(super) waits: &'a HostWait,
}

/// Where the next own event goes.
struct Next {
    epoch: i64,
    seq: i64,
    prev: Option<Hash>,
    ts: i64,
    state_seq: i64,
    state_hash: Option<Hash>,
}

impl Next {
    fn in_room(view: &RoomView, origin: &ServerName) -> Next {
        let head = view.head(origin);
        let (state_seq, state_hash) = view.state_claim();
        Next {
            epoch: head.epoch,
            seq: head.seq + 1,
            prev: head.hash,
            ts: view.logs.get(origin).map_or(0, |log| log.ts),
            state_seq,
            state_hash: Some(state_hash),
        }
    }

    const FIRST: Next = Next {
        epoch: 1,
        seq: 1,
        prev: None,
        ts: 0,
        state_seq: 0,
        state_hash: None,
    };
}

/// Signs the first event of the own log's next epoch.
pub(super) fn restart(
    key: &KeyPair,
    view: &RoomView,
    room_id: RoomId,
    (epoch, content): (i64, Value),
    signer: &mut Signer<'_>,
) -> Result<Vec<Verified<Event>>, EventError> {
    let first = Next {
        epoch,
        seq: 1,
        prev: None,
        ..Next::in_room(view, signer.origin)
    };
    let intent = Intent {
        event_type: EventType::LOG_RESTART,
        sender: None,
        content,
    };
    sign_from(first, key, room_id, vec![intent], signer)
}

/// Signs `intents` as the next events of the own log; nothing of the room changes yet. Without a view, they begin one.
pub(super) fn sign(
    view: Option<&RoomView>,
    room_id: RoomId,
    intents: Vec<Intent>,
    signer: &mut Signer<'_>,
) -> Result<Vec<Verified<Event>>, EventError> {
    let key = signer.key;
    sign_with(key, view, room_id, intents, signer)
}

/// The same with a key that may be an earlier one.
pub(super) fn sign_with(
    key: &KeyPair,
    view: Option<&RoomView>,
    room_id: RoomId,
    intents: Vec<Intent>,
    signer: &mut Signer<'_>,
) -> Result<Vec<Verified<Event>>, EventError> {
    let next = view.map_or(Next::FIRST, |view| Next::in_room(view, signer.origin));
    sign_from(next, key, room_id, intents, signer)
}

fn sign_from(
    mut next: Next,
    key: &KeyPair,
    room_id: RoomId,
    intents: Vec<Intent>,
    signer: &mut Signer<'_>,
) -> Result<Vec<Verified<Event>>, EventError> {
    let mut events = Vec::with_capacity(intents.len());
    for intent in intents {
        let is_state = intent.event_type.is_state();
        let salt: [u8; SALT_BYTES] = signer.entropy.bytes();
        let event = Draft {
            room_id,
            origin: signer.origin.clone(),
            sender: intent.sender,
            event_type: intent.event_type,
            content: intent.content,
            epoch: next.epoch,
            seq: next.seq,
            prev: next.prev,
            ts: signer.clock.tick(signer.now).max(next.ts),
            state_seq: next.state_seq,
            state_hash: next.state_hash,
            salt,
        }
        .sign(key)?;
        next.seq += 1;
        next.prev = Some(event.hash());
        next.ts = event.ts;
        if is_state {
            next.state_seq = event.seq;
            next.state_hash = Some(event.hash());
        }
        events.push(event);
    }
    Ok(events)
}
