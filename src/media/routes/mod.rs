//! The HTTP side of media: forms in, bytes out, and nothing else.

pub(crate) mod bytes;
mod download;
mod upload;

use axum::extract::State;

use super::access;
use super::error::MediaError;
use super::model::Media;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::Result;
use crate::events::core::ids::MediaId;
use crate::http::api::{Routes, get, post};
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::http::path::{Path, PathId};

/// Routes that answer within the request timeout.
pub fn routes() -> Routes<App> {
    Routes::new().route("/v1/media/{media_id}/info", get(info))
}

/// Routes that may take as long as bytes come or go.
pub fn streaming() -> Routes<App> {
    Routes::new()
        .route("/v1/media/upload", post(upload::upload))
        .route("/v1/media/download/{media_id}", get(download::download))
}

async fn info(
    State(app): State<App>,
    caller: Caller,
    Path(media_id): Path<PathId<MediaId>>,
) -> Result<Data<Media>> {
    let media_id = media_id.or(Code::NotFound)?;
    let found = access::find(&app, &caller, media_id).await?;
    let found = found.ok_or(MediaError::NotFound)?;
    Ok(Data(Media::from(found.facts())))
}
