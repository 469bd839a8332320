//! SQLite's file before it is opened: whose it is, how new its schema is, and how a new one is made.
//!
//! The header is read as plain bytes (<https://www.sqlite.org/fileformat2.html#the_database_header>), since opening
//! somebody else's file with SQLite may already change it.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, Connection, Executor};

use super::error::StartError;
use super::migrate;

/// "SCAW": marks a SQLite file as ours.
const APPLICATION_ID: u32 = 0x5343_4157;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Checks the file at `path`; where none is, makes an empty database of ours if `create`, else says so.
pub(super) async fn prepare(path: &Path, create: bool) -> Result<(), StartError> {
    match read_header(path) {
        Ok(header) => check(path, &header),
        Err(error) if error.kind() == ErrorKind::NotFound && create => make(path).await,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(StartError::Missing(path.to_owned()))
        }
        Err(source) => Err(file_error(path, source)),
    }
}

fn read_header(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(100);
    std::fs::File::open(path)?
        .take(100)
        .read_to_end(&mut header)?;
    Ok(header)
}

fn check(path: &Path, header: &[u8]) -> Result<(), StartError> {
    if header.is_empty() {
        return Err(StartError::Empty(path.to_owned()));
    }
    let word = |at: usize| {
        header
            .get(at..at + 4)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u32::from_be_bytes)
    };
    let ours = header.starts_with(MAGIC) && word(68) == Some(APPLICATION_ID);
    let Some(found) = word(60).map(i64::from).filter(|_| ours) else {
        return Err(StartError::Foreign(path.display().to_string()));
    };
    let known = migrate::newest_sqlite();
    if found > known {
        return Err(StartError::Newer { found, known });
    }
    Ok(())
}

/// Makes the file under another name first: a crash in between leaves no half-made database behind.
async fn make(path: &Path) -> Result<(), StartError> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|source| file_error(folder, source))?;
    }
    let fresh = with_suffix(path, "-new");
    match std::fs::remove_file(&fresh) {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            return Err(file_error(&fresh, source));
        }
        _ => {}
    }
    let options: AnyConnectOptions = format!("sqlite:{}?mode=rwc", fresh.display())
        .parse()
        .map_err(StartError::Connect)?;
    let mut connection = AnyConnection::connect_with(&options)
        .await
        .map_err(StartError::Connect)?;
    let mark = format!("PRAGMA application_id = {APPLICATION_ID}");
    connection
        .execute(sqlx::AssertSqlSafe(mark))
        .await
        .map_err(StartError::Connect)?;
    connection.close().await.map_err(StartError::Connect)?;
    std::fs::rename(&fresh, path).map_err(|source| file_error(path, source))
}

/// Bytes of the file and its write-ahead log.
pub(super) async fn size(path: &Path) -> u64 {
    let length = |path: &Path| std::fs::metadata(path).map(|meta| meta.len()).unwrap_or(0);
    length(path) + length(&with_suffix(path, "-wal"))
}

/// The path with something behind its last name, as SQLite names the files beside a database.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn file_error(path: &Path, source: std::io::Error) -> StartError {
    StartError::File {
        path: path.to_owned(),
        source,
    }
}
