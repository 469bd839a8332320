//! A peer that delivers more than its share, and the others meanwhile.

use http::StatusCode;
use serde_json::{Value, json};

use super::{BOB, Home, Log, Peer, shared};
use crate::events::core::event_type::EventType;

const CEM: &str = "@cem:c.example";

async fn delivers(home: &Home, peer: &Peer, events: &[Value]) -> (StatusCode, Value) {
    let body = json!({ "events": events }).to_string();
    peer.ask(home, "POST", "/send", body.as_bytes()).await
}

fn says(log: &mut Log, peer: &Peer, sender: &str) -> Value {
    let content = json!({ "body": "hello" });
    log.write(peer, sender, EventType::ROOM_MESSAGE, content)
}

fn too_many((status, body): &(StatusCode, Value), bucket: &str) {
    assert_eq!(*status, StatusCode::TOO_MANY_REQUESTS, "{body}");
    assert_eq!(body["error"]["code"], "SW_RATE_LIMIT_EXCEEDED");
    assert_eq!(body["error"]["details"]["bucket"], bucket);
}

#[tokio::test]
async fn who_has_too_many_requests_under_way_comes_again_and_nobody_else_has_to() {
    let (home, b, room, mut of_b) = shared().await;
    let c = Peer::allowed(&home, "c.example", 3).await;
    home.invite(room, CEM).await;
    let mut of_c = Log::of(&home, room).await;
    c.join(&home, room, "cem", &of_c).await;
    of_c.hear(&home).await;
    let federation = home.server.app.federation();
    let more = || federation.shares().request(&home.tenant(), &b.name);
    let under_way: Vec<_> = std::iter::from_fn(more).collect();

    let event = says(&mut of_b, &b, BOB);
    let refused = delivers(&home, &b, std::slice::from_ref(&event)).await;
    too_many(&refused, "peer_requests");
    let of_c = says(&mut of_c, &c, CEM);
    let (_, body) = delivers(&home, &c, &[of_c]).await;
    assert_eq!(body["results"][0]["status"], "accepted");
    drop(under_way);
    let (_, body) = delivers(&home, &b, &[event]).await;
    assert_eq!(body["results"][0]["status"], "accepted");
}

#[tokio::test]
async fn the_events_of_a_peer_have_their_rate() {
    let home = Home::with(&[("SCAIWAVE_RATE_PEER_EVENTS", "60")]).await;
    let b = Peer::allowed(&home, "b.example", 2).await;
    let (_, mut log) = home.shared_with(&b).await;
    let events: Vec<Value> = (0..70).map(|_| says(&mut log, &b, BOB)).collect();
    let (status, _) = delivers(&home, &b, &events[..58]).await;
    assert_eq!(status, StatusCode::OK);
    let refused = delivers(&home, &b, &events[58..]).await;
    too_many(&refused, "peer_events");
    // Nothing of the refused request was taken.
    let (_, body) = delivers(&home, &b, &events[58..60]).await;
    assert_eq!(body["results"][1]["status"], "accepted");
    home.server.clock.advance(10_000);
    let (_, body) = delivers(&home, &b, &events[60..]).await;
    assert_eq!(body["results"][9]["status"], "accepted");
}
