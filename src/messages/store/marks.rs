//! What clients gave with messages, read for whole pages.

use std::collections::HashMap;

use sqlx::Row;

use super::{id, of_events};
use crate::db::{Db, DbError};
use crate::events::core::ids::{EventId, ParticipantId};
use crate::tenants::Tenant;

/// What a client gave with a message.
#[derive(Clone, Debug)]
pub struct Given {
    /// The client's own id.
    pub event_uuid: Option<String>,
    /// Who really called.
    pub sent_by: Option<ParticipantId>,
}

/// What clients gave with those of `events` that have a row.
pub async fn sends(
    tenant: &Tenant,
    db: &Db,
    events: &[EventId],
) -> Result<HashMap<EventId, Given>, DbError> {
    let select =
        "SELECT event_id, event_uuid, sent_by FROM sends WHERE tenant = $1 AND event_id IN {}";
    let mut found = HashMap::new();
    for row in of_events(tenant, db, select, &[], events).await? {
        let sent_by: Option<String> = row.try_get("sent_by")?;
        let given = Given {
            event_uuid: row.try_get("event_uuid")?,
            sent_by: sent_by
                .map(|sent_by| id("sends", "sent_by", &sent_by))
                .transpose()?,
        };
        let event: String = row.try_get("event_id")?;
        found.insert(id("sends", "event_id", &event)?, given);
    }
    Ok(found)
}
