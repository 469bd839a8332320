//! A Postgres that is away for a while: what needs it is refused meanwhile, and nobody has to restart the server.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::{A, B, BACKENDS, C, SLOWLY, Stage};
use crate::fleet::Fleet;
use crate::support::{Postgres, PrivateCa, skipped};

const SOME: usize = 10;
/// How long a server may wait for its database before it says that there is none.
const ANSWERED: Duration = Duration::from_secs(45);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_restarted_costs_nothing_but_time() {
    let Some(postgres) = tokio::task::block_in_place(Postgres::start) else {
        return skipped(
            "a Postgres that is restarted",
            "initdb is not on this machine",
        );
    };
    let ca = PrivateCa::new();
    let mut fleet = Fleet::prepare(&BACKENDS, &ca).await;
    fleet.servers[B].keep_data_in(&postgres).await;
    let stage = Stage::open(fleet, &ca, SLOWLY).await;
    let [bea, _] = &stage.cast.people[B];
    let path = format!("/v1/rooms/{}/send", stage.room);
    let message = json!({"content": {"msgtype": "swp.text", "body": "into the void"}});
    stage.progress(&[A, B, C], SOME).await;
    tokio::task::block_in_place(|| postgres.crash());
    let asking = bea.api.try_call(Method::POST, &path, Some(&message));
    let answer = tokio::time::timeout(ANSWERED, asking).await;
    let answer = answer.expect("an answer comes in time").unwrap();
    answer.refused(503, "SW_SERVICE_UNAVAILABLE");
    let history = format!("/v1/rooms/{}/messages", stage.room);
    let answer = bea.api.get(&history).await;
    answer.refused(503, "SW_SERVICE_UNAVAILABLE");
    // The others do not wait for B.
    stage.progress(&[A, C], SOME).await;
    tokio::task::block_in_place(|| postgres.resume());
    stage.progress(&[B], SOME).await;
    stage.close().await;
}
