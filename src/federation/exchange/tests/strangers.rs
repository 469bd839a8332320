//! Whoever is not known to be a peer is counted by address, whatever is wrong with the request.

use axum::body::Body;
use http::{Request, StatusCode};

use super::shared;
use crate::federation::core::descriptor::{DESCRIPTOR_PATH, FEDERATION_PATH};

#[tokio::test]
async fn requests_without_a_signature_are_counted_by_address_before_anything_else() {
    let (home, peer, room, _) = shared().await;
    let at = |path: &str| format!("{FEDERATION_PATH}{path}");
    for (path, answer) in [
        (at(&format!("/rooms/{room}/heads")), 401),
        (at(&format!("/rooms/{room}/backfill?epoch=x")), 422),
        (at(&format!("/rooms/{room}/state?after_seq=-1")), 422),
        (at("/directory"), 422),
        (DESCRIPTOR_PATH.to_owned(), 200),
    ] {
        let mut answers = Vec::new();
        for _ in 0..601 {
            let request = Request::get(&path).header("host", "a.example");
            let sent = home.server.send(request.body(Body::empty()).unwrap());
            answers.push(sent.await.0.as_u16());
        }
        assert_eq!((answers[0], answers[600]), (answer, 429), "{path}");
        let (status, body) = peer.get(&home, &format!("/rooms/{room}/heads")).await;
        assert_eq!(status, StatusCode::OK, "a peer pays by itself: {body}");
        home.server.clock.advance(60_000);
    }
}
