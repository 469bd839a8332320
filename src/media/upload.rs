//! Taking a file from a person: a form that is written to disk while it arrives.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::attach::UNREFERENCED_MS;
use super::error::MediaError;
use super::kind;
use super::model::{Facts, Media, Own};
use super::storage::{Arrived, Incoming, Shelf};
use super::store::own;
use crate::app::App;
use crate::auth::access::Caller;
use crate::db::Committed;
use crate::error::Reason;
use crate::events::core::ids::MediaId;
use crate::http::multipart::{Form, Piece};

/// How long a body may stand still.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// What a form takes beside its file, in bytes, at most.
const FORM_BYTES: u64 = 64 * 1024;
/// The longest value of a field that is no file.
const LONGEST_FIELD: usize = 16;

/// A form that was read.
struct Received {
    file: Incoming,
    filename: String,
    tenant_scope: bool,
}

/// The fields as they arrive.
enum Field {
    File,
    Scope(Vec<u8>),
    Other,
}

/// Takes the one file of a form. When this returns, it is on disk.
///
/// # Errors
/// [`MediaError`]; then nothing is left of it.
pub async fn take<E>(
    app: &App,
    caller: &Caller,
    (form, length): (Form, Option<u64>),
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
) -> Result<Committed<Media>, MediaError> {
    let most = app.config().limits.max_upload;
    let _uploading = app.media().upload(&caller.tenant, caller.participant_id)?;
    if length.is_some_and(|length| length > most.saturating_add(FORM_BYTES)) {
        return Err(MediaError::TooLarge(most));
    }
    let received = read(app, form, most, body).await?;
    let Received {
        file,
        filename,
        tenant_scope,
    } = received;
    let arrived = file.complete().await?;
    keep(app, caller, arrived, filename, tenant_scope).await
}

async fn keep(
    app: &App,
    caller: &Caller,
    arrived: Arrived,
    filename: String,
    tenant_scope: bool,
) -> Result<Committed<Media>, MediaError> {
    let (tenant, now) = (&caller.tenant, app.now());
    let own = Own {
        facts: Facts {
            media_id: MediaId::derive(&caller.fqid, &arrived.sha256),
            uploader: caller.fqid.clone(),
            sha256: arrived.sha256,
            size: arrived.size,
            mime_type: kind::mime_type(&arrived.head).to_owned(),
            filename,
            created_at: now,
        },
        tenant_scope,
    };
    let _turn = app.media().placing().await;
    app.media().place(Shelf::Own, tenant, arrived).await?;
    let mut tx = app.db().begin().await?;
    own::put(tenant, &mut tx, &own, now.saturating_add(UNREFERENCED_MS)).await?;
    // The same file again is the one of the first time.
    let kept = own::get(tenant, tx.conn(), own.facts.media_id).await?;
    let kept = kept.ok_or(MediaError::NotFound)?;
    Ok(tx.commit(Media::from(&kept.facts)).await?)
}

async fn read<E>(
    app: &App,
    mut form: Form,
    most: u64,
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
) -> Result<Received, MediaError> {
    let mut file: Option<(Incoming, String)> = None;
    let mut tenant_scope = None;
    let mut field = Field::Other;
    let mut beside = 0;
    loop {
        let piece = form
            .piece()
            .map_err(|malformed| wrong("body", Reason::Format, malformed.0))?;
        match piece {
            None => form.push(&next(body).await?),
            Some(Piece::Begin(head)) => {
                field = match head.name.as_str() {
                    "file" if file.is_some() => {
                        return Err(wrong("body.file", Reason::Duplicate, "occurs twice"));
                    }
                    "file" => {
                        let name = kind::clean_name(head.filename.as_deref());
                        file = Some((app.media().receive().await?, name));
                        Field::File
                    }
                    "tenant_scope" => Field::Scope(Vec::new()),
                    _ => Field::Other,
                };
            }
            Some(Piece::Data(data)) => match (&mut field, &mut file) {
                (Field::File, Some((file, _))) => {
                    if file.size().saturating_add(length_of(&data)) > most {
                        return Err(MediaError::TooLarge(most));
                    }
                    file.write(&data).await?;
                }
                (of, _) => {
                    beside += length_of(&data);
                    if beside > FORM_BYTES {
                        return Err(MediaError::TooLarge(most));
                    }
                    if let Field::Scope(value) = of {
                        value.extend_from_slice(&data);
                    }
                }
            },
            Some(Piece::End) => {
                if let Field::Scope(value) = std::mem::replace(&mut field, Field::Other) {
                    tenant_scope = Some(flag(&value)?);
                }
            }
            Some(Piece::Done) => break,
        }
    }
    let (file, filename) = file.ok_or(wrong("body.file", Reason::Missing, "is missing"))?;
    if file.size() == 0 {
        return Err(wrong("body.file", Reason::Length, "must not be empty"));
    }
    Ok(Received {
        file,
        filename,
        tenant_scope: tenant_scope.unwrap_or(false),
    })
}

/// The next bytes of the body.
async fn next<E>(
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
) -> Result<Bytes, MediaError> {
    match tokio::time::timeout(PATIENCE, body.next()).await {
        Ok(Some(Ok(bytes))) => Ok(bytes),
        Ok(Some(Err(_)) | None) => Err(wrong(
            "body",
            Reason::Format,
            "ended before it was complete",
        )),
        Err(_) => Err(wrong("body", Reason::Format, "stood still for too long")),
    }
}

fn flag(value: &[u8]) -> Result<bool, MediaError> {
    let value = value.get(..LONGEST_FIELD).unwrap_or(value);
    match value.trim_ascii().to_ascii_lowercase().as_slice() {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ => Err(wrong(
            "body.tenant_scope",
            Reason::Type,
            "must be true or false",
        )),
    }
}

fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn wrong(path: &'static str, reason: Reason, message: &'static str) -> MediaError {
    MediaError::Form {
        path,
        reason,
        message,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stands_still_ends() {
        let mut body = futures::stream::pending::<Result<Bytes, Infallible>>();
        let began = tokio::time::Instant::now();
        let ended = next(&mut body).await;
        assert!(matches!(ended, Err(MediaError::Form { path: "body", .. })));
        assert_eq!(began.elapsed(), PATIENCE);
    }

    #[test]
    fn a_flag_is_true_or_false() {
        assert!(flag(b"true").unwrap());
        assert!(!flag(b" False ").unwrap());
        for wrong in [
            &b""[..],
            b"1",
            b"yes",
            b"truetruetruetrue",
            b"trueeeeeeeeeeeeeeeeeeee",
        ] {
            assert!(flag(wrong).is_err());
        }
    }
}
