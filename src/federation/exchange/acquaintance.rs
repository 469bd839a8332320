//! Getting to know people of other servers of whom only the name is known: an invitation brings no profile, neither of who
//! invites nor of who is invited, and a server shows its people only to those that it has something to do with.
//!
//! In the background, once for each invitation. What cannot be had now comes with the next join or change of the profile.

use super::remote;
use crate::app::App;
use crate::error::{Error, Result};
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::{Fqid, ServerName};
use crate::participants;
use crate::tenants::Tenant;

/// People of one server that are asked for at once; the others are when somebody of it is invited again.
const MOST_PEOPLE: i64 = 50;

/// Asks, until the server stops, servers that were told of an invitation for the people whom they were told of.
pub async fn run(app: App) {
    let stop = app.stop().clone();
    loop {
        for (tenant, server) in app.federation().invited().take() {
            let Some(tenant) = app.tenants().by_key(tenant) else {
                continue;
            };
            let meeting = tokio::select! {
                met = people_of(&app, &tenant, &server) => met,
                () = stop.cancelled() => return,
            };
            if let Err(error) = meeting {
                tracing::debug!(%error, %server, "the profiles of who was invited are not known");
            }
        }
        tokio::select! {
            () = app.federation().invited().added() => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn people_of(app: &App, tenant: &Tenant, server: &ServerName) -> Result<()> {
    let unknown =
        participants::store::without_profile(tenant, app.db(), server, MOST_PEOPLE).await?;
    for person in unknown {
        meet(app, tenant, &person).await?;
    }
    Ok(())
}

/// Asks in the background for the profile of somebody.
pub(super) fn soon(app: &App, tenant: &Tenant, person: Fqid) {
    let (app, tenant) = (app.clone(), tenant.clone());
    app.tasks().clone().spawn(async move {
        let stop = app.stop().clone();
        tokio::select! {
            met = meet(&app, &tenant, &person) => {
                if let Err(error) = met {
                    tracing::debug!(%error, %person, "the profile of who invites is not known");
                }
            }
            () = stop.cancelled() => {}
        }
    });
}

/// Asks for a profile, if only the name is known, and shows it to those who see the person.
async fn meet(app: &App, tenant: &Tenant, person: &Fqid) -> Result<(), Error> {
    let id = ParticipantId::derive(person);
    let is_unknown = participants::store::profile_ts(tenant, app.db(), id).await? == Some(0);
    if is_unknown && remote::invitee(app, tenant, person).await?.is_some() {
        participants::announce::changed(app, tenant, id).await;
    }
    Ok(())
}
