//! What is live between two servers: who is there, who types.

use std::time::Duration;

use serde_json::{Value, json};

use super::{CONVERGENCE, Pair, shared_room};
use crate::support::{Person, PrivateCa, Socket, eventually};

/// How long a word may take that nothing is in the way of: less than the minute after which all is said again.
const AT_ONCE: Duration = Duration::from_secs(20);

/// How present `other` looks to `viewer`.
async fn looks(viewer: &Person, other: &Person) -> Value {
    let path = format!("/v1/presence?ids={}", other.id);
    viewer.api.get(&path).await.data()[&other.id].clone()
}

async fn sets(person: &Person, status: &str) {
    let body = json!({ "status": status });
    person.api.put("/v1/me/presence", &body).await.data();
}

async fn types(person: &Person, room: &str) {
    let body = json!({"room_id": room, "typing": true});
    person.api.put("/v1/typing", &body).await.data();
}

/// The next frame of a type about somebody.
async fn next_about(socket: &mut Socket, frame_type: &str, person: &Person) -> Value {
    loop {
        let frame = socket.next_of(frame_type).await;
        if frame["participant_id"] == json!(person.id) {
            return frame;
        }
    }
}

#[tokio::test]
async fn presence_and_typing_cross_over_and_a_cut_network_holds_up_nothing() {
    let ca = PrivateCa::new();
    let pair = Pair::start(&ca).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let bea = &of_b[0];
    sets(&alice, "online").await;
    let room = shared_room(&alice, &anton, &of_b).await;
    eventually("newcomers see who is there", AT_ONCE, async || {
        looks(bea, &alice).await == "online"
    })
    .await;

    let tls = ca.client_config();
    let mut socket = Socket::try_open(&bea.api, None, Some(&tls)).await.unwrap();
    eventually("members see who comes", AT_ONCE, async || {
        looks(&alice, bea).await == "online"
    })
    .await;
    for (set, shown) in [
        ("busy", "busy"),
        ("appear_offline", "offline"),
        ("idle", "idle"),
    ] {
        sets(&alice, set).await;
        let frame = next_about(&mut socket, "presence", &alice).await;
        assert_eq!(frame["status"], shown);
        assert_eq!(looks(bea, &alice).await, shown);
    }

    types(&alice, &room).await;
    for typing in [true, false] {
        let frame = next_about(&mut socket, "typing", &alice).await;
        assert_eq!(frame["typing"], typing);
        assert_eq!(frame["room_id"], json!(room));
    }

    pair.cut();
    for status in ["busy", "online", "busy"] {
        sets(&alice, status).await;
        types(&alice, &room).await;
        alice.says(&room, "Nobody waits").await;
    }
    pair.restore();
    eventually("what is live is said again", CONVERGENCE, async || {
        looks(bea, &alice).await == "busy"
    })
    .await;
}
