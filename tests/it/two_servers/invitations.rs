//! Invitations of another server that is not there any more when they are answered.

use serde_json::{Value, json};

use super::managed::membership;
use super::{CONVERGENCE, Pair};
use crate::support::{Person, PrivateCa, eventually};

async fn invite(host: &Person, room: &str, person: &Person) {
    let path = format!("/v1/rooms/{room}/invite");
    let whom = json!({ "fqid": person.fqid });
    host.api.post(&path, &whom).await.data();
    eventually("the invitation crosses over", CONVERGENCE, async || {
        !shown(person).await.is_empty()
    })
    .await;
}

/// The rooms that somebody sees as invited: in the own list and in the directory.
async fn shown(person: &Person) -> Vec<Value> {
    let mut rooms = Vec::new();
    for (path, id) in [
        ("/v1/me/invitations", "room_id"),
        ("/v1/directory/rooms?membership=invite", "id"),
    ] {
        let rows = person.api.get(path).await.data();
        let rows = rows.as_array().unwrap().iter();
        rooms.extend(rows.map(|row| row[id].clone()));
    }
    rooms
}

/// Case A-01: declining waits for nobody, and nothing of the invitation comes back but by a new one.
#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_declined_at_once_though_its_host_is_gone() {
    let mut pair = Pair::start(&PrivateCa::new()).await;
    let [alice] = pair.a.people(["alice"]).await;
    let [bea] = pair.b.people(["bea"]).await;
    let room = bea.room_with("Shared", &[]).await;
    invite(&bea, &room, &alice).await;
    pair.b.kill();

    let decline = format!("/v1/me/invitations/{room}/decline");
    alice.api.post(&decline, &json!({})).await.data();
    assert_eq!(shown(&alice).await, Vec::<Value>::new());
    tokio::task::block_in_place(|| pair.a.restart());
    assert_eq!(shown(&alice).await, Vec::<Value>::new());

    tokio::task::block_in_place(|| pair.b.launch());
    eventually("the host learns of it", CONVERGENCE, async || {
        membership(&bea, &room, &alice).await == "leave"
    })
    .await;
    invite(&bea, &room, &alice).await;
    alice.join(&room).await.data();
    assert_eq!(membership(&bea, &room, &alice).await, "join");
}
