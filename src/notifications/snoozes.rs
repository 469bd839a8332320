//! Snoozes: a message of which the person is told again later (client specification, section 11).
//!
//! What is due waits for a device of the person's that takes live frames, and is told to all of them that are open then,
//! once: whoever takes it out of the store tells it. Until then it stays in the person's list.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use uuid::Uuid;

use super::error::NotificationError;
use super::model::{ListedSnooze, Reason, Snooze};
use super::store::snoozes::{self, SnoozeRow};
use crate::app::App;
use crate::auth::access::Caller;
use crate::auth::store::accounts;
use crate::clock::iso;
use crate::db::{Committed, DbError};
use crate::error::{Error, Reason as Invalid, Result};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, ParticipantId};
use crate::events::model::Placed;
use crate::events::store;
use crate::messages::store::changes;
use crate::messages::{text, visibility};
use crate::participants;
use crate::preferences::{self, quiet};
use crate::presence::{Audience, LiveFrame, What};
use crate::tenants::Tenant;

/// Snoozes of one person, at most.
const MOST: i64 = 200;
/// The furthest time, from now on, in ms.
const FURTHEST_MS: i64 = 365 * 24 * 60 * 60 * 1000;
/// Snoozes that fall due in one transaction.
const AT_ONCE: i64 = 500;
/// The longest sleep: the system's clock may be put right meanwhile.
const LONGEST: Duration = Duration::from_secs(60);
/// How long to wait after the database failed, in ms.
const PAUSE_MS: i64 = 5_000;

/// When each tenant's next snooze is due. Cheap to clone.
#[derive(Clone, Default)]
pub struct Snoozes(Arc<Due>);

#[derive(Default)]
struct Due {
    next: Mutex<HashMap<i64, i64>>,
    changed: Notify,
}

impl Snoozes {
    /// Takes note that something of a tenant's is due at `at`, in ms.
    fn note(&self, tenant: i64, at: i64) {
        let mut next = self.next();
        let known = next.entry(tenant).or_insert(at);
        *known = at.min(*known);
        drop(next);
        self.0.changed.notify_one();
    }

    /// The tenants of which something is due by now, who are forgotten with that; and how long nothing else is.
    fn take(&self, now: i64) -> (Vec<i64>, Duration) {
        let mut next = self.next();
        let due: Vec<i64> = next
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(tenant, _)| *tenant)
            .collect();
        next.retain(|_, at| *at > now);
        let wait = next.values().min().map(|at| at.saturating_sub(now));
        let wait = wait.and_then(|wait| u64::try_from(wait).ok());
        let wait = wait.map_or(LONGEST, |wait| Duration::from_millis(wait).min(LONGEST));
        (due, wait)
    }

    fn next(&self) -> MutexGuard<'_, HashMap<i64, i64>> {
        self.0.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the caller be told of a message again at `until`, in ms.
///
/// # Errors
/// 422 for a time that has passed or is more than a year ahead, and for the 201st; [`NotificationError::NoSuchMessage`].
pub async fn add(
    app: &App,
    caller: &Caller,
    event_id: EventId,
    until: i64,
) -> Result<Committed<Snooze>> {
    let (tenant, id, now) = (&caller.tenant, caller.participant_id, app.now());
    if until <= now || until > now.saturating_add(FURTHEST_MS) {
        let message = "must be in the future, at most 365 days ahead";
        return Err(Error::validation("body.until", Invalid::Range, message));
    }
    let (message, _) = readable(app, tenant, id, event_id)
        .await?
        .ok_or(NotificationError::NoSuchMessage)?;
    let row = SnoozeRow {
        task_id: fresh_id(app, now),
        event_id,
        room_id: message.event.room_id,
        until,
        created_at: now,
    };
    let mut tx = app.db().begin().await?;
    accounts::lock(tenant, &mut tx, id).await?;
    if snoozes::count_others(tenant, &mut tx, id, event_id).await? >= MOST {
        let message = "there are 200 snoozes already";
        return Err(Error::validation("body", Invalid::Length, message));
    }
    snoozes::put(tenant, &mut tx, id, &row).await?;
    let committed = tx.commit(shown(&row)).await?;
    app.snoozes().note(tenant.key(), until);
    tell_own_devices(app, tenant, id);
    Ok(committed)
}

/// Snoozes of the caller as a list shows them. Those of messages that the caller does not see any more are left out.
pub async fn listed(
    app: &App,
    caller: &Caller,
    rows: &[SnoozeRow],
) -> Result<Vec<ListedSnooze>, DbError> {
    let mut listed = Vec::with_capacity(rows.len());
    for row in rows {
        let found = readable(app, &caller.tenant, caller.participant_id, row.event_id).await?;
        if let Some((_, body)) = found {
            listed.push(ListedSnooze {
                snooze: shown(row),
                snippet: text::snippet(&body),
                created_at: iso(row.created_at),
            });
        }
    }
    Ok(listed)
}

/// Takes a snooze of the caller's back.
///
/// # Errors
/// [`NotificationError::NoSuchSnooze`]
pub async fn take_back(
    app: &App,
    caller: &Caller,
    task_id: Uuid,
) -> Result<Committed<()>, NotificationError> {
    let (tenant, id) = (&caller.tenant, caller.participant_id);
    let mut tx = app.db().begin().await?;
    if !snoozes::delete(tenant, &mut tx, id, task_id).await? {
        return Err(NotificationError::NoSuchSnooze);
    }
    let committed = tx.commit(()).await?;
    tell_own_devices(app, tenant, id);
    Ok(committed)
}

/// Tells people of what is due, until the server stops.
pub async fn run(app: App) {
    let stop = app.stop().clone();
    let snoozes = app.snoozes().clone();
    for tenant in app.tenants().all() {
        snoozes.note(tenant.key(), i64::MIN);
    }
    loop {
        let (due, wait) = snoozes.take(app.now());
        let tenants = due.iter().filter_map(|key| app.tenants().by_key(*key));
        for tenant in tenants {
            match fall_due(&app, &tenant).await {
                Ok(Some(next)) => snoozes.note(tenant.key(), next),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(event = "snoozes.failed", tenant = tenant.slug(), %error);
                    let later = app.now().saturating_add(PAUSE_MS);
                    snoozes.note(tenant.key(), later);
                }
            }
        }
        if !due.is_empty() {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = snoozes.0.changed.notified() => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Records what is due in a tenant, and tells those of it who listen. When the next is due, in ms.
pub(super) async fn fall_due(app: &App, tenant: &Tenant) -> Result<Option<i64>, DbError> {
    loop {
        let next = snoozes::next(tenant, app.db()).await?;
        let now = app.now();
        if next.is_none_or(|next| next > now) {
            return Ok(next);
        }
        let mut tx = app.db().begin().await?;
        let people = snoozes::fall_due(tenant, &mut tx, now, AT_ONCE).await?;
        let people: BTreeSet<_> = tx.commit(people).await?.into_inner().into_iter().collect();
        for person in app.presence().live().hearing(tenant, people) {
            tell(app, tenant, person).await?;
        }
    }
}

/// Tells a person who listens of what is due.
pub async fn tell(app: &App, tenant: &Tenant, person: ParticipantId) -> Result<(), DbError> {
    if !snoozes::has_due(tenant, app.db(), person).await? {
        return Ok(());
    }
    let mut tx = app.db().begin().await?;
    let due = snoozes::take_due(tenant, &mut tx, person).await?;
    let due = tx.commit(due).await?.into_inner();
    let chosen = preferences::store::chosen(tenant, app.db().reader(), person).await?;
    let preferences = preferences::store::whole(chosen)?;
    for row in due.iter().filter(|_| preferences.push) {
        let found = readable(app, tenant, person, row.event_id).await?;
        let Some((message, body)) = found else {
            continue;
        };
        let Some(sender) = message.sender() else {
            continue;
        };
        let sender_id = ParticipantId::derive(sender);
        let sender = participants::store::get(tenant, app.db().reader(), sender_id).await?;
        let frame = LiveFrame::Notification {
            room_id: row.room_id,
            event_id: row.event_id,
            reason: Reason::Snooze.as_str(),
            sender_id,
            sender_name: sender.as_ref().map_or("", |sender| &sender.display_name),
            snippet: &text::snippet(&body),
            silent: quiet::is_quiet(&preferences, app.now()),
        };
        publish(app, tenant, person, &frame);
    }
    tell_own_devices(app, tenant, person);
    Ok(())
}

/// A message that a person sees now, in a room that it is in, with its text.
async fn readable(
    app: &App,
    tenant: &Tenant,
    person: ParticipantId,
    event_id: EventId,
) -> Result<Option<(Placed, String)>, DbError> {
    let reader = app.db().reader();
    let Some(message) = store::by_id(tenant, reader, event_id).await? else {
        return Ok(None);
    };
    let readable = visibility::of(tenant, reader, message.event.room_id, person).await?;
    let is_readable =
        readable.is_some_and(|readable| readable.is_joined() && readable.shows(&message));
    if message.event.event_type != EventType::ROOM_MESSAGE || !is_readable {
        return Ok(None);
    }
    let changes = changes::get(tenant, reader, event_id).await?;
    let body = text::present_body(&message, Some(&changes)).map(str::to_owned);
    Ok(body.map(|body| (message, body)))
}

fn fresh_id(app: &App, now: i64) -> Uuid {
    let ms = u64::try_from(now).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(ms, &app.entropy().bytes()).into_uuid()
}

fn shown(row: &SnoozeRow) -> Snooze {
    Snooze {
        task_id: row.task_id,
        event_id: row.event_id,
        room_id: row.room_id,
        until: iso(row.until),
    }
}

fn tell_own_devices(app: &App, tenant: &Tenant, person: ParticipantId) {
    let frame = LiveFrame::MeUpdated {
        what: What::Snoozes,
    };
    publish(app, tenant, person, &frame);
}

fn publish(app: &App, tenant: &Tenant, person: ParticipantId, frame: &LiveFrame<'_>) {
    let own = Audience::People(vec![person]);
    let live = app.presence().live();
    live.publish(tenant, &own, &frame.text(tenant, app.now()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_are_looked_at_when_something_of_theirs_is_due() {
        let snoozes = Snoozes::default();
        assert_eq!(snoozes.take(0), (vec![], LONGEST));
        snoozes.note(1, 2_000);
        snoozes.note(2, 5_000);
        snoozes.note(1, 3_000);
        assert_eq!(snoozes.take(1_000), (vec![], Duration::from_secs(1)));
        assert_eq!(snoozes.take(2_000), (vec![1], Duration::from_secs(3)));
        assert_eq!(snoozes.take(2_000), (vec![], Duration::from_secs(3)));
        assert_eq!(snoozes.take(9_000), (vec![2], LONGEST));
    }
}
