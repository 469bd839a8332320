//! `GET /rooms/{room_id}/media/{media_id}`: a file that a message of this server's people names, for servers that may read
//! the message (federation specification, "Media").

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header;

use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Result};
use crate::events::core::ids::{MediaId, RoomId};
use crate::events::store;
use crate::federation::exchange::access::{self, Sight};
use crate::federation::signed::Signed;
use crate::http::path::{Path, PathId};
use crate::media::error::MediaError;
use crate::media::kind;
use crate::media::model::Own;
use crate::media::routes::bytes;
use crate::media::storage::Shelf;
use crate::media::store::{own, references};
use crate::tenants::Tenant;

pub(super) async fn media(
    State(app): State<App>,
    Path((room_id, media_id)): Path<(PathId<RoomId>, PathId<MediaId>)>,
    request: Signed<()>,
) -> Result<Response> {
    let tenant = &request.tenant;
    let sight = access::sight(&app, tenant, &request.peer, room_id).await?;
    let found = match media_id.get() {
        Some(media_id) => find(&app, tenant, &sight, media_id).await?,
        None => None,
    };
    let missing = || Error::new(Code::NotFound).message("There is no such file.");
    let own = found.ok_or_else(missing)?;
    let content = own.facts.sha256;
    let file = match app.media().open(Shelf::Own, tenant, content).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing()),
        opened => opened.map_err(MediaError::from)?,
    };
    let size = u64::try_from(own.facts.size).unwrap_or(0);
    let digest = STANDARD.encode(content.as_bytes());
    let headers = [
        (header::CONTENT_TYPE, own.facts.mime_type.clone()),
        (header::CONTENT_LENGTH, size.to_string()),
        (
            header::HeaderName::from_static("content-digest"),
            format!("sha-256=:{digest}:"),
        ),
        (
            header::CONTENT_DISPOSITION,
            // Whatever it is, nobody is to show it in place from here.
            kind::disposition("application/octet-stream", &own.facts.filename),
        ),
    ];
    Ok((headers, bytes::body(file, 0, size)).into_response())
}

/// The file, if the peer may read a message of this server's people that names it with its present content.
async fn find(app: &App, tenant: &Tenant, sight: &Sight, media_id: MediaId) -> Result<Option<Own>> {
    let (db, origin) = (app.db(), tenant.server_name());
    let until = sight.bounds(origin).map(|within| within.position);
    for reference in references::in_room(tenant, db, media_id, sight.room_id, origin).await? {
        if until.is_some_and(|until| reference.since > until) {
            continue;
        }
        let message = store::by_id(tenant, db.reader(), reference.event_id).await?;
        if message.is_some_and(|message| !sight.withholds(&message)) {
            return Ok(own::get(tenant, db.reader(), media_id).await?);
        }
    }
    Ok(None)
}
