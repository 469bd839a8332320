//! What is not taken of what peers bring, whether they deliver it or are asked for it: the events of servers that the policy
//! keeps out, whoever brings them, and what is written down of refused ones.

use crate::app::App;
use crate::catalogue::Code;
use crate::error::Result;
use crate::events::core::event::Event;
use crate::events::core::names::ServerName;
use crate::federation::model::{Check, RejectedEvent, Rejection};
use crate::rooms::core::judge::Waiting;
use crate::rooms::timeline::Receipt;
use crate::tenants::Tenant;

/// Whether the policy lets events of this origin in: the own ones always.
pub(super) async fn allows(app: &App, tenant: &Tenant, origin: &ServerName) -> Result<bool> {
    let policy = app.federation().policies().get(tenant).await?;
    Ok(origin == tenant.server_name() || policy.require(origin).is_ok())
}

/// What is written down of an event that got this receipt from a peer's hands: that it was refused, or contradicts the host.
/// That this server is not ready is not a peer's fault.
pub(super) fn of_receipt(
    peer: &ServerName,
    event: RejectedEvent,
    receipt: &Receipt,
) -> Option<Rejection> {
    let (check, code, message) = match receipt {
        Receipt::Rejected {
            check,
            code,
            message,
            ..
        } if *code != Code::ServiceUnavailable => {
            let check = match check {
                6 => Check::Room,
                7 => Check::Envelope,
                _ => Check::Content,
            };
            (check, *code, message.clone())
        }
        Receipt::Contradicting => {
            let code = Code::FedSignatureMismatch;
            (Check::Content, code, Waiting::StateHash.to_string())
        }
        _ => return None,
    };
    Some(Rejection {
        peer: peer.clone(),
        check,
        code,
        message,
        event,
    })
}

/// The same of events that were asked for. What is VOID was so before it was asked for, by no fault of who gave it.
pub(super) fn of_fetched(
    peer: &ServerName,
    event: RejectedEvent,
    receipt: &Receipt,
) -> Option<Rejection> {
    match receipt {
        Receipt::Rejected { placed: true, .. } => None,
        other => of_receipt(peer, event, other),
    }
}

/// What is written down of an event that does not verify.
pub(super) fn of_envelope(peer: &ServerName, event: &Event, why: impl ToString) -> Rejection {
    Rejection {
        peer: peer.clone(),
        check: Check::Envelope,
        code: Code::FedSignatureMismatch,
        message: why.to_string(),
        event: RejectedEvent::of(event),
    }
}

/// Writes refusals down.
pub(super) async fn note(app: &App, tenant: &Tenant, rejections: &[Rejection]) {
    let journal = app.federation().journal();
    journal.note(tenant, app.db(), rejections, app.now()).await;
}
