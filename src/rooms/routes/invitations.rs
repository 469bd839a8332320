//! Invitations: sent, shown, accepted, declined, withdrawn.

use axum::extract::State;

use super::members::fqid;
use super::room::changed;
use super::viewer;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Reason, Result};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::http::caller::Caller;
use crate::http::envelope::{Data, DataMeta, Done, ok};
use crate::http::json::Body;
use crate::http::paging::{CursorPage, Next};
use crate::http::path::{Path, PathId};
use crate::rooms::core::decide::{Command, Refusal};
use crate::rooms::error::RoomError;
use crate::rooms::model::{Invitation, Invite, Room};
use crate::rooms::store::{invitations, members};
use crate::rooms::{access, inviting, perform, present};

pub(super) async fn invite(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(body): Body<Invite>,
) -> Result<Data<Invitation>> {
    let whom = match (body.participant_id, body.fqid) {
        (Some(id), None) => inviting::Whom::Id(id),
        (None, Some(fqid)) => inviting::Whom::Name(fqid),
        (None, None) => return Err(one_of_two(Reason::Missing, "or fqid is required")),
        (Some(_), Some(_)) => return Err(one_of_two(Reason::Conflict, "cannot stand beside fqid")),
    };
    let row = perform::find(&app, &caller.tenant, room_id.or(Code::RoomNotFound)?).await?;
    let id = whom.id();
    inviting::invite(&app, &caller, &row, whom, body.reason).await?;
    let member = members::get(&caller.tenant, app.db().reader(), row.id, id).await?;
    let rows = member.into_iter().map(|member| (row.id, member)).collect();
    let shown = present::invitations(viewer(&app, &caller), rows)
        .await?
        .pop();
    Ok(Data(shown.ok_or_else(no_invitation)?))
}

pub(super) async fn of_room(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    page: CursorPage,
) -> Result<DataMeta<Vec<Invitation>, Next>> {
    let row = access::joined_room(&app, &caller, room_id.or(Code::RoomNotFound)?).await?;
    listed(&app, &caller, Some(row.id), None, &page).await
}

pub(super) async fn own(
    State(app): State<App>,
    caller: Caller,
    page: CursorPage,
) -> Result<DataMeta<Vec<Invitation>, Next>> {
    listed(&app, &caller, None, Some(caller.participant_id), &page).await
}

async fn listed(
    app: &App,
    caller: &Caller,
    room: Option<RoomId>,
    participant: Option<ParticipantId>,
    page: &CursorPage,
) -> Result<DataMeta<Vec<Invitation>, Next>> {
    let from: Option<String> = page.key()?;
    let from = from.unwrap_or_default();
    let limit = page.fetch();
    let mut rows = invitations::open(
        &caller.tenant,
        app.db(),
        room,
        participant,
        app.now(),
        &from,
        limit,
    )
    .await?;
    let key = |(room, member): &(RoomId, members::MemberRow)| {
        format!("{room}{}", member.participant_id())
    };
    let meta = Next::of(&mut rows, page.limit, key);
    Ok(DataMeta(
        present::invitations(viewer(app, caller), rows).await?,
        meta,
    ))
}

pub(super) async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Path((room_id, participant_id)): Path<(PathId<RoomId>, PathId<ParticipantId>)>,
) -> Result<Data<Done>> {
    let row = perform::find(&app, &caller.tenant, room_id.or(Code::RoomNotFound)?).await?;
    let target = match participant_id.get() {
        Some(id) => fqid(&app, &caller, id).await?,
        None => None,
    };
    perform::perform(&app, &caller, &row, Command::WithdrawInvitation { target }).await?;
    Ok(ok())
}

pub(super) async fn accept(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
) -> Result<Data<Room>> {
    let row = perform::find(&app, &caller.tenant, room_id.clone().or(Code::NotFound)?)
        .await
        .map_err(hidden)?;
    let joining = perform::joining(&app, &caller, &row).await?;
    changed(&app, &caller, room_id, Command::Accept(joining)).await
}

pub(super) async fn decline(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
) -> Result<Data<Done>> {
    let row = perform::find(&app, &caller.tenant, room_id.or(Code::NotFound)?)
        .await
        .map_err(hidden)?;
    perform::perform(&app, &caller, &row, Command::Decline).await?;
    Ok(ok())
}

/// Where only an invitation is asked for, a missing room is a missing invitation.
fn hidden(error: RoomError) -> Error {
    match error {
        RoomError::Refused(Refusal::NoSuchRoom) => no_invitation().into(),
        other => other.into(),
    }
}

fn no_invitation() -> RoomError {
    Refusal::NotFound("there is no such invitation").into()
}

fn one_of_two(reason: Reason, message: &'static str) -> Error {
    Error::validation("body.participant_id", reason, message)
}
