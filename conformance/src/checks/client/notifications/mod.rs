//! Preferences, notifications, the priority inbox and snoozes (client-core 3 and 11).

mod inbox;
mod preferences;
mod snoozes;
mod told;

use serde_json::{Value, json};

use crate::cast::person::Person;
use crate::cast::room::Room;
use crate::check::{Check, Stop};

pub(super) fn checks() -> Vec<Check> {
    [
        preferences::checks(),
        told::checks(),
        inbox::checks(),
        snoozes::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// `sender` says something to a room that names `person`.
async fn mention(sender: &Person, room: &Room, person: &Person, body: &str) -> Result<Value, Stop> {
    let content = json!({"msgtype": "swp.text", "body": body, "mentions": [person.id()]});
    sender
        .post(room.at("/send"), json!({ "content": content }))
        .await?
        .ok()
}

/// Sets some preferences.
async fn prefer(person: &Person, change: Value) -> Result<Value, Stop> {
    person.put("/v1/me/preferences", change).await?.ok()
}
