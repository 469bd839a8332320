//! What can go wrong with the database, while running and at start-up.

use std::path::PathBuf;

use crate::catalogue::Code;
use crate::error::Coded;

/// A failed statement, told apart by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// `SW_SERVICE_UNAVAILABLE`: the database is away, full or overloaded; the same request may work later.
    #[error("the database does not answer")]
    Unavailable(#[source] sqlx::Error),
    /// `SW_INTERNAL_ERROR`: a unique constraint refused the row. Stores that expect this name the constraint.
    #[error("a row with this key exists already")]
    Duplicate(#[source] sqlx::Error),
    /// `SW_INTERNAL_ERROR`: the statement or the data is wrong.
    #[error("a database statement failed")]
    Failed(#[source] sqlx::Error),
    /// `SW_INTERNAL_ERROR`: a stored row cannot be read back.
    #[error("unreadable value in {table}.{column}: {reason}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl DbError {
    /// The task that was committing went away.
    pub fn crashed() -> Self {
        DbError::Unavailable(sqlx::Error::WorkerCrashed)
    }

    /// Whether there was no connection, or it broke. A commit may have happened all the same; a repeat meets the same.
    pub fn is_lost_connection(&self) -> bool {
        match self {
            DbError::Unavailable(sqlx::Error::Database(cause)) => {
                ends_connection(cause.code().as_deref())
            }
            DbError::Unavailable(_) => true,
            DbError::Duplicate(_) | DbError::Failed(_) | DbError::Unreadable { .. } => false,
        }
    }

    /// An unreadable value in `table.column`.
    pub fn unreadable(table: &'static str, column: &'static str, reason: impl ToString) -> Self {
        DbError::Unreadable {
            table,
            column,
            reason: reason.to_string(),
        }
    }
}

impl Coded for DbError {
    fn code(&self) -> Code {
        match self {
            DbError::Unavailable(_) => Code::ServiceUnavailable,
            DbError::Duplicate(_) | DbError::Failed(_) | DbError::Unreadable { .. } => {
                Code::InternalError
            }
        }
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => DbError::Unavailable(error),
            sqlx::Error::Database(cause) if cause.is_unique_violation() => {
                DbError::Duplicate(error)
            }
            sqlx::Error::Database(cause) if is_passing(cause.code().as_deref()) => {
                DbError::Unavailable(error)
            }
            _ => DbError::Failed(error),
        }
    }
}

/// Whether a database's own code speaks of a state that passes: SQLite's primary result codes BUSY, LOCKED, NOMEM,
/// READONLY, IOERR, FULL, CANTOPEN; Postgres' classes 08 (connection), 53 (resources), 57 (operator), 58 (system), and
/// 40001/40P01/55P03 (serialisation, deadlock, lock not available).
fn is_passing(code: Option<&str>) -> bool {
    let Some(code) = code else { return false };
    if code.len() == 5 {
        return ["08", "53", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class))
            || matches!(code, "40001" | "40P01" | "55P03" | "25006");
    }
    let primary = code.parse::<u32>().map(|extended| extended & 0xff);
    matches!(primary, Ok(5 | 6 | 7 | 8 | 10 | 13 | 14))
}

/// Postgres' codes of a connection that ends or does not come about: class 08, and 57P01 to 57P03 while it stops or starts.
fn ends_connection(code: Option<&str>) -> bool {
    code.is_some_and(|code| {
        code.len() == 5 && (code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03"))
    })
}

/// Why the server cannot start on this database: each names what is wrong and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be reached or opened.
    #[error(
        "cannot open the database: {0}. Check SCAIWAVE_DB_URL and that the database runs and can be read"
    )]
    Connect(#[source] sqlx::Error),
    /// A file of no bytes stands where the database should be.
    #[error("{} is an empty file, not a database. Restore it from a backup, or delete it to begin with a new one", .0.display())]
    Empty(PathBuf),
    /// The file or database belongs to something else.
    #[error("{0} belongs to another program. Point SCAIWAVE_DATA_DIR or SCAIWAVE_DB_URL elsewhere")]
    Foreign(String),
    /// The schema comes from a newer program.
    #[error(
        "the database has schema version {found}, this program knows {known}. Start the newer scaiwave that wrote it"
    )]
    Newer {
        /// The version found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// A command needs a database that a server has set up, and there is none.
    #[error("there is no database at {}. Start `scaiwave serve` once to create it", .0.display())]
    Missing(PathBuf),
    /// A command met a schema that still has to be migrated.
    #[error(
        "the database has schema version {found}, this program needs {known}. Run `scaiwave migrate` first"
    )]
    Older {
        /// The version found.
        found: i64,
        /// The version needed.
        known: i64,
    },
    /// A migration failed and was rolled back.
    #[error("a migration failed and was rolled back: {0}. Fix the cause and start again")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// The data folder cannot be used.
    #[error("cannot use {}: {source}. Check that it exists and belongs to this user", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
