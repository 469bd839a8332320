//! What a server made of a room in the end, from its rows: for comparing with what somebody else says.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::app::App;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::core::names::Fqid;

/// A room's end.
pub(crate) struct End {
    /// The verdict on each event that has a place.
    pub(crate) verdicts: BTreeMap<EventId, String>,
    /// Logs that are frozen.
    pub(crate) frozen: Vec<String>,
    /// By FQID, membership and level.
    pub(crate) members: Value,
    /// State, edit window and thresholds.
    pub(crate) room: Value,
    /// What is shown of each message that counts.
    pub(crate) messages: BTreeMap<EventId, Value>,
}

impl End {
    /// Reads it from the store.
    pub(crate) async fn of(app: &App, room_id: RoomId) -> End {
        let rows = async |sql| {
            let query = sqlx::query(sql).bind(room_id.to_string());
            query.fetch_all(app.db().reader()).await.unwrap()
        };
        let events = rows("SELECT event_id, verdict FROM events WHERE room_id = $1").await;
        let logs =
            rows("SELECT origin FROM logs WHERE room_id = $1 AND forked_at IS NOT NULL").await;
        let people =
            rows("SELECT fqid, membership, power_level FROM members WHERE room_id = $1").await;
        let room =
            rows("SELECT state, edit_window_seconds, power_levels FROM rooms WHERE id = $1").await;
        let messages = rows(
            "SELECT e.event_id, e.content AS original, c.content AS edited, c.redaction_order AS redacted FROM events e
             LEFT JOIN message_changes c ON c.event_id = e.event_id
             WHERE e.room_id = $1 AND e.type = 'swp.room.message' AND e.verdict = 'valid'",
        )
        .await;
        let reactions = rows(
            "SELECT r.event_id, r.emoji, r.participant_id FROM reactions r JOIN events e ON e.event_id = r.event_id
             WHERE e.room_id = $1 AND r.active = 1",
        )
        .await;
        let persons: BTreeMap<String, String> = people
            .iter()
            .map(|row| text(row, "fqid"))
            .map(|fqid| (participant_id(&fqid), fqid))
            .collect();
        let members = people.iter().map(|row| {
            let level: i64 = row.get("power_level");
            let member = json!({"membership": text(row, "membership"), "power_level": level});
            (text(row, "fqid"), member)
        });
        let shown = messages.iter().map(|row| {
            let id = id(row);
            let of_message = reactions.iter().filter(|reaction| self::id(reaction) == id);
            let mut of_message: Vec<_> = of_message
                .map(|row| (text(row, "emoji"), &persons[&text(row, "participant_id")]))
                .collect();
            of_message.sort();
            (id, message(row, json!(of_message)))
        });
        End {
            verdicts: events
                .iter()
                .map(|row| (id(row), text(row, "verdict").to_uppercase()))
                .collect(),
            frozen: logs.iter().map(|row| text(row, "origin")).collect(),
            members: members.collect(),
            room: room.first().map(rights).unwrap_or_default(),
            messages: shown.collect(),
        }
    }
}

fn rights(row: &AnyRow) -> Value {
    let levels: Value = serde_json::from_str(&text(row, "power_levels")).unwrap();
    let window: i64 = row.get("edit_window_seconds");
    json!({"state": text(row, "state"), "edit_window_seconds": window, "power_levels": levels})
}

/// A redacted message shows nothing; its edits went with it.
fn message(row: &AnyRow, reactions: Value) -> Value {
    let content = |name| row.get::<Option<String>, _>(name);
    let is_redacted = content("redacted").is_some();
    let original = content("original");
    let is_erased = is_redacted && original.is_none();
    let shown = content("edited")
        .filter(|_| original.is_some())
        .or(original);
    let shown: Option<Value> = shown.map(|text| serde_json::from_str(&text).unwrap());
    match is_redacted {
        true => json!({"content": null, "erased": is_erased, "reactions": []}),
        false => json!({"content": shown, "erased": false, "reactions": reactions}),
    }
}

fn id(row: &AnyRow) -> EventId {
    text(row, "event_id").parse().unwrap()
}

fn participant_id(fqid: &str) -> String {
    let fqid: Fqid = fqid.parse().unwrap();
    ParticipantId::derive(&fqid).to_string()
}

fn text(row: &AnyRow, column: &str) -> String {
    row.get(column)
}
