//! Whole databases: into a SQLite file for a backup, and out of one, whichever of the two databases is in use. Both have
//! the same tables and columns, of whole numbers and texts alone, so that a backup of one can be put back into the other.

use std::path::Path;

use futures::TryStreamExt;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::rows::{runs, values};
use super::{Backend, Db, DbError, DbOptions, StartError, Tx};

/// Rows that are read before they are written.
const ROWS: usize = 512;
/// A backup reads for as long as it takes.
const AT_LEISURE: &str =
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Why a database could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// One of them cannot be opened.
    #[error(transparent)]
    Open(#[from] StartError),
    /// A statement failed.
    #[error(transparent)]
    Statement(#[from] DbError),
}

impl From<sqlx::Error> for CopyError {
    fn from(error: sqlx::Error) -> Self {
        CopyError::Statement(error.into())
    }
}

/// A SQLite file.
pub fn file(path: &Path) -> DbOptions {
    DbOptions {
        url: format!("sqlite:{}", path.display()),
        pool: 1,
    }
}

/// Writes all that is committed by now into a new SQLite file. Whoever writes meanwhile is not held up.
///
/// # Errors
/// Either database's.
pub async fn to_file(db: &Db, path: &Path) -> Result<(), CopyError> {
    match db.backend() {
        Backend::Sqlite => {
            sqlx::query("VACUUM INTO $1")
                .bind(path.display().to_string())
                .execute(db.reader())
                .await?;
        }
        Backend::Postgres => {
            let copy = Db::open(&file(path)).await?;
            let copied = snapshot_into(db, &copy).await;
            copy.close().await;
            copied?;
        }
    }
    Ok(())
}

async fn snapshot_into(db: &Db, copy: &Db) -> Result<(), CopyError> {
    let mut from = db.reader().begin_with(SNAPSHOT).await?;
    sqlx::raw_sql(AT_LEISURE).execute(&mut *from).await?;
    let mut to = copy.begin().await?;
    for table in tables(copy).await? {
        table.copy(&mut from, &mut to).await?;
    }
    to.commit(()).await?;
    from.rollback().await?;
    Ok(())
}

/// Puts the rows of a SQLite file in the place of all rows that are there, in one transaction.
///
/// # Errors
/// Either database's; then nothing has changed.
pub async fn replace_all(db: &Db, by: &Db) -> Result<(), CopyError> {
    let tables = tables(by).await?;
    let mut from = by.reader().acquire().await?;
    let mut to = db.begin().await?;
    if db.backend() == Backend::Postgres {
        sqlx::raw_sql(AT_LEISURE).execute(to.conn()).await?;
    }
    // Those that others refer to come first.
    for table in tables.iter().rev() {
        let delete = format!("DELETE FROM \"{}\"", table.name);
        sqlx::query(AssertSqlSafe(delete))
            .execute(to.conn())
            .await?;
    }
    for table in &tables {
        table.copy(&mut from, &mut to).await?;
    }
    to.commit(()).await?;
    Ok(())
}

struct Table {
    name: String,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    is_number: bool,
}

enum Field {
    Number(Option<i64>),
    Text(Option<String>),
}

/// The tables of the schema, in the order in which they were made.
async fn tables(file: &Db) -> Result<Vec<Table>, CopyError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'
         ORDER BY rowid",
    )
    .fetch_all(file.reader())
    .await?;
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let columns: Vec<(String, String)> =
            sqlx::query_as("SELECT name, type FROM pragma_table_info($1) ORDER BY cid")
                .bind(&name)
                .fetch_all(file.reader())
                .await?;
        let columns = columns
            .into_iter()
            .map(|(name, kind)| Column {
                name,
                is_number: kind == "BIGINT",
            })
            .collect();
        tables.push(Table { name, columns });
    }
    Ok(tables)
}

impl Table {
    fn column_list(&self) -> String {
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("\"{}\"", column.name))
            .collect();
        names.join(", ")
    }

    async fn copy(&self, from: &mut AnyConnection, to: &mut Tx) -> Result<(), CopyError> {
        let select = format!("SELECT {} FROM \"{}\"", self.column_list(), self.name);
        let mut found = sqlx::query(AssertSqlSafe(select)).fetch(from);
        let mut rows = Vec::with_capacity(ROWS);
        while let Some(row) = found.try_next().await? {
            rows.push(self.read(&row)?);
            if rows.len() == ROWS {
                self.write(&std::mem::take(&mut rows), to).await?;
            }
        }
        self.write(&rows, to).await
    }

    fn read(&self, row: &AnyRow) -> Result<Vec<Field>, CopyError> {
        let fields = self.columns.iter().enumerate().map(|(at, column)| {
            Ok(match column.is_number {
                true => Field::Number(row.try_get(at)?),
                false => Field::Text(row.try_get(at)?),
            })
        });
        fields.collect()
    }

    async fn write(&self, rows: &[Vec<Field>], to: &mut Tx) -> Result<(), CopyError> {
        for run in runs(rows) {
            let sql = format!(
                "INSERT INTO \"{}\" ({}) VALUES {}",
                self.name,
                self.column_list(),
                values(to.backend(), run.len(), self.columns.len())
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for field in run.iter().flatten() {
                query = match field {
                    Field::Number(number) => query.bind(*number),
                    Field::Text(text) => query.bind(text.as_deref()),
                };
            }
            query.execute(to.conn()).await?;
        }
        Ok(())
    }
}
