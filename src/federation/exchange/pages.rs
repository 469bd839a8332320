//! Verifying events by the keys of their logs, off the threads that serve requests.

use std::time::Instant;

use prometheus_client::metrics::histogram::Histogram;

use crate::app::App;
use crate::db::DbError;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::core::sign::PublicKey;
use crate::events::core::verified::{Verified, VerifyError, verify};
use crate::events::store;
use crate::events::store::logs::{KeyPlace, LogKey, key_at};
use crate::federation::shares::Turn;
use crate::rooms::core::content::{Change, Create, MemberChange, OriginKey, StateChange};
use crate::rooms::store::rooms;
use crate::tenants::Tenant;

/// The keys that verify one room's logs.
pub(crate) struct Keys {
    /// Who writes the room's state; none before its create event.
    host: Option<ServerName>,
    known: Vec<LogKey>,
    /// The host's keys, for a log that begins here.
    pinned: Option<(ServerName, Vec<PublicKey>)>,
    /// How long each verification takes.
    durations: Histogram,
}

impl Keys {
    /// The keys that the store has for a room; `pinned` for a room of which nothing is here yet.
    pub(crate) async fn load(
        app: &App,
        tenant: &Tenant,
        room_id: RoomId,
        pinned: Option<(ServerName, Vec<PublicKey>)>,
    ) -> Result<Keys, DbError> {
        let known = store::logs::log_keys(tenant, app.db(), room_id).await?;
        let row = rooms::get(tenant, app.db().reader(), room_id).await?;
        Ok(Keys {
            host: row.map(|row| row.host),
            known,
            pinned,
            durations: app.metrics().federation_verify.clone(),
        })
    }

    /// The keys of a log by itself that begins with this one.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn beginning(origin: ServerName, key: PublicKey) -> Keys {
        let mut keys = Keys {
            host: None,
            known: Vec::new(),
            pinned: None,
            durations: Histogram::new([1.0]),
        };
        keys.push_first(&origin, &OriginKey::of(&key));
        keys
    }

    /// Whether any key of this origin's log is known.
    pub(super) fn knows(&self, origin: &ServerName) -> bool {
        self.known.iter().any(|key| key.origin == *origin)
    }

    /// The latest epoch of a log of which a key is known.
    pub(super) fn latest_epoch(&self, origin: &ServerName) -> i64 {
        let of_log = self.known.iter().filter(|key| key.origin == *origin);
        of_log.map(|key| key.at.epoch).max().unwrap_or(1)
    }

    /// Verifies the next event by its log's key, and learns what keys it brings.
    pub(crate) fn verify(&mut self, event: Event) -> Result<Verified<Event>, Unbelievable> {
        let key = self.of(&event).cloned().ok_or(Unbelievable::NoKey)?;
        let started = Instant::now();
        let verified = verify(event, &key);
        self.durations.observe(started.elapsed().as_secs_f64());
        let event = verified?;
        self.learn(&event);
        Ok(event)
    }

    fn of(&self, event: &Event) -> Option<&PublicKey> {
        let key = match key_at(&self.known, &event.origin, (event.epoch, event.seq)) {
            Some(key) => &key.public_key,
            None => {
                let (_, keys) = self
                    .pinned
                    .as_ref()
                    .filter(|(origin, _)| *origin == event.origin && event.epoch == 1)?;
                keys.iter().find(|key| key.key_id() == event.key_id)?
            }
        };
        (key.key_id() == event.key_id).then_some(key)
    }

    /// Events of the logs bring the keys of what follows: the host's name the first key of each log, and each log names
    /// its own later ones. What anybody else says of a key means nothing.
    fn learn(&mut self, event: &Event) {
        let Some(content) = event.content.clone() else {
            return;
        };
        if event.event_type == EventType::LOG_KEY {
            let sender = event.sender.as_ref();
            let is_own = sender.is_none_or(|sender| *sender.server_name() == event.origin);
            if let (true, Ok(key)) = (is_own, serde_json::from_value(content)) {
                let at = KeyPlace {
                    epoch: event.epoch,
                    from_seq: event.seq + 1,
                    state_seq: event.state_seq,
                };
                self.push(&event.origin, &key, at);
            }
        } else if event.event_type == EventType::ROOM_CREATE && self.host.is_none() {
            if let Ok(Create { key, .. }) = serde_json::from_value(content) {
                self.host = Some(event.origin.clone());
                self.push_first(&event.origin, &key);
            }
        } else if event.event_type == EventType::ROOM_MEMBER
            && self.host.as_ref() == Some(&event.origin)
            && let Ok(change) = serde_json::from_value::<MemberChange>(content)
            && let Some(key) = change.key
        {
            self.push_first(change.participant.server_name(), &key);
        } else if event.event_type == EventType::ROOM_LOG
            && self.host.as_ref() == Some(&event.origin)
        {
            self.learn_epoch(event);
        }
    }

    /// The first key of an epoch that the host admits: of the log's next one, and as it was admitted first.
    fn learn_epoch(&mut self, event: &Event) {
        let content = event.content.as_ref();
        let state = content.and_then(|content| StateChange::parse(&event.event_type, content).ok());
        let Some(Change::Log(change)) = state.map(|state| state.change) else {
            return;
        };
        let next = self.latest_epoch(&change.origin) + 1;
        if change.origin != event.origin && change.epoch == next {
            let at = KeyPlace {
                epoch: change.epoch,
                from_seq: 1,
                state_seq: event.seq,
            };
            self.push(&change.origin, &change.key, at);
        }
    }

    fn push_first(&mut self, origin: &ServerName, key: &OriginKey) {
        if !self.knows(origin) {
            let at = KeyPlace {
                epoch: 1,
                from_seq: 1,
                state_seq: 0,
            };
            self.push(origin, key, at);
        }
    }

    /// As the store will do it: a key is named once in an epoch, a later place is never overruled, and what an event says
    /// that rests on a state before its epoch's admission counts for nothing.
    fn push(&mut self, origin: &ServerName, key: &OriginKey, at: KeyPlace) {
        if let Ok(public_key) = key.public_key.parse::<PublicKey>()
            && !self.known.iter().any(|known| {
                let is_later = known.at.from_seq >= at.from_seq;
                let rests_before = at.epoch > 1 && known.at.state_seq > at.state_seq;
                known.origin == *origin
                    && known.at.epoch == at.epoch
                    && (known.key_id == public_key.key_id() || is_later || rests_before)
            })
        {
            self.known.push(LogKey {
                origin: origin.clone(),
                key_id: public_key.key_id(),
                public_key,
                at,
            });
        }
    }
}

/// Why an event is not believed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unbelievable {
    /// No key of its log is known.
    #[error("no key of this log is known")]
    NoKey,
    /// It does not verify.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Verifies events of one room in their order, in a turn of who brought them.
pub(crate) async fn verify_all(
    turn: &Turn,
    mut keys: Keys,
    events: Vec<Event>,
) -> (Keys, Vec<Result<Verified<Event>, Unbelievable>>) {
    let durations = keys.durations.clone();
    let work = move || {
        let verified = events.into_iter().map(|event| keys.verify(event)).collect();
        (keys, verified)
    };
    // The pool is gone: the server stops, and the peer delivers again.
    turn.work(work).await.unwrap_or_else(|| {
        let nothing = Keys {
            host: None,
            known: Vec::new(),
            pinned: None,
            durations,
        };
        (nothing, Vec::new())
    })
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
