//! The tables `media`, `media_references` and `media_copies`.

pub mod copies;
pub mod own;
pub mod references;

use std::collections::HashSet;

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::model::Facts;
use crate::db::rows::{self, id};
use crate::db::{Db, DbError};
use crate::events::core::hash::Hash;
use crate::tenants::Tenant;

/// What [`facts`] reads.
const FACTS: &str = "media_id, uploader, sha256, size, mime_type, filename, created_at";

/// Those of `contents` that a row of the table has.
async fn among(
    tenant: &Tenant,
    db: &Db,
    table: &'static str,
    contents: &[Hash],
) -> Result<HashSet<Hash>, DbError> {
    let mut found = HashSet::new();
    for run in rows::runs(contents) {
        let list = rows::list(2, run.len());
        let sql =
            format!("SELECT DISTINCT sha256 FROM {table} WHERE tenant = $1 AND sha256 IN ({list})");
        let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, content| query.bind(content.hex()));
        let digits: Vec<String> = query.fetch_all(db.reader()).await?;
        for digits in digits {
            found.insert(hash(table, &digits)?);
        }
    }
    Ok(found)
}

fn facts(table: &'static str, row: &AnyRow) -> Result<Facts, DbError> {
    Ok(Facts {
        media_id: id(table, "media_id", row.try_get("media_id")?)?,
        uploader: id(table, "uploader", row.try_get("uploader")?)?,
        sha256: hash(table, row.try_get("sha256")?)?,
        size: row.try_get("size")?,
        mime_type: row.try_get("mime_type")?,
        filename: row.try_get("filename")?,
        created_at: row.try_get("created_at")?,
    })
}

fn hash(table: &'static str, digits: &str) -> Result<Hash, DbError> {
    Hash::from_hex(digits).map_err(|error| DbError::unreadable(table, "sha256", error))
}
