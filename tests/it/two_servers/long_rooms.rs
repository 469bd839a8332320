//! Whoever joins a room with a long history need not wait for that: the state comes first, then what was said.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Pair, arrives};
use crate::fleet::compare::heads_are_equal;
use crate::support::{Person, PrivateCa, Server, eventually, rows};

/// How long it takes at most until the other side knows.
const SOON: Duration = Duration::from_secs(60);
/// More than is fetched while somebody waits.
const MESSAGES: usize = 1_200;

/// How many events at once the server lets others fetch; 0: none.
async fn lets_fetch(server: &Server, most: usize) {
    let policy = json!({"max_backfill_events_per_request": most});
    let admin = &server.admin().await.api;
    let answer = admin.put("/v1/admin/federation/policy", &policy).await;
    answer.data();
}

/// Much is said in the room, and somebody comes and goes.
async fn long_ago(alice: &Person, anton: &Person) -> String {
    let room = alice.room_with("Garden", &[anton]).await;
    let texts: Vec<String> = (0..MESSAGES)
        .map(|number| format!("text {number}"))
        .collect();
    let (early, late) = texts.split_at(MESSAGES / 2);
    futures::future::join_all(early.iter().map(|text| alice.says(&room, text))).await;
    anton.says(&room, "I was here").await;
    let path = format!("/v1/rooms/{room}/leave");
    anton.api.post(&path, &json!({})).await.data();
    let name = json!({"name": "Orchard"});
    let named = alice
        .api
        .put(&format!("/v1/rooms/{room}/name"), &name)
        .await;
    named.data();
    futures::future::join_all(late.iter().map(|text| alice.says(&room, text))).await;
    let regretted = alice.says(&room, "better unsaid").await;
    let event = regretted["id"].as_str().unwrap();
    let path = format!("/v1/rooms/{room}/events/{event}/redact");
    alice.api.post(&path, &json!({})).await.data();
    room
}

fn texts_of(bodies: Vec<String>) -> Vec<String> {
    let mut bodies = bodies;
    bodies.sort();
    bodies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_room_is_joined_by_its_state_and_what_was_said_comes_after() {
    let mut pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let [bea] = pair.b.people(["bea"]).await;
    let room = long_ago(&alice, &anton).await;
    lets_fetch(&pair.a, 0).await;
    let invite = format!("/v1/rooms/{room}/invite");
    let invited = alice.api.post(&invite, &json!({"fqid": bea.fqid})).await;
    invited.data();
    eventually("the invitation crosses over", SOON, async || {
        let open = bea.api.get("/v1/me/invitations").await.data();
        !open.as_array().unwrap().is_empty()
    })
    .await;

    bea.join(&room).await.data();
    assert_eq!(bea.room(&room).await["name"], "Orchard");
    let members = bea.api.get(&format!("/v1/rooms/{room}/members")).await;
    let members = members.data();
    let names: Vec<&Value> = members
        .as_array()
        .unwrap()
        .iter()
        .map(|member| &member["participant"]["fqid"])
        .collect();
    assert!(names.contains(&&json!(alice.fqid)) && names.contains(&&json!(bea.fqid)));
    assert!(!names.contains(&&json!(anton.fqid)), "{names:?}");
    bea.says(&room, "what did I miss?").await;
    arrives(&alice, &room, "what did I miss?", SOON).await;
    alice.says(&room, "a lot").await;
    arrives(&bea, &room, "a lot", SOON).await;
    assert!(!bea.reads(&room, "text 7").await, "nothing was fetched yet");

    pair.b.stop().await;
    let gaps = "SELECT CAST(COUNT(*) AS TEXT) FROM log_gaps";
    let count = async |server: &Server| rows(server.backend(), &server.database_url(), gaps).await;
    assert_ne!(count(&pair.b).await, ["0"]);
    pair.b.cli(&["admin", "verify"], "").done();
    lets_fetch(&pair.a, 100).await;
    tokio::task::block_in_place(|| pair.b.launch());
    let all = texts_of(alice.bodies(&room).await);
    assert_eq!(all.len(), MESSAGES + 4);
    eventually("everything that was said is there", SOON, async || {
        texts_of(bea.bodies(&room).await) == all
    })
    .await;
    let shown = bea.room(&room).await;
    assert_eq!(shown["name"], "Orchard");
    let unread = "one answer to what bea has said; nobody has to read the history";
    assert_eq!(shown["unread_count"], 1, "{unread}");

    pair.a.stop().await;
    pair.b.stop().await;
    assert_eq!(count(&pair.b).await, ["0"]);
    heads_are_equal(&[&pair.a, &pair.b], &room).await;
    pair.b.cli(&["admin", "verify"], "").done();
    pair.b.cli(&["admin", "rebuild"], "").done();
    tokio::task::block_in_place(|| pair.b.launch());
    assert_eq!(texts_of(bea.bodies(&room).await), all);
}
