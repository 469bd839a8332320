//! A tenant's next signing key takes over (federation specification, "Keys, forks, epochs").
//!
//! The database learns of the new key in one transaction. From then on it signs requests and documents, and the
//! descriptor shows both keys until the time of the one before is over. In each room the own log goes over to it by an event
//! that the old key signs: at once everywhere ([`renew_logs`]), and before anything else is appended to a log that was
//! missed. So a rotation that is cut off anywhere goes on by itself after the next start.

use std::sync::Arc;
use std::time::Duration;

use super::Federation;
use super::core::descriptor::{KeyEntry, MAX_KEYS};
use super::error::FederationError;
use crate::app::App;
use crate::catalogue::Code;
use crate::clock::iso;
use crate::error::{Error, Result};
use crate::events::core::ids::RoomId;
use crate::events::core::sign::{KeyId, KeyPair};
use crate::events::keys::{KeyRecord, KeyRingError, NextKey};
use crate::events::store;
use crate::http::health::Condition;
use crate::rooms::timeline::KeyRenewal;
use crate::tenants::Tenant;

const DAY_MS: i64 = 24 * 3_600 * 1_000;
/// How long requests signed with the key before are still accepted.
const OVERLAP_MS: i64 = 30 * DAY_MS;
/// How old a key may become before the operator is asked to replace it.
const MAX_AGE_MS: i64 = 365 * DAY_MS;
/// How long before the end of a retired key it is an alarm that logs still rest on it.
const NEAR_END_MS: i64 = 7 * DAY_MS;
/// Keys that may be good at one time. All of them have to stand in the descriptor.
const MOST_VALID: usize = MAX_KEYS / 2;
/// Logs in one transaction.
const LOGS_AT_ONCE: i64 = 100;
/// How often rooms that wait for their peers are looked at again.
const WAIT: Duration = Duration::from_millis(200);
/// How often keys and logs are looked through.
const EVERY: Duration = Duration::from_secs(3_600);

/// What a rotation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Whether a key was made. False: an earlier rotation had been cut off, and was completed instead.
    pub made: bool,
    /// Logs that go by the current key now and did not before.
    pub renewed: i64,
    /// Logs that do not yet.
    pub waiting: i64,
}

/// Makes the tenant's next key and lets it take over everywhere; completes an earlier rotation instead, if one was cut off.
/// Goes on though the caller goes away.
///
/// # Errors
/// 422 `SW_VALIDATION_ERROR` after too many rotations in a short time; keys that cannot be written; the database's.
pub async fn rotate(app: &App, tenant: &Tenant) -> Result<Rotation> {
    let (shared, of) = (app.clone(), tenant.clone());
    let rotation = app
        .tasks()
        .spawn(async move { rotate_here(&shared, &of).await });
    rotation
        .await
        .map_err(|error| Error::new(Code::InternalError).source(error))?
}

async fn rotate_here(app: &App, tenant: &Tenant) -> Result<Rotation> {
    let before = waiting(app, tenant).await?;
    let mut after = renew_logs(app, tenant).await?;
    let made = after == before;
    let mut renewed = before - after;
    if made {
        make_next(app, tenant).await?;
        let behind = waiting(app, tenant).await?;
        after = renew_logs(app, tenant).await?;
        renewed = behind - after;
    }
    tracing::info!(
        event = "federation.key_rotated",
        tenant = tenant.slug(),
        made,
        renewed,
        waiting = after
    );
    Ok(Rotation {
        made,
        renewed,
        waiting: after,
    })
}

async fn make_next(app: &App, tenant: &Tenant) -> Result<()> {
    let pair = KeyPair::generate(app.entropy());
    let_follow(app, tenant, pair).await
}

/// Lets keys take over again whose files are there while the database, restored from an earlier backup, knows nothing of
/// them: peers may have pinned them, and the own logs go by them.
///
/// # Errors
/// Those of [`rotate`].
pub async fn take_up(app: &App, tenant: &Tenant) -> Result<()> {
    let found = app.keys().unrecorded(app.db(), tenant).await;
    for pair in found.map_err(unusable)? {
        tracing::warn!(event = "federation.key_taken_up", tenant = tenant.slug(), key_id = %pair.key_id());
        let_follow(app, tenant, pair).await?;
    }
    Ok(())
}

/// Lets a key follow the current one; nothing is signed with it before the database knows of it.
async fn let_follow(app: &App, tenant: &Tenant, pair: KeyPair) -> Result<()> {
    let now_ms = app.now();
    let current = current(app.federation(), tenant)?;
    let records = store::keys::records(tenant, app.db()).await?;
    let good = |record: &&KeyRecord| record.expires_at.is_none_or(|end| now_ms < end);
    if records.iter().filter(good).count() >= MOST_VALID {
        let message = format!(
            "{MOST_VALID} keys of this server are in use or still accepted: the next rotation has to wait until the time of \
             the oldest one is over."
        );
        return Err(Error::new(Code::ValidationError).message(message));
    }
    // The keys stand in the descriptor by the time from which they are used, whatever the clock did meanwhile.
    let latest = records.iter().map(|record| record.valid_from).max();
    let valid_from = latest.map_or(now_ms, |latest| now_ms.max(latest.saturating_add(1)));
    let entry = KeyEntry::following(
        &current,
        tenant.server_name(),
        pair.public_key(),
        valid_from,
    );
    let Some(endorsement) = entry.signed_by_previous else {
        return Err(Error::new(Code::InternalError).source("the next key is not signed"));
    };
    let next = NextKey {
        pair,
        valid_from,
        signed_by_previous: endorsement.signature.to_string(),
    };
    let end = now_ms.saturating_add(OVERLAP_MS);
    let followed = app
        .keys()
        .follow(app.db(), tenant, (current.key_id(), end), next)
        .await
        .map_err(unusable)?;
    if !followed {
        let message = "Another rotation came first: look at the keys before you rotate again.";
        return Err(Error::new(Code::ServiceUnavailable).message(message));
    }
    app.federation().keys_changed(tenant);
    Ok(())
}

/// Lets all logs of a tenant go over to its current key. How many could not: the key that they rest on is gone.
///
/// # Errors
/// The database's.
pub async fn renew_logs(app: &App, tenant: &Tenant) -> Result<i64> {
    let key_id = current(app.federation(), tenant)?.key_id();
    // What the writer had begun with the key before is on disk after this, and no log is missed.
    renew(app, tenant, Vec::new()).await?;
    while !renew_once(app, tenant, key_id).await? {
        tokio::time::sleep(WAIT).await;
    }
    waiting(app, tenant).await
}

/// Looks at all logs that are behind. False: some have to wait until their peers were asked.
async fn renew_once(app: &App, tenant: &Tenant, key_id: KeyId) -> Result<bool> {
    let mut after = None;
    let mut is_complete = true;
    loop {
        let rooms = store::logs::behind_key(tenant, app.db(), key_id, after, LOGS_AT_ONCE).await?;
        let Some(last) = rooms.last().copied() else {
            return Ok(is_complete);
        };
        after = Some(last);
        let wait = app.federation().host_wait();
        let (held, free): (Vec<_>, Vec<_>) = rooms
            .into_iter()
            .partition(|room_id| wait.holds(tenant, *room_id, app.now()));
        is_complete &= held.is_empty();
        renew(app, tenant, free).await?;
    }
}

async fn renew(app: &App, tenant: &Tenant, rooms: Vec<RoomId>) -> Result<()> {
    let renewal = KeyRenewal {
        tenant: tenant.clone(),
        rooms,
    };
    app.timeline().renew_keys(renewal).await?;
    Ok(())
}

/// How many logs of a tenant do not go by its current key yet.
async fn waiting(app: &App, tenant: &Tenant) -> Result<i64> {
    let key_id = current(app.federation(), tenant)?.key_id();
    Ok(store::logs::count_behind_key(tenant, app.db(), key_id).await?)
}

/// Completes what was cut off, deletes private keys whose time is over and warns of keys that need the operator: at the
/// start and every hour.
pub async fn run(app: App) {
    loop {
        for tenant in app.tenants().all() {
            if let Err(error) = look_after(&app, &tenant).await {
                tracing::warn!(%error, tenant = tenant.slug(), "the signing keys could not be looked through");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = app.stop().cancelled() => return,
        }
    }
}

/// What [`run`] does for one tenant.
pub(super) async fn look_after(app: &App, tenant: &Tenant) -> Result<()> {
    let is_behind = waiting(app, tenant).await? > 0;
    let stop = app.stop().clone();
    let waiting = match is_behind {
        false => 0,
        true => tokio::select! {
            waiting = renew_logs(app, tenant) => waiting?,
            () = stop.cancelled() => return Ok(()),
        },
    };
    let now_ms = app.now();
    let records = store::keys::records(tenant, app.db()).await?;
    let is_over = |record: &&KeyRecord| record.expires_at.is_some_and(|end| end <= now_ms);
    for record in records.iter().filter(is_over).filter(|_| waiting == 0) {
        let key_id = record.public_key.key_id();
        app.keys().forget(tenant, key_id).map_err(unusable)?;
    }
    match needs(&records, waiting, now_ms) {
        Some(Need::Rotation { since }) => tracing::warn!(
            event = "federation.key_old",
            tenant = tenant.slug(),
            since = iso(since),
            "the signing key should be replaced: scaiwave admin federation key rotate"
        ),
        Some(Need::Logs { end }) => tracing::warn!(
            event = "federation.key_ends",
            tenant = tenant.slug(),
            logs = waiting,
            end = iso(end),
            "logs rest on a key whose time ends: scaiwave admin federation key rotate completes the rotation"
        ),
        None => {}
    }
    Ok(())
}

/// What the operator should do about a tenant's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The current key has been in use since then, which is long enough.
    Rotation {
        /// Since when, in ms.
        since: i64,
    },
    /// Logs rest on a key that is no longer accepted after this.
    Logs {
        /// When, in ms.
        end: i64,
    },
}

fn needs(records: &[KeyRecord], waiting: i64, now_ms: i64) -> Option<Need> {
    let ends = records.iter().filter_map(|record| record.expires_at);
    let near = ends
        .filter(|end| now_ms >= end.saturating_sub(NEAR_END_MS))
        .max();
    if let (Some(end), true) = (near, waiting > 0) {
        return Some(Need::Logs { end });
    }
    let current = records.iter().find(|record| record.expires_at.is_none())?;
    let is_old = now_ms >= current.valid_from.saturating_add(MAX_AGE_MS);
    is_old.then_some(Need::Rotation {
        since: current.valid_from,
    })
}

/// How the keys of the worst-off tenant are, for `/health`.
pub async fn condition(app: &App) -> Condition {
    let mut worst = Condition::Ok;
    for tenant in app.tenants().all() {
        if current(app.federation(), &tenant).is_err() {
            return Condition::Missing;
        }
        // A database that fails has a part of its own.
        if let Ok(Some(_)) = need_of(app, &tenant).await {
            worst = Condition::Expiring;
        }
    }
    worst
}

async fn need_of(app: &App, tenant: &Tenant) -> Result<Option<Need>> {
    let records = store::keys::records(tenant, app.db()).await?;
    let waiting = match records.len() {
        1 => 0,
        _ => waiting(app, tenant).await?,
    };
    Ok(needs(&records, waiting, app.now()))
}

fn current(federation: &Federation, tenant: &Tenant) -> Result<Arc<KeyPair>> {
    let missing = || FederationError::Identity("no current key".into());
    Ok(federation.keys().current(tenant).ok_or_else(missing)?)
}

fn unusable(error: KeyRingError) -> Error {
    Error::new(Code::InternalError)
        .message("The key cannot be used.")
        .source(error)
}

#[cfg(test)]
mod tests;
