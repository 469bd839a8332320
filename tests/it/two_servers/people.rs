//! How people look on another server: names, mentions, the directory.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::managed::membership;
use super::{CONVERGENCE, Pair, shared_room};
use crate::support::{Person, PrivateCa, Server, Socket, eventually};

async fn named(person: &Person, display_name: &str) {
    let change = json!({ "display_name": display_name });
    person.api.put("/v1/me", &change).await.data();
}

/// How `other` looks to `viewer`.
async fn looks(viewer: &Person, other: &Person) -> Value {
    let path = format!("/v1/profiles/{}", other.id);
    viewer.api.get(&path).await.data()
}

/// The full names that a search in the directory finds.
async fn found(person: &Person, query: &str) -> Vec<Value> {
    let path = format!("/v1/directory/participants?{query}");
    let people = person.api.get(&path).await.data();
    let people = people.as_array().unwrap().iter();
    people.map(|person| person["fqid"].clone()).collect()
}

async fn mentions(person: &Person, room: &str) -> Value {
    let path = format!("/v1/rooms/{room}");
    person.api.get(&path).await.data()["mention_count"].clone()
}

async fn mention(sender: &Person, room: &str, whom: &Person) {
    let content = json!({"body": format!("@{}: look", whom.fqid), "mentions": [whom.id]});
    sender
        .send(room, &json!({ "content": content }))
        .await
        .data();
}

#[tokio::test]
async fn a_new_name_and_mentions_cross_over() {
    let ca = PrivateCa::new();
    let pair = Pair::start(&ca).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let bea = &of_b[0];
    let room = shared_room(&alice, &anton, &of_b).await;
    let shown = looks(&alice, bea).await;
    assert_eq!(shown["participant_type"], "federated");
    assert_eq!(shown["fqid"], json!(bea.fqid));

    let tls = ca.client_config();
    let mut socket = Socket::try_open(&alice.api, None, Some(&tls))
        .await
        .unwrap();
    named(bea, "Beatrix").await;
    loop {
        let frame = socket.next_of("swp.participant.updated").await;
        if frame["participant"]["display_name"] == "Beatrix" {
            assert_eq!(frame["participant"]["fqid"], json!(bea.fqid));
            break;
        }
    }
    assert_eq!(looks(&alice, bea).await["display_name"], "Beatrix");
    let texts: Vec<_> = alice.history(&room).await;
    let joined = texts
        .iter()
        .any(|event| event["content"]["body"] == format!("{} joined", bea.fqid));
    assert!(
        joined,
        "people of other servers are named in full: {texts:?}"
    );

    for (sender, whom) in [(bea, &alice), (&alice, bea)] {
        assert_eq!(mentions(whom, &room).await, 0);
        mention(sender, &room, whom).await;
        eventually("the mention counts", CONVERGENCE, async || {
            mentions(whom, &room).await == 1
        })
        .await;
        assert_eq!(mentions(&anton, &room).await, 0);
    }
}

#[tokio::test]
async fn whoever_is_invited_is_known_by_name_before_joining() {
    let pair = Pair::start(&PrivateCa::new()).await;
    let [alice] = pair.a.people(["alice"]).await;
    let [bea, ben] = pair.b.people(["bea", "ben"]).await;
    named(&bea, "Beatrix").await;
    named(&ben, "Benedict").await;
    let room = alice.room_with("Shared", &[]).await;
    let invite = format!("/v1/rooms/{room}/invite");
    alice
        .api
        .post(&invite, &json!({ "fqid": bea.fqid }))
        .await
        .data();
    let dm = json!({ "fqid": ben.fqid });
    let dm = alice.api.post("/v1/me/federated-dms", &dm).await.data();
    eventually("both are known", CONVERGENCE, async || {
        looks(&alice, &bea).await["display_name"] == "Beatrix"
            && looks(&alice, &ben).await["display_name"] == "Benedict"
    })
    .await;
    let dm = dm["id"].as_str().unwrap();
    for (room, person) in [(room.as_str(), &bea), (dm, &ben)] {
        assert_eq!(membership(&alice, room, person).await, "invite");
    }
}

async fn opens_directory(server: &Server, open: bool) {
    let policy = json!({ "open_directory": open });
    let admin = server.admin().await;
    admin
        .api
        .put("/v1/admin/federation/policy", &policy)
        .await
        .data();
}

#[tokio::test]
async fn the_directory_finds_people_of_servers_that_let_others_look() {
    let pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let [cem, cleo] = pair.b.people(["cem", "cleo"]).await;
    shared_room(&alice, &anton, &of_b).await;
    named(&cem, "Cem the Gardener").await;
    let email = json!({"email": "hidden@garden.example"});
    let path = format!("/v1/admin/users/{}", cleo.id);
    let of_admin = &pair.b.admin().await.api;
    of_admin.patch(&path, &email).await.data();
    opens_directory(&pair.b, true).await;

    assert!(found(&alice, "q=garden").await.is_empty());
    let both = found(&alice, "q=GARDEN&include_federated=true").await;
    assert_eq!(both, [json!(cem.fqid)], "by name, never by e-mail");
    let known = found(&alice, "q=bea&include_federated=true").await;
    assert_eq!(known, [json!(of_b[0].fqid)]);

    pair.cut();
    let began = Instant::now();
    let known = found(&alice, "q=cem&include_federated=true").await;
    assert_eq!(known, [json!(cem.fqid)], "what is known is known");
    assert!(began.elapsed() < Duration::from_secs(10));
    pair.restore();

    opens_directory(&pair.b, false).await;
    let none = found(&alice, "q=cleo&include_federated=true").await;
    assert!(none.is_empty());
}
