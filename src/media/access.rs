//! Who may read a file: its uploader; all of the tenant, where it is meant for them or somebody's picture; else whoever may
//! read a message that names it, and no longer than that.

use std::collections::HashMap;

use super::model::{Facts, Own, Reference};
use super::store::{own, references};
use crate::app::App;
use crate::auth::access::Caller;
use crate::db::DbError;
use crate::events::core::ids::{MediaId, ParticipantId, RoomId};
use crate::events::core::names::ServerName;
use crate::events::store;
use crate::messages::visibility::{self, Readable};

/// Servers that are asked for one file, at most.
const MOST_ORIGINS: usize = 3;

/// A file that somebody may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This server keeps it.
    Here(Own),
    /// Other servers have it.
    Elsewhere(Elsewhere),
}

/// A file that messages of other servers name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// What the first of them says of it.
    pub facts: Facts,
    /// Who has it, and in which room a message says so.
    pub sources: Vec<(ServerName, RoomId)>,
}

impl Found {
    /// What is known of it.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        match self {
            Self::Here(own) => &own.facts,
            Self::Elsewhere(elsewhere) => &elsewhere.facts,
        }
    }
}

/// The file, if the caller may read it.
///
/// A message of another server gives nobody a file that is only here: what it names is asked for there.
///
/// # Errors
/// The database's.
pub async fn find(app: &App, caller: &Caller, media_id: MediaId) -> Result<Option<Found>, DbError> {
    let (tenant, reader) = (&caller.tenant, app.db().reader());
    let own = own::get(tenant, reader, media_id).await?;
    if let Some(own) = &own {
        let is_open = own.tenant_scope
            || ParticipantId::derive(&own.facts.uploader) == caller.participant_id
            || own::is_avatar(tenant, reader, media_id).await?;
        if is_open {
            return Ok(Some(Found::Here(own.clone())));
        }
    }
    let mut rooms = HashMap::new();
    let mut elsewhere: Option<Elsewhere> = None;
    for reference in references::near(tenant, app.db(), media_id, caller.participant_id).await? {
        if !shows(app, caller, &mut rooms, &reference).await? {
            continue;
        }
        if reference.origin == *tenant.server_name() {
            match &own {
                Some(own) => return Ok(Some(Found::Here(own.clone()))),
                None => continue,
            }
        }
        let source = (reference.origin, reference.room_id);
        match &mut elsewhere {
            None => {
                elsewhere = Some(Elsewhere {
                    facts: reference.facts,
                    sources: vec![source],
                });
            }
            Some(known) => {
                let is_new = known.sources.iter().all(|(origin, _)| *origin != source.0);
                if is_new && known.sources.len() < MOST_ORIGINS {
                    known.sources.push(source);
                }
            }
        }
    }
    Ok(elsewhere.map(Found::Elsewhere))
}

/// Whether the caller sees the message with the content that names the file.
async fn shows(
    app: &App,
    caller: &Caller,
    rooms: &mut HashMap<RoomId, Option<Readable>>,
    reference: &Reference,
) -> Result<bool, DbError> {
    let (tenant, reader, room) = (&caller.tenant, app.db().reader(), reference.room_id);
    let readable = match rooms.get(&room) {
        Some(known) => *known,
        None => {
            let found = visibility::of(tenant, reader, room, caller.participant_id).await?;
            rooms.insert(room, found);
            found
        }
    };
    let Some(readable) = readable else {
        return Ok(false);
    };
    if readable.until.is_some_and(|until| reference.since > until) {
        return Ok(false);
    }
    let message = store::by_id(tenant, reader, reference.event_id).await?;
    Ok(message.is_some_and(|message| readable.shows(&message)))
}
