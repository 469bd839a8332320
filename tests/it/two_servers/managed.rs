//! Inviting across servers again and again, and what admins do about it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{CONVERGENCE, Pair, shared_room};
use crate::support::{Person, PrivateCa, eventually};

/// How long something may take that nothing is in the way of: less than the minute after which all rooms are compared.
const AT_ONCE: Duration = Duration::from_secs(30);

/// Whether somebody holds an invitation to the room.
async fn is_invited(person: &Person, room: &str) -> bool {
    let open = person.api.get("/v1/me/invitations").await.data();
    let mut open = open.as_array().unwrap().iter();
    open.any(|invitation| invitation["room_id"] == json!(room))
}

pub(super) async fn membership(viewer: &Person, room: &str, of: &Person) -> Value {
    let path = format!("/v1/rooms/{room}/members?membership=all");
    let rows = viewer.api.get(&path).await.data();
    let mut rows = rows.as_array().unwrap().iter();
    let row = rows.find(|row| row["participant_id"] == json!(of.id));
    row.map_or(Value::Null, |row| row["membership"].clone())
}

#[tokio::test]
async fn who_left_is_invited_again_and_comes_back_to_everything() {
    let mut pair = Pair::start(&PrivateCa::new()).await;
    let [alice] = pair.a.people(["alice"]).await;
    let [bea] = pair.b.people(["bea"]).await;
    let room = alice.room_with("Garden", &[]).await;
    let invite = format!("/v1/rooms/{room}/invite");
    let invited = async || {
        let body = json!({ "fqid": bea.fqid });
        alice.api.post(&invite, &body).await.data();
        eventually("the invitation crosses over", AT_ONCE, async || {
            is_invited(&bea, &room).await
        })
        .await;
    };
    invited().await;
    bea.join(&room).await.data();
    bea.says(&room, "Hello").await;
    let leave = format!("/v1/rooms/{room}/leave");
    bea.api.post(&leave, &json!({})).await.data();
    eventually("the leave crosses over", AT_ONCE, async || {
        membership(&alice, &room, &bea).await == "leave"
    })
    .await;
    alice.says(&room, "She has gone").await;

    let (_, before) = bea.sync_from(0).await;
    invited().await;
    let (events, _) = bea.sync_from(before).await;
    let about: Vec<_> = events.iter().map(|event| &event["event_type"]).collect();
    assert_eq!(
        about,
        ["swp.room.member"],
        "an invitation, and nothing else"
    );
    assert!(!bea.reads(&room, "She has gone").await);
    // What came by itself does not confuse a server that reads the room from its disk.
    pair.b.restart();
    let path = format!("/v1/rooms/{room}/invitations/{}", bea.id);
    alice.api.delete(&path).await.data();
    eventually("it is taken back", AT_ONCE, async || {
        !is_invited(&bea, &room).await
    })
    .await;
    invited().await;
    bea.join(&room).await.data();
    eventually("everything is there", AT_ONCE, async || {
        bea.reads(&room, "She has gone").await
    })
    .await;
    bea.says(&room, "Back again").await;
    eventually("the room goes on", AT_ONCE, async || {
        alice.reads(&room, "Back again").await
    })
    .await;
    for server in [&mut pair.a, &mut pair.b] {
        server.stop().await;
        server.cli(&["admin", "verify"], "").done();
    }
}

#[tokio::test]
async fn who_joins_once_more_keeps_the_level() {
    let pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let room = shared_room(&alice, &anton, &of_b).await;
    let bea = &of_b[0];
    let level = format!("/v1/rooms/{room}/members/{}/power-level", bea.id);
    alice
        .api
        .put(&level, &json!({"power_level": 50}))
        .await
        .data();
    let own_level = async |server: &Person| {
        let path = format!("/v1/rooms/{room}/members");
        let rows = server.api.get(&path).await.data();
        let mut rows = rows.as_array().unwrap().iter();
        let row = rows.find(|row| row["participant_id"] == json!(bea.id));
        row.unwrap()["power_level"].clone()
    };
    eventually("the level crosses over", AT_ONCE, async || {
        own_level(bea).await == 50
    })
    .await;
    for again in ["join", "rejoin"] {
        let path = format!("/v1/rooms/{room}/{again}");
        bea.api.post(&path, &json!({})).await.data();
    }
    bea.says(&room, "still a moderator").await;
    eventually("the host has what came after", AT_ONCE, async || {
        alice.reads(&room, "still a moderator").await
    })
    .await;
    for server in [&alice, bea] {
        assert_eq!(own_level(server).await, 50);
    }
}

#[tokio::test]
async fn a_pin_that_a_guest_asks_for_is_shown_on_both_servers() {
    let pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let room = shared_room(&alice, &anton, &of_b).await;
    let said = of_b[0].says(&room, "to be kept").await;
    let said = said["id"].as_str().unwrap();
    eventually("the host has the message", AT_ONCE, async || {
        alice.reads(&room, "to be kept").await
    })
    .await;
    let pin = format!("/v1/rooms/{room}/pins/{said}");
    of_b[1].api.put(&pin, &json!({})).await.data();
    let pins = format!("/v1/rooms/{room}/pins");
    for person in [&of_b[1], &of_b[0], &alice, &anton] {
        eventually("it is pinned", AT_ONCE, async || {
            person.api.get(&pins).await.data()[0]["id"] == json!(said)
        })
        .await;
    }
    alice.api.delete(&pin).await.data();
    eventually("it is pinned no more", AT_ONCE, async || {
        of_b[0].api.get(&pins).await.data() == json!([])
    })
    .await;
}

#[tokio::test]
async fn an_invitation_of_who_left_outlives_a_rebuild() {
    let mut pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let room = shared_room(&alice, &anton, &of_b).await;
    for person in &of_b {
        let leave = format!("/v1/rooms/{room}/leave");
        person.api.post(&leave, &json!({})).await.data();
        eventually("the leave crosses over", AT_ONCE, async || {
            membership(&alice, &room, person).await == "leave"
        })
        .await;
    }
    alice.says(&room, "Between").await;
    let body = json!({ "fqid": of_b[0].fqid });
    let invite = format!("/v1/rooms/{room}/invite");
    alice.api.post(&invite, &body).await.data();
    eventually("the invitation crosses over", AT_ONCE, async || {
        is_invited(&of_b[0], &room).await
    })
    .await;
    pair.b.stop().await;
    pair.b.cli(&["admin", "verify"], "").done();
    pair.b.cli(&["admin", "rebuild"], "").done();
    pair.b.launch();
    assert!(is_invited(&of_b[0], &room).await);
    assert!(!is_invited(&of_b[1], &room).await);
    of_b[0].join(&room).await.data();
    eventually("everything is there", AT_ONCE, async || {
        of_b[0].reads(&room, "Between").await
    })
    .await;
}

#[tokio::test]
async fn admins_take_a_room_out_of_the_federation_invite_fetch_and_refresh() {
    let pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let [cem] = pair.b.people(["cem"]).await;
    let room = shared_room(&alice, &anton, &of_b).await;
    let [bea, ben] = &of_b;
    let admin = &pair.a.admin().await.api;
    let managed = |what: &str| format!("/v1/admin/rooms/{room}/{what}");
    let invite = format!("/v1/rooms/{room}/invite");

    let federate = managed("federate");
    let off = admin.post(&federate, &json!({"enabled": false})).await;
    assert_eq!(off.data()["federated"], true, "people of B are in it");
    let fqid = json!({ "fqid": cem.fqid });
    alice
        .api
        .post(&invite, &fqid)
        .await
        .refused(403, "SW_FED_REFUSED");
    ben.api
        .post(&invite, &fqid)
        .await
        .refused(403, "SW_FED_REFUSED");
    bea.says(&room, "We stay").await;
    eventually("who is there stays", CONVERGENCE, async || {
        alice.reads(&room, "We stay").await
    })
    .await;
    for person in &of_b {
        let leave = format!("/v1/rooms/{room}/leave");
        person.api.post(&leave, &json!({})).await.data();
    }
    eventually("the last one has left", CONVERGENCE, async || {
        alice.api.get(&format!("/v1/rooms/{room}")).await.data()["federated"] == false
    })
    .await;
    admin
        .post(&federate, &json!({"enabled": true}))
        .await
        .data();

    let invited = managed("federation/invite");
    let invitation = admin.post(&invited, &fqid).await.data();
    assert_eq!(invitation["invited_by"]["id"], json!(alice.id));
    eventually("the invitation crosses over", CONVERGENCE, async || {
        is_invited(&cem, &room).await
    })
    .await;
    cem.join(&room).await.data();
    let backfill = managed("federation/backfill");
    admin.post(&backfill, &json!({})).await.data();

    let name = json!({"display_name": "Cem of B"});
    cem.api.put("/v1/me", &name).await.data();
    let refresh = format!("/v1/admin/federation/foreign/{}/refresh", cem.id);
    let person = admin.post(&refresh, &json!({})).await.data();
    assert_eq!(person["display_name"], "Cem of B");
    pair.cut();
    admin
        .post(&refresh, &json!({}))
        .await
        .refused(503, "SW_SERVICE_UNAVAILABLE");
    admin
        .post(&backfill, &json!({}))
        .await
        .refused(503, "SW_SERVICE_UNAVAILABLE");
}
