//! What loses its right by a state event that comes on the same page as what it was about.

use serde_json::json;

use super::tests::{Scene, accepted, refusal, text};
use crate::catalogue::Code;
use crate::events::core::event_type::EventType;
use crate::events::model::Standing;
use crate::rooms::timeline::Receipt;

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

#[tokio::test]
async fn an_origin_without_members_goes_on_for_ten_thousand_places_and_no_further() {
    let mut scene = Scene::open().await;
    let said = scene.say("before the ban");
    assert_eq!(scene.receive(&said).await, Receipt::Accepted);
    let cutoff = json!({"b.example": {"epoch": 1, "seq": 1, "hash": said.hash()}});
    let ban = json!({
        "participant": "@bob:b.example", "membership": "ban", "power_level": 0, "seen": {}, "cutoff": cutoff,
    });
    scene.state(EventType::ROOM_MEMBER, ban);
    let ban = scene.host.log.last().unwrap().clone();
    scene.deliver("a.example", vec![ban]).await;
    let back = scene.append(
        EventType::ROOM_REDACTION,
        json!({"event_id": said.event_id, "reason": null}),
    );
    assert_eq!(scene.receive(&back).await, Receipt::Accepted);
    assert!(scene.is_redacted(said.event_id).await);

    let flood: Vec<_> = (3..=10_002).map(|_| scene.say("still here")).collect();
    for page in flood.chunks(1_000) {
        let receipts = scene.deliver("b.example", page.to_vec()).await;
        for (event, receipt) in page.iter().zip(&receipts) {
            let has_place = event.seq <= 10_001;
            assert_eq!(
                refusal(receipt),
                Some((8, Code::NotMember, has_place)),
                "{}",
                event.seq
            );
        }
    }
}
