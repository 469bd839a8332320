//! Files between two servers.

use serde_json::{Value, json};

use super::{CONVERGENCE, Pair, shared_room};
use crate::support::{Person, PrivateCa, eventually};

/// A picture, as far as its beginning tells.
fn picture(of: u8) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![of; 3 * 1024 * 1024]].concat()
}

async fn sends(person: &Person, room: &str, media_id: &str, body: &str) -> Value {
    let content = json!({"msgtype": "swp.media", "body": body, "media_id": media_id});
    let event = person.send(room, &json!({ "content": content })).await;
    event.data()["id"].take()
}

/// Waits until a person gets this of a file.
async fn becomes(person: &Person, media_id: &str, expected: Result<&[u8], u16>) {
    eventually("the file is as expected", CONVERGENCE, async || {
        let got = person.api.download(media_id).await;
        got.as_deref().map_err(|status| *status) == expected
    })
    .await;
}

#[tokio::test]
async fn a_file_crosses_over_whole_and_goes_with_its_message() {
    let pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let room = shared_room(&alice, &anton, &of_b).await;
    let (first, second) = (picture(1), picture(2));

    let kept = alice.api.upload("first.png", &first).await;
    let event = sends(&alice, &room, &kept, "first").await;
    becomes(&of_b[0], &kept, Ok(&first)).await;
    let info = of_b[1]
        .api
        .get(&format!("/v1/media/{kept}/info"))
        .await
        .data();
    assert_eq!(info["filename"], "first.png");
    assert_eq!(info["uploader_id"], json!(alice.id));

    let unseen = alice.api.upload("second.png", &second).await;
    sends(&alice, &room, &unseen, "second").await;
    eventually("the message is there", CONVERGENCE, async || {
        of_b[0]
            .bodies(&room)
            .await
            .iter()
            .any(|body| body == "second")
    })
    .await;
    pair.cut();
    assert_eq!(of_b[1].api.download(&kept).await.unwrap(), first);
    let unseen_path = format!("/v1/media/download/{unseen}");
    let silent = of_b[0].api.get(&unseen_path).await;
    assert!(silent.headers.contains_key("retry-after"));
    silent.refused(503, "SW_SERVICE_UNAVAILABLE");
    pair.restore();
    becomes(&of_b[0], &unseen, Ok(&second)).await;

    let redact = format!("/v1/rooms/{room}/events/{}/redact", event.as_str().unwrap());
    alice.api.post(&redact, &json!({})).await.data();
    assert_eq!(anton.api.download(&kept).await, Err(404));
    becomes(&of_b[0], &kept, Err(404)).await;

    // The other way, and on to a room that only B knows.
    let back = of_b[0].api.upload("back.txt", b"from bea").await;
    sends(&of_b[0], &room, &back, "back").await;
    becomes(&anton, &back, Ok(b"from bea")).await;
    let elsewhere = anton.room_with("Elsewhere", &[]).await;
    sends(&anton, &elsewhere, &back, "look").await;
    for server in [&pair.a, &pair.b] {
        server.cli(&["admin", "verify"], "").done();
    }
}
