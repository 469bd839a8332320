//! A fork of the host's own log, as a server that follows it sees it: the state ends below the fork, for ever (federation
//! specification, "The host's log").

use super::batch::Batch;
use super::{aftermath, forks};
use crate::db::DbError;
use crate::events::core::names::ServerName;
use crate::events::model::{Placed, Shown, Standing};
use crate::events::store::forks::Place;
use crate::events::store::{self, contents};
use crate::rooms::core::judge::Verdict;
use crate::rooms::core::view::RoomView;
use crate::rooms::rebuild;

/// Ends the host's state with the last state event below this place. What later state made of people, rights and verdicts is
/// taken back.
pub(super) async fn end_state(batch: &mut Batch<'_>, at: Place<'_>) -> Result<(), DbError> {
    let (tenant, room_id) = (batch.tenant.clone(), at.room_id);
    let Some(before) = batch.views.get(&tenant, &mut batch.tx, room_id).await? else {
        return Ok(());
    };
    let before = before.clone();
    forks::hide(batch, at).await?;
    store::forks::suspend_state(&tenant, &mut batch.tx, at).await?;
    batch.views.forget(&tenant, room_id);
    rebuild::people(&tenant, &mut batch.tx, room_id, batch.now).await?;
    for origin in before.logs.keys().filter(|origin| *origin != at.origin) {
        judge_log(batch, (at, origin), &before).await?;
    }
    Ok(())
}

/// Judges again what of a log rests on the state that is gone: what claims it waits, and what only that voided counts again.
async fn judge_log(
    batch: &mut Batch<'_>,
    (at, origin): (Place<'_>, &ServerName),
    before: &RoomView,
) -> Result<(), DbError> {
    let (tenant, room_id) = (batch.tenant.clone(), at.room_id);
    let affected =
        store::forks::resting_on(&tenant, &mut batch.tx, (room_id, origin), at.seq).await?;
    for (event, highest) in affected {
        let was = aftermath::judge_in(batch, &tenant, before, &event, highest).await?;
        let is = aftermath::judge(batch, &tenant, &event, highest).await?;
        match (event.standing, is) {
            (Standing::Valid | Standing::Void, Verdict::Wait(_)) => {
                stand(batch, event, Standing::Wait).await?;
            }
            // What its content voided is void still: that is gone, and so says nothing any more.
            (Standing::Void, Verdict::Valid) if was != Verdict::Valid => {
                stand(batch, event, Standing::Valid).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// An event stands otherwise from now on, and is shown nowhere. A content that went when it was voided is asked for again.
async fn stand(
    batch: &mut Batch<'_>,
    mut event: Placed,
    standing: Standing,
) -> Result<(), DbError> {
    let tenant = batch.tenant.clone();
    event.standing = standing;
    event.shown = Shown::Never;
    store::settle(&tenant, &mut batch.tx, &event).await?;
    contents::note(&tenant, &mut batch.tx, std::slice::from_ref(&event)).await?;
    let about = event.target.unwrap_or(event.event.event_id);
    aftermath::refold(batch, &tenant, event.event.room_id, about).await
}
