//! The rows of a stopped server's database, as text, for comparisons and for making it wrong on purpose.

use std::collections::BTreeMap;

use sqlx::{Connection, PgConnection, Row, SqliteConnection};

use super::Backend;

/// The rows of one table, each as one text, sorted.
pub(crate) type Table = Vec<String>;

/// Every table by its name.
pub(crate) async fn tables(backend: Backend, url: &str) -> BTreeMap<String, Table> {
    match backend {
        Backend::Sqlite => sqlite_tables(url).await,
        Backend::Postgres => postgres_tables(url).await,
    }
    .unwrap_or_else(|error| panic!("the tables of {url}: {error}"))
}

async fn sqlite_tables(url: &str) -> sqlx::Result<BTreeMap<String, Table>> {
    let mut connection = SqliteConnection::connect(url).await?;
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    )
    .fetch_all(&mut connection)
    .await?;
    let mut tables = BTreeMap::new();
    for name in names {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(&name)
            .fetch_all(&mut connection)
            .await?;
        let row = columns
            .iter()
            .map(|column| format!("quote(\"{column}\")"))
            .collect::<Vec<_>>()
            .join(" || ',' || ");
        let rows = read(
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("SELECT {row} FROM \"{name}\"")))
                .fetch_all(&mut connection)
                .await?,
        )?;
        tables.insert(name, rows);
    }
    Ok(tables)
}

async fn postgres_tables(url: &str) -> sqlx::Result<BTreeMap<String, Table>> {
    let mut connection = PgConnection::connect(url).await?;
    let names: Vec<String> =
        sqlx::query_scalar("SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()")
            .fetch_all(&mut connection)
            .await?;
    let mut tables = BTreeMap::new();
    for name in names {
        let sql = format!("SELECT t::text FROM \"{name}\" t");
        let rows = read(
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                .fetch_all(&mut connection)
                .await?,
        )?;
        tables.insert(name, rows);
    }
    Ok(tables)
}

fn read<R: Row>(rows: Vec<R>) -> sqlx::Result<Table>
where
    usize: sqlx::ColumnIndex<R>,
    for<'r> String: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,
{
    let mut texts = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<sqlx::Result<Table>>()?;
    texts.sort();
    Ok(texts)
}

/// The rows of a query with one text column, sorted.
pub(crate) async fn rows(backend: Backend, url: &str, sql: &str) -> Table {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    let rows = match backend {
        Backend::Sqlite => match SqliteConnection::connect(url).await {
            Ok(mut connection) => sqlx::raw_sql(sql)
                .fetch_all(&mut connection)
                .await
                .and_then(read),
            Err(error) => Err(error),
        },
        Backend::Postgres => match PgConnection::connect(url).await {
            Ok(mut connection) => sqlx::raw_sql(sql)
                .fetch_all(&mut connection)
                .await
                .and_then(read),
            Err(error) => Err(error),
        },
    };
    rows.unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// Runs statements on the database of a stopped server.
pub(crate) async fn execute(backend: Backend, url: &str, sql: &str) {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    let done = match backend {
        Backend::Sqlite => match SqliteConnection::connect(url).await {
            Ok(mut connection) => match sqlx::raw_sql(sql).execute(&mut connection).await {
                // Closed in order, so that nothing stays in the write-ahead log.
                Ok(_) => connection.close().await,
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        },
        Backend::Postgres => match PgConnection::connect(url).await {
            Ok(mut connection) => sqlx::raw_sql(sql).execute(&mut connection).await.map(drop),
            Err(error) => Err(error),
        },
    };
    done.unwrap_or_else(|error| panic!("{url}: {error}"));
}
