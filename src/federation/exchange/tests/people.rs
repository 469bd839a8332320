//! What a peer may find out about people, and what it shows of its own.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BOB, Home, Peer, shared};
use crate::app::test_server::START;
use crate::events::core::event_type::EventType;
use crate::federation::core::policy::PolicyChange;
use crate::participants::{Kind, Participant};
use crate::rooms::profiles;

async fn names(peer: &Peer, home: &Home, query: &str) -> Vec<Value> {
    let (status, body) = peer.get(home, &format!("/directory?{query}")).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let profiles = body["profiles"].as_array().unwrap().iter();
    profiles.map(|profile| profile["fqid"].clone()).collect()
}

#[tokio::test]
async fn the_directory_is_closed_until_an_admin_opens_it() {
    let home = Home::start().await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let (status, body) = peer.get(&home, "/directory?q=alice").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert_eq!(body["error"]["code"], "SW_FED_REFUSED");

    home.policy(PolicyChange {
        open_directory: Some(true),
        ..PolicyChange::default()
    })
    .await;
    home.server.create("anton", &[]).await;
    assert_eq!(names(&peer, &home, "q=ALI").await, ["@alice:a.example"]);
    let all = names(&peer, &home, "q=a").await;
    assert_eq!(all, ["@alice:a.example", "@anton:a.example"]);
    assert_eq!(names(&peer, &home, "q=a&limit=1").await.len(), 1);
    let by_mail = names(&peer, &home, "q=example.org").await;
    assert!(by_mail.is_empty(), "addresses are not searched");
    for query in ["", "q=", "q=a&limit=51", "q=a&limit=0"] {
        let (status, _) = peer.get(&home, &format!("/directory?{query}")).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
    }
}

/// Somebody's profile under this name.
fn profile(peer: &Peer, fqid: &str, display_name: &str, ts: i64) -> Value {
    profile_of(Kind::Human, peer, fqid, display_name, ts)
}

pub(super) fn profile_of(
    kind: Kind,
    peer: &Peer,
    fqid: &str,
    display_name: &str,
    ts: i64,
) -> Value {
    let person = Participant {
        id: crate::events::core::ids::ParticipantId::derive(&fqid.parse().unwrap()),
        fqid: fqid.parse().unwrap(),
        kind,
        is_local: true,
        display_name: display_name.to_owned(),
        avatar_url: None,
        bio: None,
        model_id: None,
        suspended: false,
    };
    profiles::signed(&person, &peer.key, ts).unwrap()
}

#[tokio::test]
async fn the_latest_profile_that_a_person_shows_counts() {
    let (home, peer, _, mut log) = shared().await;
    let path = format!("/v1/profiles/{BOB}");
    let name = async || {
        let shown = home.ask(Method::GET, &path, json!({})).await;
        shown["display_name"].clone()
    };
    let mut show = async |content: Value| {
        let event = log.write(&peer, BOB, EventType::ROOM_PROFILE, content);
        let results = peer.deliver(&home, &[event]).await;
        results[0]["status"].clone()
    };
    let of = |display_name, ts| json!({ "profile": profile(&peer, BOB, display_name, ts) });
    assert_eq!(show(of("Robert", START + 2)).await, "accepted");
    assert_eq!(name().await, "Robert");
    assert_eq!(show(of("Old Bob", START + 1)).await, "accepted");
    assert_eq!(name().await, "Robert");
    let alice = profile(&peer, "@alice:a.example", "Mallory", START + 3);
    assert_eq!(show(json!({ "profile": alice })).await, "accepted");
    assert_eq!(name().await, "Robert");
    assert_eq!(show(json!({"profile": "Bob"})).await, "rejected");
    assert_eq!(show(of("Bobby", START + 4)).await, "accepted");
    assert_eq!(name().await, "Bobby");
    let own = home.ask(Method::GET, "/v1/me", json!({})).await;
    assert_eq!(own["display_name"], "alice");
}
