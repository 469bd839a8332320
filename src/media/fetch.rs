//! Other servers' files: fetched when somebody asks, checked against the hash that the message's origin signed, and kept as
//! copies for a while (federation specification, "Media").
//!
//! The answer is a stranger's: it is counted while it comes, never longer than the message says, and thrown away if it is
//! anything but those bytes.

use std::time::Duration;

use http::{Method, StatusCode};
use tokio::fs::File;
use tokio::time::timeout;

use super::access::Elsewhere;
use super::error::MediaError;
use super::kind;
use super::model::{Copy, Facts};
use super::storage::{Arrived, Shelf};
use super::store::copies;
use crate::app::App;
use crate::catalogue::Code;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::federation::client::Call;
use crate::federation::core::descriptor::FEDERATION_PATH;
use crate::federation::error::CallError;
use crate::federation::model::{Check, Rejection};
use crate::tenants::Tenant;

/// How long an answer may stand still.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an answer may take in all.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// How long to wait while other files are fetched.
const QUEUE: Duration = Duration::from_secs(30);

/// Why a server did not give a file.
enum Denied {
    /// It says that there is none.
    Gone,
    /// It gave no usable answer.
    Silent,
    /// Something is wrong here.
    Failed(MediaError),
}

impl From<MediaError> for Denied {
    fn from(error: MediaError) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for Denied {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// The copy of a file that other servers have, opened; fetched if there is none.
///
/// # Errors
/// [`MediaError::NotFound`] where they say that there is no such file, or it is larger than this server takes;
/// [`MediaError::OriginSilent`].
pub async fn copy(
    app: &App,
    tenant: &Tenant,
    wanted: &Elsewhere,
) -> Result<(File, Copy), MediaError> {
    let facts = &wanted.facts;
    let _turn = app.media().turn(tenant, facts.sha256).await;
    if let Some(kept) = kept(app, tenant, facts).await? {
        return Ok(kept);
    }
    let limits = &app.config().limits;
    let most = limits.max_upload.min(limits.max_foreign_media);
    if u64::try_from(facts.size).map_or(true, |size| size > most) {
        return Err(MediaError::NotFound);
    }
    let permit = timeout(QUEUE, app.media().fetches().acquire()).await;
    let _permit = permit
        .map_err(|_| MediaError::OriginSilent)?
        .map_err(|_| MediaError::OriginSilent)?;
    let mut is_silent = false;
    for (origin, room_id) in &wanted.sources {
        match ask(app, tenant, origin, *room_id, facts).await {
            Ok(arrived) => return keep(app, tenant, arrived).await,
            Err(Denied::Gone) => {}
            Err(Denied::Silent) => is_silent = true,
            Err(Denied::Failed(error)) => return Err(error),
        }
    }
    Err(match is_silent {
        true => MediaError::OriginSilent,
        false => MediaError::NotFound,
    })
}

/// The copy that is here already.
async fn kept(
    app: &App,
    tenant: &Tenant,
    facts: &Facts,
) -> Result<Option<(File, Copy)>, MediaError> {
    let Some(copy) = copies::get(tenant, app.db().reader(), facts.sha256).await? else {
        return Ok(None);
    };
    match app.media().open(Shelf::Foreign, tenant, facts.sha256).await {
        Ok(file) => {
            let mut tx = app.db().begin().await?;
            copies::used(tenant, &mut tx, facts.sha256, app.now()).await?;
            tx.commit(()).await?;
            Ok(Some((file, copy)))
        }
        // Copies may go at any time.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Fetches the file from one server.
async fn ask(
    app: &App,
    tenant: &Tenant,
    origin: &ServerName,
    room_id: RoomId,
    facts: &Facts,
) -> Result<Arrived, Denied> {
    let size = usize::try_from(facts.size).map_err(|_| Denied::Gone)?;
    let path = format!("{FEDERATION_PATH}/rooms/{room_id}/media/{}", facts.media_id);
    let call = Call {
        method: Method::GET,
        path_and_query: &path,
        body: None,
        max_response: size,
    };
    let mut answer = match app.federation().open(tenant, origin, call, LONGEST).await {
        Ok(answer) => answer,
        Err(CallError::Peer { error, .. }) => {
            tracing::debug!(%origin, %error, "a file could not be fetched");
            return Err(Denied::Silent);
        }
        // Whom this server has no dealings with, it does not ask.
        Err(CallError::Refused(_)) => return Err(Denied::Gone),
        Err(error) => return Err(Denied::Failed(MediaError::Call(error))),
    };
    match answer.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => {
            return Err(Denied::Gone);
        }
        _ => return Err(Denied::Silent),
    }
    let mut incoming = app.media().receive().await?;
    loop {
        match timeout(PATIENCE, answer.chunk()).await {
            Ok(Ok(Some(bytes))) => incoming.write(&bytes).await?,
            Ok(Ok(None)) => break,
            Ok(Err(error)) => {
                tracing::debug!(%origin, %error, "a file could not be fetched");
                return Err(Denied::Silent);
            }
            Err(_) => return Err(Denied::Silent),
        }
    }
    let arrived = incoming.complete().await?;
    if arrived.sha256 != facts.sha256 || arrived.size != facts.size {
        journal(app, tenant, origin).await;
        return Err(Denied::Silent);
    }
    Ok(arrived)
}

/// Writes down who delivered other bytes than the message says.
async fn journal(app: &App, tenant: &Tenant, origin: &ServerName) {
    let rejection = Rejection {
        peer: origin.clone(),
        check: Check::Content,
        code: Code::ValidationError,
        message: "the file that was delivered is not the one that the message names".to_owned(),
        event: Default::default(),
    };
    let journal = app.federation().journal();
    journal
        .note_request(tenant, app.db(), rejection, app.now())
        .await;
}

/// Keeps what was fetched, and lets go of what was not used for the longest time, so that all copies have room.
async fn keep(app: &App, tenant: &Tenant, arrived: Arrived) -> Result<(File, Copy), MediaError> {
    let content = arrived.sha256;
    let copy = Copy {
        size: arrived.size,
        mime_type: kind::mime_type(&arrived.head).to_owned(),
    };
    let _turn = app.media().placing().await;
    app.media().place(Shelf::Foreign, tenant, arrived).await?;
    let file = app.media().open(Shelf::Foreign, tenant, content).await?;
    let most = i64::try_from(app.config().limits.max_foreign_media).unwrap_or(i64::MAX);
    let mut gone = Vec::new();
    let mut tx = app.db().begin().await?;
    copies::put(tenant, &mut tx, content, &copy, app.now()).await?;
    let mut size = copies::size(&mut tx).await?;
    while size > most {
        let Some((owner, oldest, bytes)) = copies::oldest(&mut tx).await? else {
            break;
        };
        copies::delete(owner, &mut tx, oldest).await?;
        size -= bytes;
        gone.push((owner, oldest));
    }
    tx.commit(()).await?;
    for (owner, oldest) in gone {
        if let Some(owner) = app.tenants().by_key(owner) {
            app.media().remove(Shelf::Foreign, &owner, oldest).await?;
        }
    }
    Ok((file, copy))
}
