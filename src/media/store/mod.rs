//! The tables `media`, `media_references` and `media_copies`.

pub mod copies;
pub mod own;
pub mod references;

use sqlx::Row;
use sqlx::any::AnyRow;

use super::model::Facts;
use crate::db::DbError;
use crate::db::rows::id;
use crate::events::core::hash::Hash;

/// What [`facts`] reads.
const FACTS: &str = "media_id, uploader, sha256, size, mime_type, filename, created_at";

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
