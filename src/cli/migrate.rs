//! `scaiwave migrate`: brings the database to the schema of this version.

use super::data::options;
use super::outcome::{Failure, Outcome};
use crate::config::Loaded;
use crate::db::Db;

pub(super) async fn run(loaded: Loaded) -> Result<Outcome, Failure> {
    let db = Db::open(&options(&loaded.config))
        .await
        .map_err(Failure::failed)?;
    db.close().await;
    Ok(Outcome {
        text: "The database has the schema of this version.".to_owned(),
        ..Outcome::silent()
    })
}
