//! `POST /invite`: a room hosted elsewhere invites one of our people, or takes that back.

use axum::extract::State;
use axum::response::Response;
use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reading::{answer, malformed};
use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Result};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::verified::verify;
use crate::federation::exchange::document::read_summary;
use crate::federation::exchange::{acquaintance, one_dm};
use crate::federation::signed::{Object, Signed};
use crate::http::limits::Bucket;
use crate::participants;
use crate::rooms::core::content::{MemberChange, Membership, OriginKey, RoomType};
use crate::rooms::profiles;
use crate::rooms::timeline::Invitation;
use crate::tenants::Tenant;

/// The body.
#[derive(Debug, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub(super) struct Invite {
    event: Value,
    room: Value,
    key: OriginKey,
}

pub(super) async fn invite(
    State(app): State<App>,
    signed: Signed<Object<Invite>>,
) -> Result<Response> {
    let Signed { tenant, peer, body } = signed;
    let Invite { event, room, key } = body.0;
    let event = Event::from_value(event).map_err(|_| malformed("body.event"))?;
    let mismatch = || {
        Error::new(Code::FedSignatureMismatch)
            .message("the invitation is not signed by the room's host")
    };
    let key_id = key
        .key_id
        .parse()
        .map_err(|_| malformed("body.key.key_id"))?;
    let pinned = app
        .federation()
        .peers()
        .pinned_key(&tenant, &peer, key_id)
        .await?;
    let key = pinned.ok_or_else(mismatch)?;
    let summary = read_summary(&room, &key).ok_or_else(mismatch)?;
    let verified = verify(event, &key).map_err(|_| mismatch())?;
    if verified.origin != peer || summary.host != peer || summary.id != verified.room_id {
        return Err(mismatch());
    }
    if !summary.room_type.federates(None) {
        return Err(Error::new(Code::FedRefused).message("rooms of this type stay on their server"));
    }
    let change = verified
        .content
        .as_ref()
        .filter(|_| verified.event_type == EventType::ROOM_MEMBER)
        .and_then(|content| MemberChange::deserialize(content).ok())
        .filter(|change| matches!(change.membership, Membership::Invite | Membership::Leave))
        .ok_or_else(|| malformed("body.event.content"))?;
    require_rate(&app, &tenant, &peer, &change.participant)?;
    let invitee =
        participants::store::by_fqid(&tenant, app.db().reader(), &change.participant).await?;
    if !invitee.is_some_and(|invitee| invitee.is_local && !invitee.suspended) {
        return Err(Error::new(Code::NotFound).message("There is no such participant here."));
    }
    if let Some(inviter) = verified
        .sender
        .clone()
        .filter(|sender| sender.server_name() != tenant.server_name())
    {
        let mut tx = app.db().begin().await?;
        participants::store::upsert_foreign(
            &tenant,
            &mut tx,
            &profiles::unknown(&inviter),
            app.now(),
        )
        .await?;
        tx.commit(()).await?;
        acquaintance::soon(&app, &tenant, inviter);
    }
    let is_dm = summary.room_type == RoomType::Dm;
    let (local, creator) = (
        ParticipantId::derive(&change.participant),
        summary.creator_id,
    );
    let invitation = Invitation {
        tenant: tenant.clone(),
        event: verified,
        room: summary,
    };
    app.timeline().invited(invitation).await?;
    if is_dm {
        one_dm::look(&app, &tenant, local, creator);
    }
    Ok(answer(json!({ "ok": true })))
}

/// Nobody is to be flooded with invitations, and no peer is to fill this server with rooms.
fn require_rate(app: &App, tenant: &Tenant, peer: &ServerName, person: &Fqid) -> Result<()> {
    let now = app.now();
    let of_peer = format!("{}/{peer}", tenant.key());
    app.limits()
        .check(Bucket::PeerInvites, &of_peer, None, now)?;
    let to_person = format!("{of_peer}/{person}");
    app.limits()
        .check(Bucket::PeerInvitesToPerson, &to_person, None, now)?;
    Ok(())
}
