//! What is said in one room about a message of another one.

use serde_json::json;

use super::cases::{is_sound, texts};
use super::{BOB, Home, Peer};
use crate::events::core::event_type::EventType;

#[tokio::test]
async fn a_redaction_of_another_rooms_message_takes_its_place_and_does_nothing() {
    let home = Home::start().await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let (first, _) = home.shared_with(&peer).await;
    let (second, mut log) = home.shared_with(&peer).await;
    let message = home.say(first, "stays").await;
    // Whoever lacks the level may not redact it, but nobody who does not hold that room could tell.
    for level in [0, 100] {
        if level == 100 {
            home.make_owner(second, BOB).await;
            log.hear(&home).await;
        }
        let content = json!({ "event_id": message, "reason": null });
        let redaction = log.write(&peer, BOB, EventType::ROOM_REDACTION, content);
        let results = peer.deliver(&home, &[redaction]).await;
        assert_eq!(results[0]["status"], "accepted", "at level {level}");
        assert_eq!(texts(&home.server, "alice", first).await, ["stays"]);
        is_sound(&home.server).await;
    }
}
