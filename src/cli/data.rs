//! Opening the data for commands that only read, which work beside a running server too.

use super::outcome::Failure;
use crate::config::Config;
use crate::db::{Db, DbOptions};

/// How a command reaches the database of these settings.
pub(super) fn options(config: &Config) -> DbOptions {
    DbOptions {
        url: config.database.url.as_str().to_owned(),
        pool: config.database.pool,
    }
}

/// Opens a database that is there and up to date; makes and changes nothing.
pub(super) async fn open_to_read(config: &Config) -> Result<Db, Failure> {
    Db::open_existing(&options(config))
        .await
        .map_err(Failure::failed)
}
