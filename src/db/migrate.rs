//! Schema versions: forward only, the same numbers for both databases, each in a transaction of its own.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, Row};

use super::{Backend, Db, StartError};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

fn migrator(backend: Backend) -> &'static Migrator {
    match backend {
        Backend::Sqlite => &SQLITE,
        Backend::Postgres => &POSTGRES,
    }
}

fn newest(migrator: &Migrator) -> i64 {
    migrator
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// The newest schema version for SQLite.
pub(super) fn newest_sqlite() -> i64 {
    newest(&SQLITE)
}

/// Runs what is missing. A database that is not ours, or is newer, stays untouched.
pub(super) async fn run(db: &Db) -> Result<(), StartError> {
    let migrator = migrator(db.backend());
    let known = newest(migrator);
    match applied(db).await? {
        Some(found) if found > known => return Err(StartError::Newer { found, known }),
        Some(_) => {}
        None if is_foreign(db).await? => {
            return Err(StartError::Foreign(
                "the database in SCAIWAVE_DB_URL".to_owned(),
            ));
        }
        None => {}
    }
    let mut connection = db.0.writer.acquire().await.map_err(StartError::Connect)?;
    migrator
        .run(&mut *connection)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(found) => StartError::Newer { found, known },
            other => StartError::Migration(other),
        })?;
    if db.backend() == Backend::Sqlite {
        mark_version(&mut connection, known)
            .await
            .map_err(StartError::Connect)?;
    }
    Ok(())
}

/// Writes the version into the file's header, so that the next start can judge the file before it opens it. A file that has it already
/// is not written to.
async fn mark_version(connection: &mut AnyConnection, known: i64) -> Result<(), sqlx::Error> {
    let marked: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *connection)
        .await?;
    if marked != known {
        let mark = format!("PRAGMA user_version = {known}; PRAGMA wal_checkpoint(TRUNCATE)");
        sqlx::raw_sql(sqlx::AssertSqlSafe(mark))
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Refuses a schema that is not exactly this program's.
pub(super) async fn require_current(db: &Db) -> Result<(), StartError> {
    let known = newest(migrator(db.backend()));
    match applied(db).await? {
        Some(found) if found > known => Err(StartError::Newer { found, known }),
        Some(found) if found < known => Err(StartError::Older { found, known }),
        Some(_) => Ok(()),
        None => Err(StartError::Older { found: 0, known }),
    }
}

/// The version of the schema, or `None` where no migration ever ran.
async fn applied(db: &Db) -> Result<Option<i64>, StartError> {
    if !has_table(db, "_sqlx_migrations").await? {
        return Ok(None);
    }
    sqlx::query_scalar::<_, Option<i64>>("SELECT MAX(version) FROM _sqlx_migrations")
        .fetch_one(db.reader())
        .await
        .map_err(StartError::Connect)
}

/// A Postgres database that holds tables but none of ours belongs to somebody else. The migrator's own table does not count: a first
/// start that is killed can leave it behind, still empty.
async fn is_foreign(db: &Db) -> Result<bool, StartError> {
    if db.backend() == Backend::Sqlite {
        return Ok(false);
    }
    let tables: i64 = sqlx::query(
        "SELECT COUNT(*) FROM information_schema.tables
         WHERE table_schema = current_schema() AND table_name <> '_sqlx_migrations'",
    )
    .fetch_one(db.reader())
    .await
    .and_then(|row| row.try_get(0))
    .map_err(StartError::Connect)?;
    Ok(tables > 0)
}

async fn has_table(db: &Db, name: &str) -> Result<bool, StartError> {
    let sql = match db.backend() {
        Backend::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1",
        Backend::Postgres => {
            "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = $1"
        }
    };
    let found: i64 = sqlx::query_scalar(sql)
        .bind(name)
        .fetch_one(db.reader())
        .await
        .map_err(StartError::Connect)?;
    Ok(found > 0)
}
