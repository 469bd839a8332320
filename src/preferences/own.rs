//! Reading and changing the own preferences.

use serde_json::{Map, Value};

use super::model::{NewPreferences, Preferences};
use super::store;
use crate::app::App;
use crate::auth::access::Caller;
use crate::auth::store::accounts;
use crate::db::{Committed, DbError};
use crate::presence::{Audience, LiveFrame, What};

/// The caller's preferences.
pub async fn get(app: &App, caller: &Caller) -> Result<Preferences, DbError> {
    let reader = app.db().reader();
    let chosen = store::chosen(&caller.tenant, reader, caller.participant_id).await?;
    whole(chosen)
}

/// Changes the caller's preferences, and tells the own devices.
pub async fn change(
    app: &App,
    caller: &Caller,
    change: &NewPreferences,
) -> Result<Committed<Preferences>, DbError> {
    let (tenant, id) = (&caller.tenant, caller.participant_id);
    let mut tx = app.db().begin().await?;
    accounts::lock(tenant, &mut tx, id).await?;
    let mut chosen = store::chosen(tenant, tx.conn(), id).await?;
    chosen.extend(members(change)?);
    store::put(tenant, &mut tx, id, &chosen).await?;
    let committed = tx.commit(whole(chosen)?).await?;
    let frame = LiveFrame::MeUpdated {
        what: What::Preferences,
    };
    let own = Audience::People(vec![id]);
    let live = app.presence().live();
    live.publish(tenant, &own, &frame.text(tenant, app.now()));
    Ok(committed)
}

/// The keys that a change holds.
fn members(change: &NewPreferences) -> Result<Map<String, Value>, DbError> {
    match serde_json::to_value(change) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(unreadable(error)),
    }
}

/// The preferences of somebody who has set these keys.
pub fn whole(chosen: Map<String, Value>) -> Result<Preferences, DbError> {
    serde_json::from_value(Value::Object(chosen)).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> DbError {
    DbError::unreadable("preferences", "chosen", error)
}
