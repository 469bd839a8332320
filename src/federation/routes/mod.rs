//! What other servers call, and what admins ask about them ([`admin`], [`rooms`]).

pub mod admin;
pub mod rooms;

use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use http::{HeaderMap, HeaderValue, Uri, header};

use super::Federation;
use super::core::descriptor::DESCRIPTOR_PATH;
use super::error::FederationError;
use crate::error::Result;
use crate::http::client_address::ClientAddress;

/// The routes of the federation.
pub fn router<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Federation: FromRef<S>,
{
    Router::new().route(DESCRIPTOR_PATH, get(descriptor))
}

/// `GET /.well-known/scaiwave/server`: who answers at this address. Whoever asks need not sign, and so is counted like a
/// stranger.
async fn descriptor(
    State(federation): State<Federation>,
    address: Option<Extension<ClientAddress>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    federation.charge_stranger(address.map(|address| address.0))?;
    let authority = authority(&uri, &headers);
    let tenant = federation
        .tenant_of(&authority)
        .ok_or(FederationError::NotHere)?;
    let document = federation.descriptor(&tenant).await?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], document.to_string()).into_response())
}

/// `:authority` or `Host`, in lower case.
pub(in crate::federation) fn authority(uri: &Uri, headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    uri.authority()
        .map(http::uri::Authority::as_str)
        .or(host)
        .unwrap_or_default()
        .to_ascii_lowercase()
}
