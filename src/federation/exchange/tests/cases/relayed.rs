//! A member server that answers with other contents than were signed.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::super::{BOB, Home, Log, Peer};
use super::{
    allow, answer, append, is_sound, journal, log, message, outcomes, page, position, rests,
    tenant, texts,
};
use crate::app::test_server::START;
use crate::events::store::contents;
use crate::federation::client::fake_peer::FakePeer;
use crate::federation::exchange::catch_up;

/// Case S-13: a relay's copy never voids a message, which is asked for elsewhere and shown when it comes whole.
#[tokio::test]
async fn a_relay_that_answers_with_other_contents_silences_nobody() {
    let other = json!({ "msgtype": "swp.text", "body": "what bob never said" });
    for (forged, is_written_down) in [
        (Some(other), true),
        (None, false),
        (
            Some(json!({ "msgtype": "swp.text", "body": "seven", "n": 9_007_199_254_740_992_i64 })),
            true,
        ),
    ] {
        let served: Arc<Mutex<Vec<Value>>> = Arc::default();
        let of_c = Arc::clone(&served);
        let c_answers = FakePeer::answering(move |asked| {
            let events = of_c.lock().unwrap();
            let last = events.last().map(position);
            answer(&match asked.line.contains("/heads") {
                true => json!({ "heads": { "b.example": last } }),
                false => page(&events, asked),
            })
        })
        .await;
        let url = format!("c.example=http://{}", c_answers.address);
        let home = Home::with(&[("SCAIWAVE_FEDERATION_PEER_URLS", &url)]).await;
        rests(&home.server);
        let b = Peer::allowed(&home, "b.example", 2).await;
        let c = Peer::allowed(&home, "c.example", 3).await;
        allow(&home.server, &["b.example", "c.example"]).await;
        let (room, mut log_of_b) = home.shared_with(&b).await;
        home.invite(room, "@cem:c.example").await;
        let empty = Log::of(&home, room).await;
        c.join(&home, room, "cem", &empty).await;
        let mut events = Vec::new();
        for body in ["one", "two", "three", "four", "five", "six", "seven"] {
            let draft = message(&log_of_b, &b, BOB, body);
            events.push(append(&mut log_of_b, draft, &b.key));
        }
        assert_eq!(outcomes(&home, &b, &events[..6]).await, ["accepted"; 6]);

        let mut seven = events[6].clone();
        match &forged {
            Some(content) => seven["content"] = content.clone(),
            None => {
                let members = seven.as_object_mut().unwrap();
                members.remove("content");
                members.remove("salt");
            }
        }
        served.lock().unwrap().push(seven);
        let (app, tenant) = (&home.server.app, tenant(&home.server));
        catch_up::room(app, &tenant, &c.name, room).await.unwrap();

        let held = log(&home.server, room, &b.name).await;
        assert_eq!(held.len(), 7, "its envelope is B's, and has its place");
        assert_eq!(held[6].event.content, None);
        assert_eq!(texts(&home.server, "alice", room).await.len(), 6);
        let wanted = contents::wanted(&tenant, app.db(), room, &b.name, START, 10).await;
        assert_eq!(wanted.unwrap()[0].event_id, held[6].event.event_id);

        let whole = outcomes(&home, &b, &events[6..]).await;
        assert_eq!(whole, ["duplicate"]);
        let read = texts(&home.server, "alice", room).await;
        assert_eq!(read[6], "seven");
        let id = events[6]["event_id"].as_str().unwrap().to_owned();
        let named = ("c.example".to_owned(), Some(id), 8);
        let written = journal(&home.server).await;
        assert_eq!(written.contains(&named), is_written_down, "{written:?}");
        assert!(written.iter().all(|(peer, ..)| peer == "c.example"));
        is_sound(&home.server).await;
    }
}
