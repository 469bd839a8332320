//! Files that a message or a profile names: the sender has to be able to read them, and this server to give them to
//! others from then on.

use serde_json::Value;

use super::access::{self, Elsewhere, Found};
use super::error::MediaError;
use super::model::{Facts, Own};
use super::store::own;
use super::{description, fetch};
use crate::app::App;
use crate::auth::access::Caller;
use crate::events::core::ids::MediaId;
use crate::tenants::Tenant;

/// How long a file stays that nothing refers to, in ms.
pub const UNREFERENCED_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Writes into a content what is known of the files that it names, for those who get the message.
///
/// # Errors
/// [`MediaError::NotFound`] for a file that the caller may not read; those of fetching another server's.
pub async fn to_content(app: &App, caller: &Caller, content: &mut Value) -> Result<(), MediaError> {
    let mut files = Vec::new();
    for media_id in description::named(content) {
        files.push(keep(app, caller, media_id).await?);
    }
    description::write(content, &files);
    Ok(())
}

/// Sees to it that a file is here and stays until something refers to it.
///
/// # Errors
/// As [`to_content`].
pub async fn keep(app: &App, caller: &Caller, media_id: MediaId) -> Result<Facts, MediaError> {
    let tenant = &caller.tenant;
    match access::find(app, caller, media_id).await? {
        None => Err(MediaError::NotFound),
        Some(Found::Here(own)) => {
            let until = app.now().saturating_add(UNREFERENCED_MS);
            let mut tx = app.db().begin().await?;
            let is_there = own::keep(tenant, &mut tx, media_id, until).await?;
            tx.commit(()).await?;
            is_there.then_some(own.facts).ok_or(MediaError::NotFound)
        }
        Some(Found::Elsewhere(elsewhere)) => adopt(app, tenant, elsewhere).await,
    }
}

/// Makes another server's file one of this server's: who passes it on answers for it.
async fn adopt(app: &App, tenant: &Tenant, elsewhere: Elsewhere) -> Result<Facts, MediaError> {
    let (_, copy) = fetch::copy(app, tenant, &elsewhere).await?;
    let now = app.now();
    let own = Own {
        facts: Facts {
            size: copy.size,
            mime_type: copy.mime_type,
            created_at: now,
            ..elsewhere.facts
        },
        tenant_scope: false,
    };
    let _turn = app.media().placing().await;
    match app.media().adopt(tenant, own.facts.sha256).await {
        // The copy went in this moment: a repeat fetches it again.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(MediaError::OriginSilent);
        }
        adopted => adopted?,
    }
    let mut tx = app.db().begin().await?;
    own::put(tenant, &mut tx, &own, now.saturating_add(UNREFERENCED_MS)).await?;
    tx.commit(()).await?;
    Ok(own.facts)
}
