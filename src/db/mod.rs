//! Connections to the one database: SQLite in a file, or Postgres.
//!
//! Everything that reads or writes rows goes through [`Db`]. Reading uses a pool of connections and sees committed
//! data only; writing goes through [`Tx`], and only [`Tx::commit`] makes the [`Committed`] proof that write routes
//! hand back, so that no 2xx leaves before the disk has the data. The module knows no domain; SQL text is the same for
//! both databases (positional `$1`, `BIGINT`, `TEXT`, `BLOB`/`BYTEA`), what truly differs stands in `migrations/`.

pub mod copy;
mod error;
mod files;
mod migrate;
pub mod rows;
mod transaction;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::AnyPool;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};

pub use error::{DbError, StartError};
pub(crate) use files::with_suffix;
/// What runs a statement: a transaction's connection, or the connections that read.
pub use sqlx::AnyExecutor as Executor;
pub use transaction::{Committed, Tx};

/// Which of the two databases a connection speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A SQLite file in WAL mode with `synchronous=FULL`.
    Sqlite,
    /// A Postgres server.
    Postgres,
}

/// Where the data is, and how many connections read it.
#[derive(Clone, Debug)]
pub struct DbOptions {
    /// `sqlite:<path>` or `postgres://…`.
    pub url: String,
    /// Connections that read, at most; Postgres writes on as many again.
    pub pool: u32,
}

/// The database: cheap to clone, shared by everything.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    backend: Backend,
    reader: AnyPool,
    writer: AnyPool,
    file: Option<PathBuf>,
}

/// What stands in front of a write transaction. SQLite takes the write lock at once: with a plain `BEGIN`, two
/// transactions that read first and write later refuse each other.
const BEGIN_SQLITE: &str = "BEGIN IMMEDIATE";
const BEGIN_POSTGRES: &str = "BEGIN";

/// How long a request waits for a free connection before it is told that the database is unavailable.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

const BUSY_TIMEOUT: &str = "PRAGMA busy_timeout = 10000";

/// With `secure_delete`, what is deleted or overwritten is gone from the file, too.
const SQLITE_PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA busy_timeout = 10000; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000; PRAGMA secure_delete = ON;";

const POSTGRES_SETTINGS: &str = "SET synchronous_commit = on; SET statement_timeout = '60s'; SET lock_timeout = '30s'; \
     SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = warning;";

/// The file of a SQLite database; `None` for Postgres.
pub fn sqlite_file(options: &DbOptions) -> Option<PathBuf> {
    let path = options.url.strip_prefix("sqlite:")?;
    Some(PathBuf::from(path.trim_start_matches("//")))
}

/// Whether opening the database would make its file.
pub fn is_missing(options: &DbOptions) -> bool {
    sqlite_file(options).is_some_and(|path| !path.exists())
}

impl Db {
    /// Opens the database for a server: creates a missing SQLite file, refuses files and schemas that are not ours or
    /// are newer than this program, and runs pending migrations.
    pub async fn open(options: &DbOptions) -> Result<Db, StartError> {
        let db = Db::connect(options, true).await?;
        db.or_close(migrate::run(&db).await).await
    }

    /// Opens an existing, up-to-date database for a command beside the server; creates and migrates nothing.
    pub async fn open_existing(options: &DbOptions) -> Result<Db, StartError> {
        let db = Db::connect(options, false).await?;
        db.or_close(migrate::require_current(&db).await).await
    }

    /// The database, or, closed, what is wrong with it: SQLite then leaves no files of its own behind.
    async fn or_close(&self, checked: Result<(), StartError>) -> Result<Db, StartError> {
        if let Err(error) = checked {
            self.close().await;
            return Err(error);
        }
        Ok(self.clone())
    }

    async fn connect(options: &DbOptions, create: bool) -> Result<Db, StartError> {
        sqlx::any::install_default_drivers();
        let file = sqlite_file(options);
        let backend = match &file {
            Some(path) => {
                files::prepare(path, create).await?;
                Backend::Sqlite
            }
            None => Backend::Postgres,
        };
        let url = match &file {
            Some(path) => format!("sqlite:{}?mode=rw", path.display()),
            None => options.url.clone(),
        };
        let connect: AnyConnectOptions = url.parse().map_err(StartError::Connect)?;
        let pool = |size: u32| {
            AnyPoolOptions::new()
                .max_connections(size)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(backend == Backend::Postgres)
                .max_lifetime(None)
                .before_acquire(|connection, _| {
                    // SQLite rolls back by itself when the disk is full; what then goes on as an open transaction here
                    // could never begin another one.
                    let is_usable = !sqlx::Connection::is_in_transaction(connection);
                    Box::pin(async move { Ok(is_usable) })
                })
                .after_connect(move |connection, _| {
                    let settings = match backend {
                        Backend::Sqlite => SQLITE_PRAGMAS,
                        Backend::Postgres => POSTGRES_SETTINGS,
                    };
                    Box::pin(async move {
                        sqlx::Executor::execute(connection, settings)
                            .await
                            .map(|_| ())
                    })
                })
        };
        let writers = match backend {
            Backend::Sqlite => 1,
            Backend::Postgres => options.pool.max(2),
        };
        // The writer connects first: on a new file it is the one that switches to WAL.
        let writer = pool(writers)
            .connect_with(connect.clone())
            .await
            .map_err(StartError::Connect)?;
        let reader = pool(options.pool.max(1))
            .connect_with(connect)
            .await
            .map_err(StartError::Connect)?;
        Ok(Db(Arc::new(Inner {
            backend,
            reader,
            writer,
            file,
        })))
    }

    /// The connections that read: they see committed data only.
    pub fn reader(&self) -> &AnyPool {
        &self.0.reader
    }

    /// Begins a write transaction. On SQLite writers queue for the one write connection, in order.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        let begin = match self.0.backend {
            Backend::Sqlite => BEGIN_SQLITE,
            Backend::Postgres => BEGIN_POSTGRES,
        };
        Ok(Tx::new(
            self.0.writer.begin_with(begin).await?,
            self.0.backend,
        ))
    }

    /// Which database this is.
    pub fn backend(&self) -> Backend {
        self.0.backend
    }

    /// Open and idle connections: `(reader open, reader idle, writer open, writer idle)`.
    pub fn connections(&self) -> (u32, usize, u32, usize) {
        let Inner { reader, writer, .. } = &*self.0;
        (
            reader.size(),
            reader.num_idle(),
            writer.size(),
            writer.num_idle(),
        )
    }

    /// Asks the database for a sign of life.
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT 1").execute(self.reader()).await?;
        Ok(())
    }

    /// Bytes that the database takes, where that can be told.
    pub async fn size(&self) -> Result<u64, DbError> {
        match &self.0.file {
            Some(path) => Ok(files::size(path).await),
            None => {
                let bytes: i64 = sqlx::query_scalar("SELECT pg_database_size(current_database())")
                    .fetch_one(self.reader())
                    .await?;
                Ok(u64::try_from(bytes).unwrap_or(0))
            }
        }
    }

    /// Takes out of SQLite's write-ahead log what was deleted or overwritten since. False: somebody still reads an earlier
    /// state of the data, or writes; try again later. Postgres has nothing of the kind that could be done from here.
    pub async fn scrub(&self) -> Result<bool, DbError> {
        if self.0.backend == Backend::Postgres {
            return Ok(true);
        }
        let mut connection = self.0.reader.acquire().await?;
        // Whoever wants to write is not to wait until the last reader is done.
        sqlx::raw_sql("PRAGMA busy_timeout = 100")
            .execute(&mut *connection)
            .await?;
        let was_busy = sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&mut *connection)
            .await;
        sqlx::raw_sql(BUSY_TIMEOUT)
            .execute(&mut *connection)
            .await?;
        Ok(was_busy? == 0)
    }

    /// Closes all connections; SQLite folds its write-ahead log into the file.
    pub async fn close(&self) {
        self.0.reader.close().await;
        self.0.writer.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_connection_to_a_file_waits_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&copy::file(&folder.path().join("x.db")))
            .await
            .unwrap();
        let mut tx = db.begin().await.unwrap();
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(tx.conn())
            .await
            .unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(tx.conn())
            .await
            .unwrap();
        const FULL: i64 = 2;
        assert_eq!((mode.as_str(), synchronous), ("wal", FULL));
    }

    #[tokio::test]
    async fn what_the_planner_is_told_of_an_index_fits_the_index() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&copy::file(&folder.path().join("x.db")))
            .await
            .unwrap();
        let sql =
            "SELECT idx, stat, (SELECT COUNT(*) FROM pragma_index_info(idx)) FROM sqlite_stat1";
        let told: Vec<(String, String, i64)> =
            sqlx::query_as(sql).fetch_all(db.reader()).await.unwrap();
        assert!(!told.is_empty());
        for (index, stat, columns) in told {
            let numbers: Vec<i64> = stat
                .split(' ')
                .map(|number| number.parse().unwrap())
                .collect();
            assert_eq!(
                i64::try_from(numbers.len()).unwrap(),
                columns + 1,
                "{index}"
            );
            assert!(
                numbers.is_sorted_by(|more, fewer| more >= fewer),
                "{index}: {stat}"
            );
        }
    }

    #[tokio::test]
    async fn the_tenant_alone_is_not_taken_to_leave_few_rows() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&copy::file(&folder.path().join("x.db")))
            .await
            .unwrap();
        // Each has an index with all its columns, of which only the tenant is given.
        for (sql, wanted) in [
            (
                "SELECT room_id FROM members WHERE tenant = 1 AND participant_id = 'a' AND membership = 'join'",
                "members_by_participant",
            ),
            (
                "SELECT DISTINCT server_name FROM members WHERE tenant = 1 AND room_id = 'a' AND membership = 'join'",
                "members_in_order",
            ),
        ] {
            let plan = format!("EXPLAIN QUERY PLAN {sql}");
            let rows = sqlx::query(sqlx::AssertSqlSafe(plan)).fetch_all(db.reader());
            let rows = rows.await.unwrap();
            let plan: Vec<String> = rows
                .iter()
                .map(|row| sqlx::Row::get(row, "detail"))
                .collect();
            let steps = plan.join("; ");
            assert!(
                steps.contains(&format!("{wanted} (tenant=? AND")),
                "{steps}"
            );
        }
    }

    #[tokio::test]
    async fn a_full_disk_does_not_end_the_writing_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&copy::file(&folder.path().join("x.db")))
            .await
            .unwrap();
        let mut tx = db.begin().await.unwrap();
        // The file may not grow any more: that ends as a full disk does.
        for sql in [
            "CREATE TABLE ballast (bytes BLOB)",
            "PRAGMA max_page_count = 1",
        ] {
            sqlx::query(sql).execute(tx.conn()).await.unwrap();
        }
        let full = sqlx::query("INSERT INTO ballast VALUES (zeroblob(1000000))")
            .execute(tx.conn())
            .await
            .map_err(DbError::from);
        assert!(matches!(full, Err(DbError::Unavailable(_))), "{full:?}");
        drop(tx);
        let tx = db.begin().await.unwrap();
        tx.commit(()).await.unwrap();
    }
}
