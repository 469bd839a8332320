//! Telling open sockets that somebody's profile has changed. Live only: who is not there asks anyway.

use super::model::Participant;
use super::store;
use crate::app::App;
use crate::events::core::ids::ParticipantId;
use crate::presence::{Audience, LiveFrame, What};
use crate::rooms;
use crate::tenants::Tenant;

/// Tells everybody who shares a room with a participant how it looks now, on other servers, too, and its own devices that
/// their profile has changed. To be called after the commit.
pub async fn changed(app: &App, tenant: &Tenant, id: ParticipantId) {
    let found = store::get(tenant, app.db().reader(), id).await;
    let rooms = rooms::store::members::joined_rooms(tenant, app.db(), id).await;
    match (found, rooms) {
        (Ok(Some(participant)), Ok(rooms)) => {
            let audience = Audience::Rooms {
                rooms,
                except: Vec::new(),
            };
            tell(app, tenant, &participant, &audience);
            if participant.is_local {
                app.profile_changes().add(tenant, id);
            }
        }
        (Ok(None), _) => {}
        (Err(error), _) | (_, Err(error)) => {
            // Nothing hangs on it: whoever asks gets the right answer.
            tracing::warn!(event = "participants.fanout_failed", %error);
        }
    }
}

fn tell(app: &App, tenant: &Tenant, participant: &Participant, audience: &Audience) {
    let (live, now) = (app.presence().live(), app.now());
    let looks = LiveFrame::ParticipantUpdated { participant };
    live.publish(tenant, audience, &looks.text(tenant, now));
    let own = Audience::People(vec![participant.id]);
    let profile = LiveFrame::MeUpdated {
        what: What::Profile,
    };
    live.publish(tenant, &own, &profile.text(tenant, now));
}
