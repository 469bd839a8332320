//! `POST /v1/media/upload`.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::extract::{FromRequest, Request, State};
use futures::StreamExt;
use http::{StatusCode, header};
use serde_json::json;

use crate::app::App;
use crate::db::Committed;
use crate::error::{Error, Reason, Result};
use crate::http::api::describe::{self, Described, Input};
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::http::multipart::Form;
use crate::media::model::Media;
use crate::media::upload;

/// So much of a refused body is read all the same, so that its client gets to the answer.
const LINGERING_BYTES: usize = 1024 * 1024;
/// And for so long.
const LINGERING: Duration = Duration::from_secs(2);

/// A form that is read while it arrives. It has a limit of its own, beside that of all other bodies.
pub(super) struct Upload {
    form: Form,
    length: Option<u64>,
    body: BodyDataStream,
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let headers = request.headers();
        let form = Form::announced(headers).ok_or_else(|| {
            let message = "must be multipart/form-data with a boundary";
            Error::validation("header.content-type", Reason::Format, message)
        })?;
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        Ok(Self {
            form,
            length,
            body: request.into_body().into_data_stream(),
        })
    }
}

impl Input for Upload {
    fn describe(into: &mut Described) {
        into.body = Some(describe::Body {
            schema: json!({
                "type": "object",
                "properties": {
                    "file": {"type": "string", "format": "binary", "description": "The file, not empty."},
                    "tenant_scope": {"type": "boolean", "default": false, "description": "Whether all of the tenant may read it."},
                },
                "required": ["file"],
            }),
            media_type: "multipart/form-data",
            or_form: false,
        });
        into.refusals.extend([
            StatusCode::PAYLOAD_TOO_LARGE,
            StatusCode::UNPROCESSABLE_ENTITY,
        ]);
    }
}

pub(super) async fn upload(
    State(app): State<App>,
    caller: Caller,
    Upload {
        form,
        length,
        mut body,
    }: Upload,
) -> Result<Committed<Data<Media>>> {
    let taken = upload::take(&app, &caller, (form, length), &mut body).await;
    if taken.is_err() {
        linger(body).await;
    }
    Ok(taken?.map(Data))
}

/// A connection that is closed while its client still sends often loses the answer.
async fn linger(mut body: BodyDataStream) {
    let rest = async {
        let mut left = LINGERING_BYTES;
        while let Some(Ok(bytes)) = body.next().await {
            match left.checked_sub(bytes.len()) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    let _ = tokio::time::timeout(LINGERING, rest).await;
}
