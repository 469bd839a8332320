//! This server's own log, as it comes back from others after a restore.

use serde_json::json;

use super::tests::{Scene, refusal, text};
use crate::app::test_server::START;
use crate::catalogue::Code;
use crate::events::core::event_type::EventType;
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::{Draft, Verified};
use crate::rooms::core::content::OriginKey;
use crate::rooms::timeline::Receipt;

/// A message of ours for the first place of our log, signed with `key`.
fn first_of_ours(scene: &Scene, key: &KeyPair) -> Verified<crate::events::core::event::Event> {
    let tenant = scene.server.app.tenants().first().unwrap();
    let state = scene.host.log.last().unwrap();
    let draft = Draft {
        room_id: state.room_id,
        origin: tenant.server_name().clone(),
        sender: format!("@carol:{}", tenant.server_name()).parse().ok(),
        event_type: EventType::ROOM_MESSAGE,
        content: text("before the restore"),
        epoch: 1,
        seq: 1,
        prev: None,
        ts: START,
        state_seq: state.seq,
        state_hash: Some(state.hash()),
        salt: [7; 16],
    };
    draft.sign(key).unwrap()
}

/// The host lets somebody of this server in, and names this key for its log.
async fn lets_in(scene: &mut Scene, key: &KeyPair) {
    let tenant = scene.server.app.tenants().first().unwrap();
    let carol = json!({
        "participant": format!("@carol:{}", tenant.server_name()), "membership": "join", "power_level": 0, "seen": {},
        "after": {"epoch": 1, "seq": 0, "hash": null}, "key": OriginKey::of(key.public_key()),
    });
    scene.state(EventType::ROOM_MEMBER, carol);
    let join = scene.host.log.last().unwrap().clone();
    assert_eq!(
        scene.deliver("a.example", vec![join]).await,
        [Receipt::Accepted]
    );
}

#[tokio::test]
async fn it_comes_back_from_its_first_event_on() {
    let mut scene = Scene::open().await;
    let tenant = scene.server.app.tenants().first().unwrap();
    let key = scene.server.app.keys().current(&tenant).unwrap();
    lets_in(&mut scene, &key).await;
    let said = first_of_ours(&scene, &key);
    assert_eq!(
        scene.deliver("b.example", vec![said]).await,
        [Receipt::Accepted]
    );
    scene.is_sound().await;
}

#[tokio::test]
async fn a_host_that_names_another_key_for_it_cannot_write_it() {
    let mut scene = Scene::open().await;
    let made_up = KeyPair::from_seed(&[9; 32]);
    lets_in(&mut scene, &made_up).await;
    let said = first_of_ours(&scene, &made_up);
    let receipts = scene.deliver("a.example", vec![said]).await;
    let refused = Some((7, Code::FedSignatureMismatch, false));
    assert_eq!(refusal(&receipts[0]), refused);
}
