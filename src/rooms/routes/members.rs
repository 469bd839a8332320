//! Coming, going, being put out, levels.

use axum::extract::State;

use super::room::changed;
use super::viewer;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::Result;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::Fqid;
use crate::http::caller::Caller;
use crate::http::envelope::{Data, DataMeta, Done, ok};
use crate::http::json::Body;
use crate::http::paging::{OffsetPage, Total};
use crate::http::path::{Path, PathId};
use crate::http::query::Query;
use crate::participants;
use crate::rooms::core::content::Membership;
use crate::rooms::core::decide::{Command, Refusal};
use crate::rooms::core::levels::LevelKey;
use crate::rooms::error::RoomError;
use crate::rooms::model::{
    LeaveRoom, Member, MembersQuery, MembershipFilter, NewLevel, OfParticipant, Room,
};
use crate::rooms::store::members;
use crate::rooms::{access, perform, present};

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Query(query): Query<MembersQuery>,
    page: OffsetPage<100, 500>,
) -> Result<DataMeta<Vec<Member>, Total>> {
    let row = access::joined_room(&app, &caller, room_id.or(Code::RoomNotFound)?).await?;
    let filter = query.membership.unwrap_or(MembershipFilter::Join);
    let (tenant, reader) = (&caller.tenant, app.db().reader());
    let own = members::get(tenant, reader, row.id, caller.participant_id).await?;
    let needed = row.power_levels.get(&LevelKey::Ban).copied().unwrap_or(100);
    let sees_bans = own.is_some_and(|own| own.power_level >= needed);
    if filter == MembershipFilter::Ban && !sees_bans {
        let key = LevelKey::Ban;
        return Err(RoomError::from(Refusal::LevelTooLow { key, needed }).into());
    }
    // Who is banned is only for those who could lift it.
    let hidden = (!sees_bans).then_some(Membership::Ban);
    let word = match filter {
        MembershipFilter::All => "",
        MembershipFilter::Join => "join",
        MembershipFilter::Leave => "leave",
        MembershipFilter::Ban => "ban",
        MembershipFilter::Invite => "invite",
        MembershipFilter::Knock => "knock",
    };
    let (limit, offset) = (page.limit, page.offset);
    let (rows, total) =
        members::list(tenant, app.db(), row.id, (word, hidden), limit, offset).await?;
    let shown = present::members(viewer(&app, &caller), &row, rows).await?;
    Ok(DataMeta(shown, Total { total }))
}

pub(super) async fn join(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
) -> Result<Data<Room>> {
    let row = perform::find(
        &app,
        &caller.tenant,
        room_id.clone().or(Code::RoomNotFound)?,
    )
    .await?;
    let joining = perform::joining(&app, &caller, &row).await?;
    changed(&app, &caller, room_id, Command::Join(joining)).await
}

pub(super) async fn knock(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(body): Body<LeaveRoom>,
) -> Result<Data<Done>> {
    let row = perform::find(&app, &caller.tenant, room_id.or(Code::RoomNotFound)?).await?;
    if row.host != *caller.tenant.server_name() {
        let elsewhere = Refusal::Type("rooms of other servers are joined on an invitation");
        return Err(RoomError::from(elsewhere).into());
    }
    let command = Command::Knock {
        knocking: perform::joining(&app, &caller, &row).await?,
        reason: body.reason,
    };
    perform::perform(&app, &caller, &row, command).await?;
    Ok(ok())
}

pub(super) async fn leave(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(body): Body<LeaveRoom>,
) -> Result<Data<Done>> {
    let row = perform::find(&app, &caller.tenant, room_id.or(Code::RoomNotFound)?).await?;
    let invited = access::membership(&app, &caller, row.id).await? == Some(Membership::Invite);
    // Declining is the host's to record, going is one's own.
    let command = if invited && row.host != *caller.tenant.server_name() {
        Command::Decline
    } else {
        Command::Leave {
            reason: body.reason,
        }
    };
    perform::perform(&app, &caller, &row, command).await?;
    Ok(ok())
}

pub(super) async fn kick(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(body): Body<OfParticipant>,
) -> Result<Data<Member>> {
    let target = fqid(&app, &caller, body.participant_id).await?;
    let command = Command::Kick {
        target,
        reason: body.reason,
    };
    member_changed(&app, &caller, room_id, body.participant_id, command).await
}

pub(super) async fn ban(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(body): Body<OfParticipant>,
) -> Result<Data<Member>> {
    let target = fqid(&app, &caller, body.participant_id).await?;
    let command = Command::Ban {
        target,
        reason: body.reason,
    };
    member_changed(&app, &caller, room_id, body.participant_id, command).await
}

pub(super) async fn unban(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(body): Body<OfParticipant>,
) -> Result<Data<Member>> {
    let target = fqid(&app, &caller, body.participant_id).await?;
    member_changed(
        &app,
        &caller,
        room_id,
        body.participant_id,
        Command::Unban { target },
    )
    .await
}

pub(super) async fn set_level(
    State(app): State<App>,
    caller: Caller,
    Path((room_id, participant_id)): Path<(PathId<RoomId>, PathId<ParticipantId>)>,
    Body(body): Body<NewLevel>,
) -> Result<Data<Member>> {
    let level = u8::try_from(body.power_level).unwrap_or(100);
    let target = match participant_id.clone().get() {
        Some(id) => fqid(&app, &caller, id).await?,
        None => None,
    };
    let command = Command::SetLevel { target, level };
    let id = participant_id.get().unwrap_or(caller.participant_id);
    member_changed(&app, &caller, room_id, id, command).await
}

async fn member_changed(
    app: &App,
    caller: &Caller,
    room_id: PathId<RoomId>,
    id: ParticipantId,
    command: Command,
) -> Result<Data<Member>> {
    let row = perform::find(app, &caller.tenant, room_id.or(Code::RoomNotFound)?).await?;
    perform::perform(app, caller, &row, command).await?;
    let member = present::member(viewer(app, caller), &row, id).await?;
    let missing = || RoomError::from(Refusal::NotFound("this person is not in the room"));
    Ok(Data(member.ok_or_else(missing)?))
}

/// The name of somebody who is given by id; `None`: nobody here has it.
pub(super) async fn fqid(app: &App, caller: &Caller, id: ParticipantId) -> Result<Option<Fqid>> {
    let found = participants::store::get(&caller.tenant, app.db().reader(), id).await?;
    Ok(found.map(|person| person.fqid))
}
