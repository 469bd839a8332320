//! Databases of a run on a given Postgres: made for one server, removed afterwards.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use url::Url;

use super::trouble::{Result, Trouble};

/// A new, empty database.
pub struct Database {
    server: String,
    name: String,
    /// How a server reaches it.
    pub url: String,
}

impl Database {
    /// Makes one on the Postgres behind `server`, whose user must be allowed to.
    pub async fn create(server: &str) -> Result<Self> {
        let name = format!("load_{:016x}", rand::random::<u64>());
        let mut url =
            Url::parse(server).map_err(|error| Trouble(format!("--postgres: {error}")))?;
        url.set_path(&name);
        execute(server, format!("CREATE DATABASE {name}")).await?;
        Ok(Self {
            server: server.to_owned(),
            name,
            url: url.into(),
        })
    }

    /// Removes it, whoever is still connected.
    pub async fn remove(self) -> Result<()> {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        execute(&self.server, sql).await
    }
}

async fn execute(server: &str, sql: String) -> Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    connection.execute(AssertSqlSafe(sql)).await?;
    connection.close().await?;
    Ok(())
}
