//! The two databases that every capability is tested on.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection, PgConnection};

use super::Server;

/// Which database a server keeps its data in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    Postgres,
}

impl Backend {
    pub(crate) const ALL: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        })
    }
}

/// Plays a scenario against a fresh server on each database, one after the other.
pub(crate) async fn on_both(scenario: impl AsyncFn(Server)) {
    for backend in Backend::ALL {
        eprintln!("on {backend}:");
        scenario(Server::start(backend, &[]).await).await;
    }
}

/// A Postgres database of its own, gone when this value is.
pub(crate) struct Database {
    admin_url: String,
    name: String,
}

static DATABASES: AtomicU32 = AtomicU32::new(0);

impl Database {
    pub(crate) async fn create() -> Self {
        let Ok(admin_url) = std::env::var("TEST_POSTGRES_URL") else {
            panic!(
                "TEST_POSTGRES_URL is not set: start the tests with tests/run, which brings its own Postgres"
            );
        };
        Self::create_in(admin_url).await
    }

    /// The same in another Postgres than that of `TEST_POSTGRES_URL`.
    pub(crate) async fn create_in(admin_url: String) -> Self {
        let number = DATABASES.fetch_add(1, Ordering::Relaxed);
        let name = format!("it_{}_{number}", std::process::id());
        let database = Self { admin_url, name };
        database
            .administer(&format!("CREATE DATABASE {}", database.name))
            .await;
        database
    }

    /// The address that the server under test gets.
    pub(crate) fn url(&self) -> String {
        let mut url = url::Url::parse(&self.admin_url).expect("TEST_POSTGRES_URL is a URL");
        url.set_path(&self.name);
        url.into()
    }

    async fn administer(&self, sql: &str) {
        let mut connection = PgConnection::connect(&self.admin_url)
            .await
            .expect("the Postgres answers");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (admin_url, name) = (self.admin_url.clone(), self.name.clone());
        // A runtime of its own, since the test's may be gone or busy here. What cannot be dropped is left behind:
        // the whole cluster goes at the end of tests/run.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&admin_url)
                    .await
                    .map_err(std::io::Error::other)?;
                sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
                    "DROP DATABASE {name} WITH (FORCE)"
                )))
                .execute(&mut connection)
                .await
                .map_err(std::io::Error::other)
            })
        });
        drop(dropping.join());
    }
}
