//! An event that lies too far ahead of this server's clock is fetched when the clock allows it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{BOB, Home, Peer};
use crate::app::test_server::START;
use crate::events::core::event_type::EventType;
use crate::events::store;
use crate::federation::client::fake_peer::FakePeer;
use crate::federation::exchange::errands;

fn ok(body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_event_ahead_of_the_clock_is_fetched_as_soon_as_the_clock_allows_it() {
    let mut fake = FakePeer::plain(ok(&json!({ "heads": {} }))).await;
    let url = format!("b.example=http://{}", fake.address);
    let home = Home::with(&[("SCAIWAVE_FEDERATION_PEER_URLS", &url)]).await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let (_, log) = home.shared_with(&peer).await;
    let mut draft = log.draft(
        &peer,
        BOB,
        EventType::ROOM_MESSAGE,
        json!({ "body": "early" }),
    );
    draft.ts = START + 90_000;
    let event = draft.sign(&peer.key).unwrap();
    let head = json!({ "epoch": 1, "seq": 1, "hash": event.hash() });
    let heads = json!({ "heads": { "b.example": head } });
    let page = json!({ "events": [event.to_value()], "has_more": false });
    fake.respond_from_now_on(move |received| {
        let is_heads = received.line.contains("/heads");
        ok(if is_heads { &heads } else { &page })
    });
    let (app, tenant) = (&home.server.app, home.tenant());
    let is_here = async || {
        let found = store::by_id(&tenant, app.db().reader(), event.event_id);
        found.await.unwrap().is_some()
    };

    let results = peer.deliver(&home, &[event.to_value()]).await;
    assert_eq!(results[0]["status"], "pending");
    // Comparing at once brings the event, and it is still too early.
    until("the room is compared", async || errands::is_idle(app)).await;
    assert!(fake.new_requests() > 0);
    home.server.clock.advance(29_999);
    errands::keep_appointments(app);
    assert!(errands::is_idle(app), "a moment too early");
    home.server.clock.advance(1);
    errands::keep_appointments(app);
    until("the event comes", is_here).await;
    assert!(fake.new_requests() > 0);
}
