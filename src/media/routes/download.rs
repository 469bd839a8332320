//! `GET` and `HEAD /v1/media/download/{media_id}`.

use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::json;
use tokio::fs::File;

use super::bytes;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Result};
use crate::events::core::ids::MediaId;
use crate::http::api::describe::{Answer, Described, Input, Output};
use crate::http::caller::Caller;
use crate::http::path::{Path, PathId};
use crate::media::access::{self, Found};
use crate::media::error::MediaError;
use crate::media::model::Facts;
use crate::media::range::{Part, Wanted};
use crate::media::storage::Shelf;
use crate::media::{fetch, kind};
use crate::tenants::Tenant;

/// Headers of every file, whatever it is: a browser runs nothing of it, and shows it nowhere but here.
const ALWAYS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; sandbox",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-site",
    ),
    (header::CACHE_CONTROL, "private, max-age=3600"),
    (header::ACCEPT_RANGES, "bytes"),
];

/// Which part of a file a request wants.
pub(super) struct Request {
    wanted: Wanted,
    is_head: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Request {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let text = |name| {
            let value = parts.headers.get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Ok(Self {
            wanted: Wanted {
                range: text(header::RANGE),
                if_range: text(header::IF_RANGE),
                if_none_match: text(header::IF_NONE_MATCH),
            },
            is_head: parts.method == Method::HEAD,
        })
    }
}

impl Input for Request {
    fn describe(into: &mut Described) {
        for (name, about) in [
            (
                "Range",
                "One range of bytes; several are answered with all.",
            ),
            (
                "If-Range",
                "The `ETag` of the content that the range is of.",
            ),
            ("If-None-Match", "The `ETag` of a content that is there."),
        ] {
            into.parameters.push(json!({
                "in": "header", "name": name, "required": false, "description": about, "schema": {"type": "string"},
            }));
        }
    }
}

/// A file, or the part of it that was wanted.
pub(super) struct Sent(Response);

impl IntoResponse for Sent {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Output for Sent {
    fn describe(into: &mut Described) {
        let bytes = || Some(("*/*", json!({"type": "string", "format": "binary"})));
        let answer = |status, about, content| Answer {
            status,
            about,
            content,
        };
        into.answers.extend([
            answer(StatusCode::OK, "The bytes.", bytes()),
            answer(StatusCode::PARTIAL_CONTENT, "Some of them.", bytes()),
            answer(StatusCode::NOT_MODIFIED, "As it was.", None),
            answer(StatusCode::RANGE_NOT_SATISFIABLE, "No such part.", None),
        ]);
    }
}

pub(super) async fn download(
    State(app): State<App>,
    caller: Caller,
    Path(media_id): Path<PathId<MediaId>>,
    request: Request,
) -> Result<Sent> {
    let media_id = media_id.or(Code::NotFound)?;
    let found = access::find(&app, &caller, media_id).await?;
    let found = found.ok_or(MediaError::NotFound)?;
    let (file, facts) = open(&app, &caller.tenant, found).await?;
    send(file, &facts, &request)
}

async fn open(app: &App, tenant: &Tenant, found: Found) -> Result<(File, Facts), MediaError> {
    match found {
        Found::Here(own) => {
            let opened = app.media().open(Shelf::Own, tenant, own.facts.sha256).await;
            match opened {
                Ok(file) => Ok((file, own.facts)),
                // A backup brings the rows back without the folder.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    Err(MediaError::NotFound)
                }
                Err(error) => Err(error.into()),
            }
        }
        Found::Elsewhere(elsewhere) => {
            let (file, copy) = fetch::copy(app, tenant, &elsewhere).await?;
            let facts = Facts {
                mime_type: copy.mime_type,
                ..elsewhere.facts
            };
            Ok((file, facts))
        }
    }
}

fn send(file: File, facts: &Facts, request: &Request) -> Result<Sent> {
    let size = u64::try_from(facts.size).unwrap_or(0);
    let tag = format!("\"{}\"", facts.sha256.hex());
    let part = request.wanted.part(&tag, size);
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    put(headers, header::ETAG, &tag)?;
    let (status, from, length) = match part {
        Part::NotModified => {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return Ok(Sent(response));
        }
        Part::Unsatisfiable => {
            put(headers, header::CONTENT_RANGE, &format!("bytes */{size}"))?;
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            return Ok(Sent(response));
        }
        Part::Whole => (StatusCode::OK, 0, size),
        Part::Range { from, length } => {
            let last = from + length - 1;
            let range = format!("bytes {from}-{last}/{size}");
            put(headers, header::CONTENT_RANGE, &range)?;
            (StatusCode::PARTIAL_CONTENT, from, length)
        }
    };
    let content_type = kind::content_type(&facts.mime_type);
    put(headers, header::CONTENT_TYPE, content_type)?;
    put(headers, header::CONTENT_LENGTH, &length.to_string())?;
    let disposition = kind::disposition(&facts.mime_type, &facts.filename);
    put(headers, header::CONTENT_DISPOSITION, &disposition)?;
    *response.status_mut() = status;
    if !request.is_head {
        *response.body_mut() = bytes::body(file, from, length);
    }
    Ok(Sent(response))
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<()> {
    let value = HeaderValue::from_str(value)
        .map_err(|error| Error::new(Code::InternalError).source(error))?;
    headers.insert(name, value);
    Ok(())
}
