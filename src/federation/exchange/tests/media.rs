//! Files that messages name: given to servers that may read the message, fetched from those whose message it is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use super::{BOB, Home, Log, Peer, shared};
use crate::app::test_server::PASSWORD;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{MediaId, RoomId};
use crate::federation::client::fake_peer::FakePeer;
use crate::media::sweep;

const BYTES: &[u8] = b"\x89PNG\r\n\x1a\nof another server";

async fn token(home: &Home) -> String {
    let signed_in = home.server.sign_in("alice", PASSWORD).await;
    signed_in.data("access_token")
}

/// Alice uploads a file.
async fn upload(home: &Home, bytes: &[u8]) -> String {
    let body = [
        b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n",
        bytes,
        b"\r\n--XX--",
    ]
    .concat();
    let request = Request::post("/v1/media/upload")
        .header("authorization", format!("Bearer {}", token(home).await))
        .header("content-type", "multipart/form-data; boundary=XX")
        .body(Body::from(body))
        .unwrap();
    let (status, body) = home.server.send(request).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["data"]["media_id"].as_str().unwrap().to_owned()
}

/// Alice sends a message that names a file.
async fn send(home: &Home, room: RoomId, media_id: &str) -> Value {
    let path = format!("/v1/rooms/{room}/send");
    let content = json!({"msgtype": "swp.media", "media_id": media_id});
    home.ask(Method::POST, &path, json!({ "content": content }))
        .await
}

/// What alice is answered about a file: status, body, and when to come back.
async fn download(home: &Home, media_id: &str) -> (u16, Vec<u8>, Option<String>) {
    let request = Request::get(format!("/v1/media/download/{media_id}"))
        .header("authorization", format!("Bearer {}", token(home).await))
        .body(Body::empty())
        .unwrap();
    let response = home.server.exchange(request).await;
    let later = response.headers().get("retry-after");
    let later = later.map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), response.body().to_vec(), later)
}

/// What a peer is answered about a file of a room.
async fn fetch(home: &Home, peer: &Peer, room: RoomId, media_id: &str) -> (u16, Vec<u8>) {
    let path = format!("/rooms/{room}/media/{media_id}");
    let request = peer.signed(home, "GET", &path, b"");
    let response = home.server.exchange(request).await;
    (response.status().as_u16(), response.body().to_vec())
}

fn id_of(uploader: &str, bytes: &[u8]) -> String {
    MediaId::derive(&uploader.parse().unwrap(), &Hash::of(bytes)).to_string()
}

/// A content that names a file of this uploader.
fn naming(uploader: &str, bytes: &[u8], size: usize) -> Value {
    let id = id_of(uploader, bytes);
    json!({
        "msgtype": "swp.media", "media_id": id,
        "_media": {&id: {
            "uploader": uploader, "sha256": Hash::of(bytes).hex(), "size": size,
            "mime_type": "text/html", "filename": "cat.png",
        }},
    })
}

#[tokio::test]
async fn a_peer_that_reads_the_message_gets_its_file() {
    let (home, peer, room, _) = shared().await;
    let media_id = upload(&home, b"alice's file").await;
    assert_eq!(fetch(&home, &peer, room, &media_id).await.0, 404);
    let sent = send(&home, room, &media_id).await;

    let path = format!("/rooms/{room}/media/{media_id}");
    let request = peer.signed(&home, "GET", &path, b"");
    let answer = home.server.exchange(request).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.body().as_ref(), b"alice's file");
    let headers = answer.headers();
    assert_eq!(headers["content-length"], "12");
    assert!(
        headers["content-digest"]
            .to_str()
            .unwrap()
            .starts_with("sha-256=:")
    );
    assert!(
        headers["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("attachment")
    );

    for unknown in ["00000000-0000-4000-8000-000000000000", "x"] {
        assert_eq!(fetch(&home, &peer, room, unknown).await.0, 404);
    }
    let stranger = Peer::allowed(&home, "c.example", 3).await;
    assert_eq!(fetch(&home, &stranger, room, &media_id).await.0, 404);
    let path = format!(
        "/v1/rooms/{room}/events/{}/redact",
        sent["id"].as_str().unwrap()
    );
    home.ask(Method::POST, &path, json!({})).await;
    assert_eq!(fetch(&home, &peer, room, &media_id).await.0, 404);
}

#[tokio::test]
async fn a_peer_gets_nothing_by_naming_it_itself() {
    let (home, peer, room, mut log) = shared().await;
    let secret = b"alice's alone";
    let media_id = upload(&home, secret).await;
    let content = naming("@alice:a.example", secret, secret.len());
    let event = log.write(&peer, BOB, EventType::ROOM_MESSAGE, content);
    assert_eq!(peer.deliver(&home, &[event]).await[0]["status"], "accepted");
    assert_eq!(fetch(&home, &peer, room, &media_id).await.0, 404);
}

/// A room with bob, whose server gives files as it is told.
struct Played {
    home: Home,
    peer: Peer,
    room: RoomId,
    log: Log,
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
}

fn ok(bytes: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
    [head.as_bytes(), bytes].concat()
}

impl Played {
    async fn start(settings: &[(&str, &str)]) -> Played {
        let answer = Arc::new(Mutex::new(ok(BYTES)));
        let asked = Arc::new(AtomicUsize::new(0));
        let (given, count) = (Arc::clone(&answer), Arc::clone(&asked));
        let files = FakePeer::answering(move |request| {
            if request.line.contains("/media/") {
                count.fetch_add(1, Ordering::SeqCst);
                return given.lock().unwrap().clone();
            }
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec()
        })
        .await;
        let url = format!("b.example=http://{}", files.address);
        let settings = [&[("SCAIWAVE_FEDERATION_PEER_URLS", url.as_str())], settings].concat();
        let home = Home::with(&settings).await;
        let peer = Peer::allowed(&home, "b.example", 2).await;
        let (room, log) = home.shared_with(&peer).await;
        Played {
            home,
            peer,
            room,
            log,
            answer,
            asked,
        }
    }

    fn answers(&self, bytes: impl Into<Vec<u8>>) {
        *self.answer.lock().unwrap() = bytes.into();
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Bob names a file; the event's id.
    async fn names(&mut self, content: Value) -> Value {
        let event = self
            .log
            .write(&self.peer, BOB, EventType::ROOM_MESSAGE, content);
        let id = event["event_id"].clone();
        let results = self.peer.deliver(&self.home, &[event]).await;
        assert_eq!(results[0]["status"], "accepted");
        id
    }

    async fn redacts(&mut self, event_id: &Value) {
        let content = json!({ "event_id": event_id });
        let event = self
            .log
            .write(&self.peer, BOB, EventType::ROOM_REDACTION, content);
        let results = self.peer.deliver(&self.home, &[event]).await;
        assert_eq!(results[0]["status"], "accepted");
    }

    async fn download(&self, media_id: &str) -> (u16, Vec<u8>, Option<String>) {
        download(&self.home, media_id).await
    }

    fn copies(&self) -> usize {
        let folder = self.home.server.folder().join("media/foreign");
        let tenants = std::fs::read_dir(folder).into_iter().flatten();
        tenants
            .map(|tenant| std::fs::read_dir(tenant.unwrap().path()).unwrap().count())
            .sum()
    }
}

#[tokio::test]
async fn a_foreign_file_is_fetched_once_and_goes_with_its_message() {
    let mut played = Played::start(&[]).await;
    let event = played.names(naming(BOB, BYTES, BYTES.len())).await;
    let media_id = id_of(BOB, BYTES);

    let path = format!("/v1/media/{media_id}/info");
    let info = played.home.ask(Method::GET, &path, json!({})).await;
    assert_eq!(info["filename"], "cat.png");
    assert_eq!(info["size"], BYTES.len());
    assert_eq!(played.asked(), 0, "the message says all that");

    for _ in 0..2 {
        let (status, bytes, _) = played.download(&media_id).await;
        assert_eq!((status, bytes.as_slice()), (200, BYTES));
    }
    assert_eq!((played.asked(), played.copies()), (1, 1));

    played.redacts(&event).await;
    assert_eq!(played.download(&media_id).await.0, 404);
    let tenant = played.home.tenant();
    sweep::tenant_once(&played.home.server.app, &tenant, true)
        .await
        .unwrap();
    assert_eq!((played.asked(), played.copies()), (1, 0));
}

#[tokio::test]
async fn other_bytes_than_the_message_names_are_refused() {
    let mut played = Played::start(&[]).await;
    played.names(naming(BOB, BYTES, BYTES.len())).await;
    let media_id = id_of(BOB, BYTES);
    let mut other = BYTES.to_vec();
    other.reverse();
    let longer = [BYTES, b"and more"].concat();
    let endless = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n".as_slice(),
        &vec![b'x'; 0xffff],
    ]
    .concat();
    for wrong in [
        ok(&other),
        ok(&BYTES[1..]),
        ok(&longer),
        endless,
        b"HTTP/1.1 307 Away\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n"
            .to_vec(),
        b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"no HTTP at all\r\n\r\n".to_vec(),
    ] {
        played.answers(wrong);
        let (status, body, later) = played.download(&media_id).await;
        assert_eq!(status, 503, "{}", String::from_utf8_lossy(&body));
        assert!(later.is_some());
        assert_eq!(played.copies(), 0);
    }
    played.answers(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(played.download(&media_id).await.0, 404);
    // It was a bad day of that server.
    played.answers(ok(BYTES));
    assert_eq!(played.download(&media_id).await.0, 200);
}

#[tokio::test]
async fn nobody_gives_a_file_another_content_or_more_than_this_server_takes() {
    let mut played = Played::start(&[("SCAIWAVE_MAX_UPLOAD", "1000")]).await;
    // The id is made from the content: another content under it is no description of it.
    let mut swapped = naming(BOB, BYTES, BYTES.len());
    let media_id = id_of(BOB, BYTES);
    swapped["_media"][&media_id]["sha256"] = json!(Hash::of(b"other").hex());
    played.names(swapped).await;
    assert_eq!(played.download(&media_id).await.0, 404);

    let large = vec![7; 1001];
    played.answers(ok(&large));
    played.names(naming(BOB, &large, large.len())).await;
    assert_eq!(played.download(&id_of(BOB, &large)).await.0, 404);
    assert_eq!(played.asked(), 0);
}

#[tokio::test]
async fn the_copy_that_was_not_used_for_longest_goes() {
    let mut played = Played::start(&[("SCAIWAVE_MAX_FOREIGN_MEDIA", "250")]).await;
    let files = [[1_u8; 100], [2; 100], [3; 100]];
    for file in &files {
        played.names(naming(BOB, file, file.len())).await;
    }
    let clock = played.home.server.clock.clone();
    for file in [0, 1, 0, 2] {
        clock.advance(120_000);
        played.answers(ok(&files[file]));
        assert_eq!(played.download(&id_of(BOB, &files[file])).await.0, 200);
    }
    assert_eq!((played.asked(), played.copies()), (3, 2));
    played.answers(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(played.download(&id_of(BOB, &files[0])).await.0, 200);
    assert_eq!(played.download(&id_of(BOB, &files[1])).await.0, 404);
}

#[tokio::test]
async fn who_passes_a_file_on_answers_for_it() {
    let mut played = Played::start(&[]).await;
    let event = played.names(naming(BOB, BYTES, BYTES.len())).await;
    let media_id = id_of(BOB, BYTES);
    let sent = send(&played.home, played.room, &media_id).await;
    assert_eq!(sent["content"]["_media"][&media_id]["uploader"], BOB);
    assert_eq!(
        sent["content"]["_media"][&media_id]["mime_type"],
        "image/png"
    );
    played.redacts(&event).await;
    let got = fetch(&played.home, &played.peer, played.room, &media_id).await;
    assert_eq!(got, (200, BYTES.to_vec()));
    assert_eq!(played.download(&media_id).await.0, 200);
    assert_eq!(played.asked(), 1);
}
