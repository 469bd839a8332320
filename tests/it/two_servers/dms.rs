//! DMs between two servers.

use std::time::Duration;

use serde_json::{Value, json};

use super::{CONVERGENCE, Pair, shared_room};
use crate::support::{Person, PrivateCa, eventually, rows};

/// How long something may take that nothing is in the way of: less than the minute after which all rooms are compared.
const AT_ONCE: Duration = Duration::from_secs(30);

async fn asks_for_dm(person: &Person, other: &Person) -> Value {
    let body = json!({ "participant_id": other.id });
    person.api.post("/v1/rooms/dm", &body).await.data()
}

async fn dm_id(person: &Person, other: &Person) -> String {
    let room = asks_for_dm(person, other).await;
    room["id"].as_str().unwrap().to_owned()
}

async fn leaves(person: &Person, room: &str) {
    let path = format!("/v1/rooms/{room}/leave");
    person.api.post(&path, &json!({})).await.data();
}

/// Levels and memberships of a DM, by full name.
async fn people(person: &Person, room: &str) -> Vec<(Value, Value, Value)> {
    let path = format!("/v1/rooms/{room}/members?membership=all");
    let rows = person.api.get(&path).await.data();
    let rows = rows.as_array().unwrap().iter();
    let mut people: Vec<_> = rows
        .map(|row| {
            let fqid = row["participant"]["fqid"].clone();
            (fqid, row["membership"].clone(), row["power_level"].clone())
        })
        .collect();
    people.sort_by_key(|(fqid, ..)| fqid.to_string());
    people
}

#[tokio::test]
async fn two_people_have_one_dm_whoever_asks_and_a_message_brings_back_who_left() {
    let pair = Pair::start(&PrivateCa::new()).await;
    let [alice] = pair.a.people(["alice"]).await;
    let [bea] = pair.b.people(["bea"]).await;
    let named = json!({ "fqid": bea.fqid });
    let nobody = json!({ "fqid": bea.fqid.replace("bea", "nobody") });
    let path = "/v1/me/federated-dms";
    alice
        .api
        .post(path, &nobody)
        .await
        .refused(404, "SW_NOT_FOUND");
    let made = alice.api.post(path, &named).await.data();
    let room = made["id"].as_str().unwrap();
    // A stranger's server tells no more than that there is such a person.
    assert_eq!(made["display_name"], "bea");
    assert_eq!(made["notification_mode"], "all");
    alice.says(room, "Hello Bea").await;

    eventually("the invitation crosses over", AT_ONCE, async || {
        bea.room(room).await["membership"] == "invite"
    })
    .await;
    let invited = bea.room(room).await;
    assert_eq!(invited["room_type"], "dm");
    // Asking for a DM is accepting the one that there is.
    let same = asks_for_dm(&bea, &alice).await;
    assert_eq!(same["id"], json!(room));
    assert_eq!(same["membership"], "join");
    assert_eq!(same["display_name"], "Alice");
    eventually("the first message is there", AT_ONCE, async || {
        bea.reads(room, "Hello Bea").await
    })
    .await;
    let expected: Vec<_> = [&alice.fqid, &bea.fqid]
        .map(|fqid| (json!(fqid), json!("join"), json!(100)))
        .into();
    for person in [&alice, &bea] {
        assert_eq!(people(person, room).await, expected);
    }
    assert_eq!(alice.room(room).await["display_name"], "Bea");
    let third = json!({ "fqid": bea.fqid.replace("bea", "ben") });
    bea.api
        .post(&format!("/v1/rooms/{room}/invite"), &third)
        .await
        .refused(400, "SW_ROOM_TYPE_INVARIANT");
    bea.api
        .put(&format!("/v1/rooms/{room}/topic"), &json!({"topic": "x"}))
        .await
        .refused(400, "SW_ROOM_TYPE_INVARIANT");

    for (gone, left) in [(&bea, &alice), (&alice, &bea)] {
        leaves(gone, room).await;
        eventually("the other sees it", AT_ONCE, async || {
            let relations = people(left, room).await;
            relations.contains(&(json!(gone.fqid), json!("leave"), json!(100)))
        })
        .await;
        let text = format!("Come back, {}", gone.fqid);
        left.says(room, &text).await;
        let back = format!("who left is back: {}", gone.fqid);
        eventually(&back, AT_ONCE, async || {
            gone.room(room).await["membership"] == "join" && gone.reads(room, &text).await
        })
        .await;
        let answer = format!("Here I am: {}", gone.fqid);
        gone.says(room, &answer).await;
        // Before the other one leaves, or it would bring them back.
        eventually("the answer crosses over", AT_ONCE, async || {
            left.reads(room, &answer).await
        })
        .await;
    }
    pair.a.cli(&["admin", "verify"], "").done();
    pair.b.cli(&["admin", "verify"], "").done();
}

#[tokio::test]
async fn two_dms_made_at_the_same_moment_become_one_and_nothing_is_lost() {
    let mut pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    shared_room(&alice, &anton, &of_b).await;
    let bea = &of_b[0];

    pair.cut();
    let (by_alice, by_bea) = (dm_id(&alice, bea).await, dm_id(bea, &alice).await);
    assert_ne!(by_alice, by_bea, "neither waits for the other server");
    alice.says(&by_alice, "from Alice").await;
    bea.says(&by_bea, "from Bea").await;
    pair.restore();

    let created = async |person: &Person, room: &str| {
        let room = person.room(room).await;
        (room["created_at"].to_string(), room["id"].to_string())
    };
    let first = created(&alice, &by_alice).await < created(bea, &by_bea).await;
    let (kept, other) = match first {
        true => (&by_alice, &by_bea),
        false => (&by_bea, &by_alice),
    };
    for person in [&alice, bea] {
        eventually(
            "both are in both, and one is archived",
            CONVERGENCE,
            async || {
                let (kept, other) = (person.room(kept).await, person.room(other).await);
                kept["membership"] == "join"
                    && kept["state"] == "open"
                    && kept["member_count"] == 2
                    && other["membership"] == "join"
                    && other["state"] == "archived"
            },
        )
        .await;
        for (room, text) in [(&by_alice, "from Alice"), (&by_bea, "from Bea")] {
            eventually("what was said is there", CONVERGENCE, async || {
                person.reads(room, text).await
            })
            .await;
        }
    }
    assert_eq!(&dm_id(&alice, bea).await, kept);
    assert_eq!(&dm_id(bea, &alice).await, kept);
    let messages = alice.says(kept, "One room").await;
    assert_eq!(messages["room_id"], json!(kept));
    eventually("it goes on in the one", CONVERGENCE, async || {
        bea.reads(kept, "One room").await
    })
    .await;

    for server in [&mut pair.a, &mut pair.b] {
        server.stop().await;
        let sql = "SELECT first_id || other_id || room_id FROM dms";
        let before = rows(server.backend(), &server.database_url(), sql).await;
        server.cli(&["admin", "rebuild"], "").done();
        let after = rows(server.backend(), &server.database_url(), sql).await;
        assert_eq!(before, after);
    }
}

#[tokio::test]
async fn who_appears_offline_is_seen_by_whom_they_wrote_to_on_another_server_alone() {
    let pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    shared_room(&alice, &anton, &of_b).await;
    let [bea, ben] = &of_b;
    let room = dm_id(&alice, bea).await;
    eventually("the invitation crosses over", CONVERGENCE, async || {
        bea.room(&room).await["membership"] == "invite"
    })
    .await;
    asks_for_dm(bea, &alice).await;
    bea.says(&room, "Are you there?").await;
    eventually("the message crosses over", CONVERGENCE, async || {
        alice.reads(&room, "Are you there?").await
    })
    .await;
    for status in ["online", "appear_offline"] {
        let body = json!({ "status": status });
        alice.api.put("/v1/me/presence", &body).await.data();
        let looks = async |viewer: &Person| {
            let path = format!("/v1/presence?ids={}", alice.id);
            viewer.api.get(&path).await.data()[&alice.id].clone()
        };
        let to_others = match status {
            "online" => "online",
            _ => "offline",
        };
        eventually("it is told", CONVERGENCE, async || {
            looks(bea).await == status && looks(ben).await == to_others
        })
        .await;
    }
}
