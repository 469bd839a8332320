//! One bad event in a batch.

use http::Method;
use serde_json::{Value, json};

use super::super::{BOB, Home, Log, Peer};
use super::{
    address, allow, append, ask, heads, is_sound, journal, log, message, outcomes, texts, until,
};
use crate::app::test_server::Server;
use crate::events::core::content::content_hash;
use crate::events::core::ids::RoomId;
use crate::events::core::verified::verify;
use crate::events::model::{Shown, Standing};

/// Bob's next words, whose content holds an integer that no server may hash: rightly signed all the same.
pub(super) fn unhashable(log: &mut Log, peer: &Peer) -> Value {
    let content = json!({ "msgtype": "swp.text", "body": "x", "n": 9_007_199_254_740_992_i64 });
    let signed = message(log, peer, BOB, "x").sign(&peer.key).unwrap();
    let mut event = signed.into_inner();
    let salt = event.salt.clone().unwrap();
    event.content_hash = content_hash(&content, &salt);
    event.event_id = event.derived_id();
    event.signature = peer.key.sign(&event.signed_bytes());
    let mut whole = event.to_value();
    whole["content"] = content;
    let public = peer.key.public_key();
    log.events
        .push(verify(event.without_content(), public).unwrap());
    whole
}

/// Writes and delivers messages until the log has so many.
async fn talk(home: &Home, peer: &Peer, log: &mut Log, until_seq: i64) {
    let mut events = Vec::new();
    while log.head().seq < until_seq {
        let draft = message(log, peer, BOB, &format!("said as {}", log.head().seq + 1));
        events.push(append(log, draft, &peer.key));
    }
    let expected = vec!["accepted"; events.len()];
    assert_eq!(outcomes(home, peer, &events).await, expected);
}

/// Somebody of another server comes into the room by an invitation.
async fn comes(home: &Home, other: &Server, room: RoomId) {
    let invite = format!("/v1/rooms/{room}/invite");
    home.ask(Method::POST, &invite, json!({"fqid": "@cem:c.example"}))
        .await;
    until("the invitation arrives", async || {
        let path = "/v1/me/invitations";
        let open = ask(other, "cem", Method::GET, path, json!({})).await;
        let mut open = open.as_array().unwrap().iter();
        open.any(|invitation| invitation["room_id"] == json!(room))
    })
    .await;
    let accept = format!("/v1/me/invitations/{room}/accept");
    ask(other, "cem", Method::POST, &accept, json!({})).await;
}

/// Case F-01: the event stays a stub in its log, and neither its batch nor what follows it has to wait.
#[tokio::test]
async fn an_event_that_cannot_be_hashed_holds_up_nothing() {
    let ((at_a, url_of_a), (at_c, url_of_c)) = (address().await, address().await);
    let urls = |url: String| [("SCAIWAVE_FEDERATION_PEER_URLS", url)];
    let home = Home::with(
        &urls(format!("c.example={url_of_c}"))
            .each_ref()
            .map(|(name, url)| (*name, url.as_str())),
    )
    .await;
    let url_of_a = format!("a.example={url_of_a}");
    let settings = [
        ("SCAIWAVE_SERVER_NAME", "c.example"),
        ("SCAIWAVE_FEDERATION_PEER_URLS", url_of_a.as_str()),
    ];
    let c = Server::start(&settings).await;
    c.create("cem", &[]).await;
    home.server.listen(at_a);
    c.listen(at_c);
    let b = Peer::allowed(&home, "b.example", 2).await;
    allow(&home.server, &["b.example", "c.example"]).await;
    allow(&c, &["a.example", "b.example"]).await;

    let (r1, mut log1) = home.shared_with(&b).await;
    let (r2, mut log2) = home.shared_with(&b).await;
    talk(&home, &b, &mut log1, 4).await;
    talk(&home, &b, &mut log2, 8).await;
    let five = message(&log1, &b, BOB, "five of the first");
    let five = append(&mut log1, five, &b.key);
    let nine = unhashable(&mut log2, &b);
    let six = message(&log1, &b, BOB, "six of the first");
    let six = append(&mut log1, six, &b.key);

    let expected = ["accepted", "SW_VALIDATION_ERROR placed", "accepted"];
    let batch = [five, nine.clone(), six];
    assert_eq!(outcomes(&home, &b, &batch).await, expected);
    let ten = message(&log2, &b, BOB, "ten of the second");
    assert_eq!(ten.prev, log2.head().hash, "it follows the ninth");
    let ten = append(&mut log2, ten, &b.key);
    assert_eq!(outcomes(&home, &b, &[ten]).await, ["accepted"], "at once");

    let stub = log(&home.server, r2, &b.name).await.remove(8);
    assert_eq!(json!(stub.event.event_id), nine["event_id"]);
    assert_eq!((stub.standing, stub.shown), (Standing::Void, Shown::Never));
    assert_eq!((&stub.event.content, &stub.event.salt), (&None, &None));
    let id = nine["event_id"].as_str().unwrap().to_owned();
    let refused = ("b.example".to_owned(), Some(id), 8);
    assert_eq!(journal(&home.server).await, [refused]);

    // C has to get it all from A: nobody tells it where B is.
    for room in [r1, r2] {
        comes(&home, &c, room).await;
        until("both end with the same heads", async || {
            heads(&c, room).await == heads(&home.server, room).await
        })
        .await;
        let read = texts(&home.server, "alice", room).await;
        assert_eq!(texts(&c, "cem", room).await, read);
    }
    assert_eq!(log(&c, r2, &b.name).await.len(), 10);
    let read = texts(&c, "cem", r2).await;
    assert_eq!(read.len(), 9, "the ninth is shown to nobody: {read:?}");
    assert_eq!(read[8], "ten of the second");
    for server in [&home.server, &c] {
        is_sound(server).await;
    }
}
