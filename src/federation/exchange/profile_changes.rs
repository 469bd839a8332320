//! Showing other servers how somebody looks now: an event in each room that is shared with them.
//!
//! In the background, since a person may be in many rooms; who changes back and forth is shown as it is in the end. What
//! is lost by a stop comes with the next change, join or question.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::app::App;
use crate::error::Result;
use crate::events::core::ids::ParticipantId;
use crate::participants;
use crate::rooms::core::content::Lifecycle;
use crate::rooms::core::decide::Command;
use crate::rooms::perform;
use crate::rooms::store::{members, rooms};
use crate::rooms::timeline::Act;
use crate::tenants::Tenant;

/// People (by their tenant's key) whose profile has changed.
#[derive(Default)]
pub struct ProfileChanges {
    people: Mutex<HashSet<(i64, ParticipantId)>>,
    added: Notify,
}

impl ProfileChanges {
    /// One of our people looks different.
    pub fn add(&self, tenant: &Tenant, person: ParticipantId) {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.insert((tenant.key(), person));
        self.added.notify_one();
    }

    fn take(&self) -> HashSet<(i64, ParticipantId)> {
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *people)
    }
}

/// Shows what has changed, until the server stops.
pub async fn run(app: App) {
    let stop = app.stop().clone();
    loop {
        for (tenant, person) in app.profile_changes().take() {
            let Some(tenant) = app.tenants().by_key(tenant) else {
                continue;
            };
            let shown = tokio::select! {
                shown = show(&app, &tenant, person) => shown,
                () = stop.cancelled() => return,
            };
            if let Err(error) = shown {
                tracing::warn!(%error, "a new profile could not be shown to other servers");
            }
        }
        tokio::select! {
            () = app.profile_changes().added.notified() => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn show(app: &App, tenant: &Tenant, id: ParticipantId) -> Result<()> {
    let found = participants::store::get(tenant, app.db().reader(), id).await?;
    let Some(person) = found else {
        return Ok(());
    };
    for room_id in members::joined_rooms(tenant, app.db(), id).await? {
        let servers = app.federation().other_servers(tenant, room_id).await?;
        if servers.is_empty() {
            continue;
        }
        let row = rooms::get(tenant, app.db().reader(), room_id).await?;
        if row.is_none_or(|row| row.state != Lifecycle::Open) {
            continue;
        }
        let Some(profile) = perform::signed_profile(app, tenant, &person.fqid).await? else {
            return Ok(());
        };
        let act = Act {
            tenant: tenant.clone(),
            room_id,
            actor: person.fqid.clone(),
            command: Command::ShowProfile { profile },
            sending: None,
            asked: None,
            max_foreign: 0,
        };
        // Who has just left, or a room that has just ended, needs no profile.
        if let Err(error) = app.timeline().act(act).await {
            tracing::debug!(%error, room = %room_id, "a new profile was not shown in a room");
        }
    }
    Ok(())
}
