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
use crate::rooms::core::content::{Create, MemberChange, OriginKey};
use crate::tenants::Tenant;

/// The keys that verify one room's logs.
pub(super) struct Keys {
    known: Vec<(ServerName, PublicKey, i64)>,
    /// The host's key, for a log that begins here.
    pinned: Option<(ServerName, PublicKey)>,
    /// How long each verification takes.
    durations: Histogram,
}

impl Keys {
    /// The keys that the store has for a room; `pinned` for a room of which nothing is here yet.
    pub(super) async fn load(
        app: &App,
        tenant: &Tenant,
        room_id: RoomId,
        pinned: Option<(ServerName, PublicKey)>,
    ) -> Result<Keys, DbError> {
        let known = store::logs::log_keys(tenant, app.db(), room_id).await?;
        let known = known
            .into_iter()
            .map(|key| (key.origin, key.public_key, key.from_seq))
            .collect();
        Ok(Keys {
            known,
            pinned,
            durations: app.metrics().federation_verify.clone(),
        })
    }

    /// Whether any key of this origin's log is known.
    pub(super) fn knows(&self, origin: &ServerName) -> bool {
        self.known.iter().any(|(of, ..)| of == origin)
    }

    fn of(&self, event: &Event) -> Option<&PublicKey> {
        let in_log = self.known.iter().find(|(origin, key, from_seq)| {
            *origin == event.origin && key.key_id() == event.key_id && *from_seq <= event.seq
        });
        let first = self
            .pinned
            .as_ref()
            .filter(|(origin, key)| *origin == event.origin && key.key_id() == event.key_id);
        in_log.map(|(_, key, _)| key).or(first
            .map(|(_, key)| key)
            .filter(|_| !self.knows(&event.origin)))
    }

    /// Events of the logs bring the keys of what follows.
    fn learn(&mut self, event: &Event) {
        let Some(content) = &event.content else {
            return;
        };
        let learned = if event.event_type == EventType::ROOM_CREATE {
            let create: Option<Create> = serde_json::from_value(content.clone()).ok();
            create.map(|create| (event.origin.clone(), create.key, 1))
        } else if event.event_type == EventType::ROOM_MEMBER {
            let change: Option<MemberChange> = serde_json::from_value(content.clone()).ok();
            change.and_then(|change| {
                let home = change.participant.server_name().clone();
                Some((home, change.key?, 1))
            })
        } else if event.event_type == EventType::LOG_KEY {
            let key: Option<OriginKey> = serde_json::from_value(content.clone()).ok();
            key.map(|key| (event.origin.clone(), key, event.seq + 1))
        } else {
            None
        };
        if let Some((origin, key, from_seq)) = learned
            && let Ok(key) = key.public_key.parse::<PublicKey>()
        {
            self.known.push((origin, key, from_seq));
        }
    }
}

/// Why an event is not believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unbelievable {
    /// No key of its log is known.
    #[error("no key of this log is known")]
    NoKey,
    /// It does not verify.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Verifies events of one room in their order.
pub(super) async fn verify_all(
    mut keys: Keys,
    events: Vec<Event>,
) -> (Keys, Vec<Result<Verified<Event>, Unbelievable>>) {
    let durations = keys.durations.clone();
    let work = move || {
        let mut verified = Vec::with_capacity(events.len());
        for event in events {
            let result = match keys.of(&event).cloned() {
                None => Err(Unbelievable::NoKey),
                Some(key) => {
                    let started = Instant::now();
                    let result = verify(event, &key).map_err(Unbelievable::from);
                    keys.durations.observe(started.elapsed().as_secs_f64());
                    result
                }
            };
            if let Ok(event) = &result {
                keys.learn(event);
            }
            verified.push(result);
        }
        (keys, verified)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The pool is gone: the server stops, and the peer delivers again.
        Err(_) => (
            Keys {
                known: Vec::new(),
                pinned: None,
                durations,
            },
            Vec::new(),
        ),
    }
}
