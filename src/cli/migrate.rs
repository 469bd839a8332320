//! `scaiwave migrate`: brings the database to the schema of this version.

use super::outcome::{Failure, Outcome};
use crate::config::{DatabaseSettings, Loaded};
use crate::db::{Db, DbOptions};

pub(super) async fn run(loaded: Loaded) -> Result<Outcome, Failure> {
    let DatabaseSettings { url, pool } = loaded.config.database;
    let url = url.as_str().to_owned();
    let opened = Db::open(&DbOptions { url, pool }).await;
    let db = opened.map_err(|error| Failure::because("cannot migrate", &error))?;
    db.close().await;
    Ok(Outcome {
        text: "The database has the schema of this version.".to_owned(),
        ..Outcome::silent()
    })
}
