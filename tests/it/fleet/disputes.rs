//! Somebody who goes on talking while a moderator of another server takes and gives back the right to.
//!
//! What such a person says may count or not: that depends on what the own server knew by then. It must be the same on all
//! servers.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::writers::{Ledger, persist};
use crate::support::{Api, Person};

/// What it takes to send in a room with disputes.
const TO_SEND: u8 = 10;
/// What everybody has who may.
const ENOUGH: u8 = 20;
/// How long a moderator and those concerned rest between two acts.
const REST: Duration = Duration::from_millis(150);

/// Makes sending a right that can be taken, and gives it to these people.
pub(crate) async fn prepare(host: &Person, people: impl IntoIterator<Item = &Person>, room: &str) {
    for person in people {
        let path = level_path(room, person);
        host.api
            .put(&path, &json!({"power_level": ENOUGH}))
            .await
            .data();
    }
    let path = format!("/v1/rooms/{room}/power-levels");
    host.api.put(&path, &json!({"send": TO_SEND})).await.data();
}

/// Talks, and takes and gives back the right, until no text is left to the others; in the end it is taken for good by a ban.
pub(crate) async fn dispute(
    host: &Person,
    (person, server): (&Person, usize),
    room: &str,
    ledger: &Ledger,
) {
    tokio::join!(
        moderate(&host.api, person, room, ledger),
        talk(&person.api, server, room, ledger)
    );
}

async fn moderate(host: &Api, person: &Person, room: &str, ledger: &Ledger) {
    let path = level_path(room, person);
    let mut level = ENOUGH;
    while !ledger.is_exhausted() {
        level = ENOUGH - level;
        persist(host, Method::PUT, &path, &json!({"power_level": level}))
            .await
            .data();
        tokio::time::sleep(REST).await;
    }
    let ban = format!("/v1/rooms/{room}/ban");
    let named = json!({"participant_id": person.id});
    persist(host, Method::POST, &ban, &named).await.data();
}

async fn talk(api: &Api, server: usize, room: &str, ledger: &Ledger) {
    let path = format!("/v1/rooms/{room}/send");
    for number in 0_u64.. {
        if ledger.is_exhausted() {
            return;
        }
        let text = format!("As I was saying ({number})");
        let message = json!({
            "content": {"msgtype": "swp.text", "body": text},
            "event_uuid": format!("00000000-0000-4000-9000-{number:012x}"),
        });
        let at_work = ledger.work(server).await;
        ledger.dispute(&text, None);
        let answer = persist(api, Method::POST, &path, &message).await;
        if answer.status != StatusCode::FORBIDDEN {
            let event = answer.data();
            ledger.dispute(&text, event["id"].as_str());
        }
        drop(at_work);
        tokio::time::sleep(REST).await;
    }
}

fn level_path(room: &str, person: &Person) -> String {
    format!("/v1/rooms/{room}/members/{}/power-level", person.id)
}
