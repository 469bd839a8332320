//! Rows of `workspaces`.

use super::personal_id;
use crate::db::{DbError, Tx};
use crate::participants::Participant;
use crate::tenants::Tenant;

/// Makes the personal workspace of a local participant, unless it is there.
pub async fn ensure_personal(
    tenant: &Tenant,
    tx: &mut Tx,
    owner: &Participant,
    now: i64,
) -> Result<(), DbError> {
    let sql = "INSERT INTO workspaces (tenant, id, slug, name, created_by, is_personal, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, 1, $6, $6) ON CONFLICT DO NOTHING";
    sqlx::query(sql)
        .bind(tenant.key())
        .bind(personal_id(tenant, owner.id).to_string())
        .bind(personal_slug(owner.fqid.local_id().as_str()))
        .bind(&owner.display_name)
        .bind(owner.id.to_string())
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// `personal-<local_id>`. Slugs beginning so are reserved, which is why a local id may make one that no rule for slugs
/// would take.
fn personal_slug(local_id: &str) -> String {
    format!("personal-{local_id}")
}
