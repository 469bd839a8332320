//! Reading and changing the own preferences.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::model::{NewPreferences, Preferences};
use super::store;
use crate::app::App;
use crate::auth::access::Caller;
use crate::auth::store::accounts;
use crate::db::{Committed, DbError};
use crate::events;
use crate::messages::words;
use crate::notifications::store::keywords;
use crate::presence::{Audience, LiveFrame, What};

/// The caller's preferences.
pub async fn get(app: &App, caller: &Caller) -> Result<Preferences, DbError> {
    let reader = app.db().reader();
    let chosen = store::chosen(&caller.tenant, reader, caller.participant_id).await?;
    store::whole(chosen)
}

/// Changes the caller's preferences, and tells the own devices.
pub async fn change(
    app: &App,
    caller: &Caller,
    change: &NewPreferences,
) -> Result<Committed<Preferences>, DbError> {
    let (tenant, id) = (&caller.tenant, caller.participant_id);
    let position = events::store::position(tenant, app.db()).await?;
    let mut tx = app.db().begin().await?;
    accounts::lock(tenant, &mut tx, id).await?;
    let mut chosen = store::chosen(tenant, tx.conn(), id).await?;
    chosen.extend(members(change)?);
    store::put(tenant, &mut tx, id, &chosen).await?;
    let wanted = change.keyword_alerts.as_deref().map(keys);
    if let Some(wanted) = &wanted {
        keywords::replace(tenant, &mut tx, id, wanted, position).await?;
    }
    let committed = tx.commit(store::whole(chosen)?).await;
    if let Some(wanted) = &wanted {
        app.keywords().add(tenant, wanted);
    }
    let committed = committed?;
    let frame = LiveFrame::MeUpdated {
        what: What::Preferences,
    };
    let own = Audience::People(vec![id]);
    let live = app.presence().live();
    live.publish(tenant, &own, &frame.text(tenant, app.now()));
    Ok(committed)
}

/// Keywords as they are compared, each once.
fn keys(keywords: &[String]) -> BTreeSet<String> {
    keywords.iter().map(|keyword| words::key(keyword)).collect()
}

/// The keys that a change holds.
fn members(change: &NewPreferences) -> Result<Map<String, Value>, DbError> {
    match serde_json::to_value(change) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(store::unreadable(error)),
    }
}
