//! What loses its right by a state event that comes on the same page as what it was about.

use serde_json::json;

use super::tests::{Scene, accepted, text};
use crate::events::core::event_type::EventType;
use crate::events::model::Standing;

#[tokio::test]
async fn a_redaction_that_is_cut_off_erases_nothing_that_comes_with_the_cut_off() {
    let mut scene = Scene::open().await;
    let moderator = json!({"participant": "@bob:b.example", "membership": "join", "power_level": 50, "seen": {}});
    scene.state(EventType::ROOM_MEMBER, moderator);
    let state = scene.host.log[3].clone();
    let message = scene
        .host
        .sign(5, EventType::ROOM_MESSAGE, text("to stay"), Some(&state));
    let redaction = json!({"event_id": message.event_id, "reason": null});
    let redaction = scene.append(EventType::ROOM_REDACTION, redaction);
    scene.host.log.push(message.clone());
    // The host has seen the redaction, and takes Bob's rights from before it.
    let kick = json!({
        "participant": "@bob:b.example", "membership": "leave", "power_level": 0,
        "cutoff": {"b.example": {"epoch": 1, "seq": 0, "hash": null}},
        "seen": {"b.example": {"epoch": 1, "seq": 1, "hash": redaction.hash()}},
    });
    let kick = scene
        .host
        .sign(6, EventType::ROOM_MEMBER, kick, Some(&state));

    let first = vec![state, redaction.clone()];
    assert_eq!(scene.deliver("b.example", first).await, accepted(2));
    let second = vec![message.clone(), kick];
    assert_eq!(scene.deliver("a.example", second).await, accepted(2));

    assert_eq!(scene.stored(&redaction).await.standing, Standing::Void);
    let stays = scene.stored(&message).await;
    assert_eq!(stays.event.content, Some(text("to stay")));
    assert!(!scene.is_redacted(message.event_id).await);
    scene.is_sound().await;
}
