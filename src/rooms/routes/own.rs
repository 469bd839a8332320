//! What a member alone decides about a room.

use axum::extract::State;

use super::viewer;
use crate::app::App;
use crate::catalogue::Code;
use crate::clock::parse_iso;
use crate::error::{Error, Reason, Result};
use crate::events::core::ids::RoomId;
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::http::json::Body;
use crate::http::path::{Path, PathId};
use crate::presence::{Audience, LiveFrame, What};
use crate::rooms::core::decide::Refusal;
use crate::rooms::error::RoomError;
use crate::rooms::model::{Member, Mute, NewMode};
use crate::rooms::store::rooms::RoomRow;
use crate::rooms::store::settings::{self, OwnSettings};
use crate::rooms::{access, present};

/// What stands for "forever", in ms: the end of the year 9999.
const FOREVER: i64 = 253_402_300_799_000;

pub(super) async fn set_mode(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(new): Body<NewMode>,
) -> Result<Data<Member>> {
    let row = access::joined_room(&app, &caller, room_id.or(Code::RoomNotFound)?).await?;
    let mut own = present::own_settings(viewer(&app, &caller), &row).await?;
    own.notification_mode = new.mode.as_str().to_owned();
    stored(&app, &caller, &row, own).await
}

pub(super) async fn mute(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(new): Body<Mute>,
) -> Result<Data<Member>> {
    let until = match new.until {
        None => {
            return Err(Error::validation(
                "body.until",
                Reason::Missing,
                "is required",
            ));
        }
        Some(None) => None,
        Some(Some(text)) if text == "forever" => Some(FOREVER),
        Some(Some(text)) => Some(parse_iso(&text).map_err(|_| {
            Error::validation(
                "body.until",
                Reason::Format,
                "must be a time, forever or null",
            )
        })?),
    };
    let row = access::joined_room(&app, &caller, room_id.or(Code::RoomNotFound)?).await?;
    let mut own = present::own_settings(viewer(&app, &caller), &row).await?;
    own.muted_until = until;
    stored(&app, &caller, &row, own).await
}

async fn stored(
    app: &App,
    caller: &Caller,
    row: &RoomRow,
    own: OwnSettings,
) -> Result<Data<Member>> {
    let mut tx = app.db().begin().await?;
    settings::put(&caller.tenant, &mut tx, caller.participant_id, row.id, &own).await?;
    tx.commit(()).await?;
    let frame = LiveFrame::MeUpdated { what: What::Room };
    let own = Audience::People(vec![caller.participant_id]);
    let text = frame.text(&caller.tenant, app.now());
    app.presence().live().publish(&caller.tenant, &own, &text);
    let member = present::member(viewer(app, caller), row, caller.participant_id).await?;
    Ok(Data(
        member.ok_or_else(|| RoomError::from(Refusal::NotMember))?,
    ))
}
