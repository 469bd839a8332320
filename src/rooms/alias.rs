//! What a name in a text stands for (client specification, section 3): `#slug` and `@local_id`, with or without the name of the
//! server. Notes, which have names without a sign before them, do not exist yet.

use serde::Serialize;

use super::access;
use super::core::decide::Refusal;
use super::error::RoomError;
use super::store::rooms;
use crate::app::App;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::Fqid;
use crate::http::caller::Caller;
use crate::participants;

/// The longest name that is looked up, in bytes: a slug or local id, two signs and a server's name.
const LONGEST: usize = 400;

/// What is called so.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 3 of the client specification"
)]
pub struct Named {
    pub kind: Kind,
    pub note_id: Option<uuid::Uuid>,
    pub fqid: Option<Fqid>,
    pub room_id: Option<RoomId>,
}

/// What kind of thing it is.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "named as in section 3 of the client specification"
)]
pub enum Kind {
    Participant,
    Room,
}

/// What the caller means by a name.
///
/// # Errors
/// `SW_NOT_FOUND` where nothing is called so that the caller may see.
pub async fn find(app: &App, caller: &Caller, alias: &str) -> Result<Named, RoomError> {
    if alias.len() > LONGEST {
        return Err(nothing());
    }
    let own = caller.tenant.server_name();
    let full = match alias.contains(':') {
        true => alias.to_owned(),
        false => format!("{alias}:{own}"),
    };
    match alias.chars().next() {
        Some('@') => participant(app, caller, &full).await,
        Some('#') => room(app, caller, &full).await,
        _ => Err(nothing()),
    }
}

async fn participant(app: &App, caller: &Caller, name: &str) -> Result<Named, RoomError> {
    let fqid: Fqid = name.parse().map_err(|_| nothing())?;
    let id = ParticipantId::derive(&fqid);
    let found = participants::store::get(&caller.tenant, app.db().reader(), id).await?;
    let found = found.ok_or_else(nothing)?;
    Ok(Named {
        kind: Kind::Participant,
        note_id: None,
        fqid: Some(found.fqid),
        room_id: None,
    })
}

async fn room(app: &App, caller: &Caller, alias: &str) -> Result<Named, RoomError> {
    let found = rooms::by_alias(&caller.tenant, app.db(), alias).await?;
    let room_id = found.ok_or_else(nothing)?;
    match access::visible_room(app, caller, room_id).await {
        Ok(row) => Ok(Named {
            kind: Kind::Room,
            note_id: None,
            fqid: None,
            room_id: Some(row.id),
        }),
        Err(RoomError::Refused(_)) => Err(nothing()),
        Err(other) => Err(other),
    }
}

fn nothing() -> RoomError {
    Refusal::NotFound("nothing that you may see is called so").into()
}
