//! `POST /ephemeral`: who of a peer's people is there, and who types.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::reading::answer;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Result};
use crate::federation::core::ephemeral::Notices;
use crate::federation::model::Check;
use crate::federation::signed::{Object, Signed};
use crate::http::limits::Bucket;
use crate::presence::federated;

pub(super) async fn ephemeral(
    State(app): State<App>,
    signed: Signed<Object<Notices>>,
) -> Result<Response> {
    let Signed { tenant, peer, body } = signed;
    let notices = body.0;
    let key = format!("{}/{peer}", tenant.key());
    let count = u32::try_from(notices.len()).unwrap_or(u32::MAX);
    app.limits()
        .check_many(Bucket::PeerNotices, &key, count, None, app.now())?;
    if !notices.are_of(&peer) {
        // No honest server does that, whatever it knows.
        let error = Error::new(Code::FedSignatureMismatch)
            .message("a server speaks for its own people only");
        app.federation()
            .note_request(&tenant, &peer, Check::Signature, &error)
            .await;
        return Err(error);
    }
    federated::heard(&app, &tenant, &peer, &notices).await?;
    Ok(answer(json!({ "ok": true })))
}
