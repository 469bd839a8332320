//! What a backup holds beside the server's own tables: the table `backup_files`; and what becomes of `streams` when it is put
//! back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::folder::KeptFile;
use crate::db::{Db, DbError, Tx};

/// How far a restore moves the streams: beyond every position that was given out since the backup, so that a client that was
/// further on neither misses what comes nor asks for what never was.
const AHEAD: i64 = 1 << 32;

/// Adds the files to a backup.
pub(super) async fn add_files(tx: &mut Tx, files: &[KeptFile]) -> Result<(), DbError> {
    sqlx::query(
        "CREATE TABLE backup_files (name TEXT NOT NULL PRIMARY KEY, content TEXT NOT NULL)",
    )
    .execute(tx.conn())
    .await?;
    for file in files {
        sqlx::query("INSERT INTO backup_files (name, content) VALUES ($1, $2)")
            .bind(&file.name)
            .bind(STANDARD.encode(&*file.content))
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// Takes the files out of the copy of a backup. `None`: it is not the copy of a backup.
pub(super) async fn take_files(db: &Db) -> Result<Option<Vec<KeptFile>>, DbError> {
    let has: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master WHERE name = 'backup_files'")
            .fetch_one(db.reader())
            .await?;
    if has == 0 {
        return Ok(None);
    }
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT name, content FROM backup_files")
        .fetch_all(db.reader())
        .await?;
    let files = rows.into_iter().map(|(name, content)| {
        let content = STANDARD
            .decode(content)
            .map_err(|error| DbError::unreadable("backup_files", "content", error))?;
        Ok(KeptFile {
            name,
            content: content.into(),
        })
    });
    let files = files.collect::<Result<_, DbError>>()?;
    let mut tx = db.begin().await?;
    sqlx::query("DROP TABLE backup_files")
        .execute(tx.conn())
        .await?;
    tx.commit(Some(files)).await.map(|done| done.into_inner())
}

/// Moves all streams far ahead.
pub(super) async fn move_streams(tx: &mut Tx) -> Result<(), DbError> {
    sqlx::query("UPDATE streams SET position = position + $1")
        .bind(AHEAD)
        .execute(tx.conn())
        .await?;
    Ok(())
}
