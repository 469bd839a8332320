//! Walks the whole store and checks everything again that made an event believable: id, hash, chain, signature,
//! content, and the verdict. Reads only; may run beside a server.

use std::collections::HashMap;

use super::core::judge::Verdict;
use super::core::view::RoomView;
use super::timeline::place;
use crate::db::{Db, DbError};
use crate::events::core::chain::Gap;
use crate::events::core::content::content_hash;
use crate::events::core::event::Event;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::ServerName;
use crate::events::model::{Kind, LogEnd, Placed, Standing};
use crate::events::store;
use crate::events::store::logs::{LogKey, key_at};
use crate::tenants::{Tenant, store as tenants};

/// Events read at once.
const PAGE: i64 = 1000;

/// What was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Logs.
    pub logs: u64,
    /// Events.
    pub events: u64,
}

/// The first event that is not as it should be.
#[derive(Clone, Debug, thiserror::Error)]
#[error("room {room_id}, log of {origin}, epoch {epoch}, seq {seq} (event {event_id}): {problem}")]
pub struct BadEvent {
    /// The room.
    pub room_id: RoomId,
    /// Whose log.
    pub origin: ServerName,
    /// The epoch.
    pub epoch: i64,
    /// The number in the epoch.
    pub seq: i64,
    /// The event's id, or that of the log's end where an event is missing.
    pub event_id: String,
    /// What is wrong.
    pub problem: String,
}

/// Why verification ended early.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Something is not as it should be.
    #[error(transparent)]
    Bad(Box<BadEvent>),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Why a whole database was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum Unconfirmed {
    /// Nobody knows what there is to check.
    #[error("cannot read the tenants")]
    Tenants(#[source] DbError),
    /// Something of one tenant.
    #[error("tenant {slug}")]
    Tenant {
        /// Which.
        slug: String,
        /// What.
        #[source]
        error: VerifyError,
    },
}

/// Checks every log of every tenant.
///
/// # Errors
/// The first bad event, or the database's failure.
pub async fn all(db: &Db) -> Result<Checked, Unconfirmed> {
    let mut all = Checked::default();
    for of in tenants::all(db).await.map_err(Unconfirmed::Tenants)? {
        let checked = tenant(&of, db).await.map_err(|error| Unconfirmed::Tenant {
            slug: of.slug().to_owned(),
            error,
        })?;
        all.logs += checked.logs;
        all.events += checked.events;
    }
    Ok(all)
}

/// Checks every log of a tenant.
///
/// # Errors
/// The first bad event, or the database's failure.
pub async fn tenant(tenant: &Tenant, db: &Db) -> Result<Checked, VerifyError> {
    let mut checked = Checked::default();
    let mut room: Option<Room> = None;
    for (room_id, end) in store::logs::all_ends(tenant, db).await? {
        if room.as_ref().is_none_or(|room| room.id != room_id) {
            room = Some(Room::load(tenant, db, room_id).await?);
        }
        if let Some(room) = &room {
            checked.events += room.check_log(tenant, db, &end).await?;
            checked.logs += 1;
        }
    }
    Ok(checked)
}

/// What a room's logs are checked against.
struct Room {
    id: RoomId,
    view: Option<RoomView>,
    keys: Vec<LogKey>,
    gaps: Vec<(ServerName, Gap)>,
}

/// An epoch of a log.
struct Stretch<'a> {
    origin: &'a ServerName,
    epoch: i64,
    /// Where it should end; `None`: nobody knows.
    end: Option<LogEnd>,
    /// Whether a server may be appending to it meanwhile.
    goes_on: bool,
}

/// Where a log should go on.
struct Cursor {
    seq: i64,
    hash: Option<Hash>,
    ts: i64,
    highest: i64,
}

impl Room {
    async fn load(tenant: &Tenant, db: &Db, id: RoomId) -> Result<Room, DbError> {
        let ends = store::logs::ends(tenant, db.reader(), id).await?;
        let deciding = store::deciding(tenant, db.reader(), id).await?;
        Ok(Room {
            id,
            view: place::fold(&deciding, ends)?,
            keys: store::logs::log_keys(tenant, db, id).await?,
            gaps: store::gaps::of_room(tenant, db.reader(), id).await?,
        })
    }

    async fn check_log(&self, tenant: &Tenant, db: &Db, end: &LogEnd) -> Result<u64, VerifyError> {
        let mut at = Cursor {
            seq: 0,
            hash: None,
            ts: 0,
            highest: 0,
        };
        let mut count = 0;
        for epoch in 1..end.epoch {
            let stretch = Stretch {
                origin: &end.origin,
                epoch,
                end: self.end_of_epoch(end, epoch)?,
                goes_on: false,
            };
            count += self.check_epoch(tenant, db, &stretch, &mut at).await?;
            (at.seq, at.hash) = (0, None);
        }
        let stretch = Stretch {
            origin: &end.origin,
            epoch: end.epoch,
            end: Some(end.clone()),
            goes_on: true,
        };
        Ok(count + self.check_epoch(tenant, db, &stretch, &mut at).await?)
    }

    /// Where an earlier epoch of a log ends: at the cut-off with which the next one was admitted. `None`: nobody knows, since
    /// the host's log has forked below the admission.
    fn end_of_epoch(&self, end: &LogEnd, epoch: i64) -> Result<Option<LogEnd>, VerifyError> {
        let epochs = self.view.as_ref().map(|view| view.history.epochs());
        let admission = epochs.and_then(|epochs| epochs.of(&end.origin, epoch + 1));
        let host = self
            .view
            .as_ref()
            .and_then(|view| view.logs.get(view.history.host()));
        if admission.is_none() && host.is_some_and(|log| log.forked_at.is_some()) {
            return Ok(None);
        }
        let Some(admission) = admission else {
            return Err(VerifyError::Bad(Box::new(BadEvent {
                room_id: self.id,
                origin: end.origin.clone(),
                epoch: epoch + 1,
                seq: 1,
                event_id: "missing".to_owned(),
                problem: "the host has not admitted this epoch".to_owned(),
            })));
        };
        Ok(Some(LogEnd {
            epoch,
            seq: admission.cutoff.seq,
            hash: admission.cutoff.hash.unwrap_or(end.hash),
            ..end.clone()
        }))
    }

    async fn check_epoch(
        &self,
        tenant: &Tenant,
        db: &Db,
        stretch: &Stretch<'_>,
        at: &mut Cursor,
    ) -> Result<u64, VerifyError> {
        let mut count = 0;
        let is_beyond = |seq: i64| stretch.end.as_ref().is_some_and(|end| seq > end.seq);
        loop {
            let after = (stretch.epoch, at.seq);
            let page = store::log_page(tenant, db, self.id, stretch.origin, after, PAGE).await?;
            if page.is_empty() {
                break;
            }
            let targets = targets(tenant, db, &page).await?;
            for placed in &page {
                // What a server beside us appended after the ends were read is not looked at.
                if is_beyond(placed.event.seq) && stretch.goes_on {
                    return self.require_end(stretch, at).map(|()| count);
                }
                if is_beyond(placed.event.seq) {
                    let problem = "the host has cut it off: its epoch ends before it";
                    return Err(bad(placed, problem.to_owned()));
                }
                self.check(placed, at, &targets)
                    .map_err(|problem| bad(placed, problem))?;
                count += 1;
            }
        }
        self.require_end(stretch, at)?;
        Ok(count)
    }

    fn require_end(&self, stretch: &Stretch<'_>, at: &Cursor) -> Result<(), VerifyError> {
        let Some(end) = &stretch.end else {
            return Ok(());
        };
        if at.seq == end.seq && (end.seq == 0 || at.hash == Some(end.hash)) {
            return Ok(());
        }
        Err(VerifyError::Bad(Box::new(BadEvent {
            room_id: self.id,
            origin: end.origin.clone(),
            epoch: end.epoch,
            seq: at.seq + 1,
            event_id: "missing".to_owned(),
            problem: format!("the log should end at seq {} with {}", end.seq, end.hash),
        })))
    }

    fn check(
        &self,
        placed: &Placed,
        at: &mut Cursor,
        targets: &HashMap<EventId, Placed>,
    ) -> Result<(), String> {
        let event = &placed.event;
        if !self.is_behind_gap(event, at) {
            require(event.seq == at.seq + 1, "an event before it is missing")?;
            require(
                event.prev == at.hash,
                "it does not follow the event before it",
            )?;
        }
        require(event.ts >= at.ts, "it is earlier than the event before it")?;
        let signed = event.signed_bytes();
        require(Hash::of(&signed) == placed.hash, "its hash is another one")?;
        require(
            event.derived_id() == event.event_id,
            "its id is not the derived one",
        )?;
        let key = key_at(&self.keys, &event.origin, (event.epoch, event.seq))
            .filter(|key| key.key_id == event.key_id)
            .ok_or("its key does not belong to the log")?;
        require(
            key.public_key
                .verify_strict(&signed, &event.signature)
                .is_ok(),
            "its signature does not match",
        )?;
        if let (Some(content), Some(salt)) = (&event.content, &event.salt) {
            require(
                content_hash(content, salt) == event.content_hash,
                "its content has another hash",
            )?;
        }
        at.highest = at.highest.max(event.state_seq);
        self.check_verdict(placed, at.highest, targets)?;
        *at = Cursor {
            seq: event.seq,
            hash: Some(placed.hash),
            ts: event.ts,
            highest: at.highest,
        };
        Ok(())
    }

    /// Whether what is missing before an event is known to be missing: the room's state came first.
    fn is_behind_gap(&self, event: &Event, at: &Cursor) -> bool {
        self.gaps.iter().any(|(origin, gap)| {
            *origin == event.origin
                && event.epoch == 1
                && (gap.after_seq, Some(gap.after_hash)) == (at.seq, at.hash)
                && (gap.until_seq, Some(gap.until_prev)) == (event.seq, event.prev)
        })
    }

    /// A malformed content voids for ever, and is gone by now: only what was judged by the room is judged again.
    fn check_verdict(
        &self,
        placed: &Placed,
        highest: i64,
        targets: &HashMap<EventId, Placed>,
    ) -> Result<(), String> {
        let (Some(view), Kind::Timeline) = (&self.view, placed.kind) else {
            return Ok(());
        };
        let target = placed.target.and_then(|id| targets.get(&id));
        let verdict = place::judge_event(view, &placed.event, highest, target);
        let fits = match placed.standing {
            Standing::Valid => verdict == Verdict::Valid,
            Standing::Wait => matches!(verdict, Verdict::Wait(_)),
            Standing::Void => placed.event.content.is_none(),
            Standing::Frozen => {
                let place = (placed.event.epoch, placed.event.seq);
                view.is_frozen(&placed.event.origin, place)
            }
        };
        require(
            fits,
            &format!("it stands as {} but is judged {verdict:?}", placed.standing),
        )
    }
}

/// The events that those of a page are about. What a room says of another room's event is judged as if that were unknown.
async fn targets(
    tenant: &Tenant,
    db: &Db,
    page: &[Placed],
) -> Result<HashMap<EventId, Placed>, DbError> {
    let mut found = HashMap::new();
    for placed in page {
        let Some(id) = placed.target else { continue };
        let target = store::by_id(tenant, db.reader(), id).await?;
        let is_of_room = |target: &Placed| target.event.room_id == placed.event.room_id;
        if let Some(target) = target.filter(is_of_room) {
            found.insert(id, target);
        }
    }
    Ok(found)
}

fn require(holds: bool, problem: &str) -> Result<(), String> {
    if holds {
        Ok(())
    } else {
        Err(problem.to_owned())
    }
}

fn bad(placed: &Placed, problem: String) -> VerifyError {
    let event = &placed.event;
    VerifyError::Bad(Box::new(BadEvent {
        room_id: event.room_id,
        origin: event.origin.clone(),
        epoch: event.epoch,
        seq: event.seq,
        event_id: event.event_id.to_string(),
        problem,
    }))
}
