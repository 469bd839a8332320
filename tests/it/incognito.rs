//! Incognito rooms: what is said in them is not to be indexed, and where they close with their creator, nothing is left of it.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Method;
use scaiwave::clock::{Clock, iso};
use serde_json::{Value, json};

use crate::support::{Backend, Person, Server, Socket, eventually, on_both, tables};

/// Stands in everything that is said in the room.
const SECRET: &str = "quincunx";
/// What the client called its message.
const CLIENTS_OWN: &str = "0192c0de-0000-4000-8000-00000000c0de";

fn path(room: &str, rest: &str) -> String {
    format!("/v1/rooms/{room}{rest}")
}

async fn create(person: &Person, body: Value) -> Value {
    let api = person
        .api
        .with_header("idempotency-key", "the key of the room");
    api.post_raw("/v1/rooms", "application/json", body.to_string())
        .await
        .data()
}

async fn enter(owner: &Person, room: &str, guests: &[&Person]) {
    for guest in guests {
        owner.invite(room, guest).await.data();
        guest.join(room).await.data();
    }
}

fn id_of(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn every_event_of_an_incognito_room_is_not_to_be_indexed() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let (_, start) = bob.sync_from(0).await;
        let made = create(&alice, json!({"room_type": "incognito"})).await;
        assert_eq!(
            (&made["room_type"], &made["scope_kind"], &made["auto_close"]),
            (&json!("incognito"), &json!("incognito"), &json!(true))
        );
        assert_eq!(
            (&made["name"], &made["room_alias"], &made["is_public"]),
            (&Value::Null, &Value::Null, &json!(false))
        );
        let room = id_of(&made);
        enter(&alice, &room, &[&bob]).await;
        let mut socket = Socket::open(&bob.api, None).await;
        let content = json!({"content": {"body": "one", "do_not_index": false}});
        let message = id_of(&alice.send(&room, &content).await.data());
        let event = |rest: &str| path(&room, &format!("/events/{message}{rest}"));
        let edit = json!({"content": {"body": "two"}});
        let edited = alice.api.post(&event("/edit"), &edit).await.data();
        assert_eq!(edited["content"]["do_not_index"], true);
        assert_eq!(edited["original_content"]["do_not_index"], true);
        let emoji = json!({"emoji": "🤫"});
        bob.api.post(&event("/reaction"), &emoji).await.data();
        let topic = json!({"topic": "Hush"});
        alice.api.put(&path(&room, "/topic"), &topic).await.data();
        for kind in [
            "swp.room.message",
            "swp.room.message.edit",
            "swp.room.reaction",
            "swp.room.topic",
        ] {
            let frame = socket.next_of(kind).await;
            let marked = &frame["content"]["do_not_index"];
            let of_state = &frame["do_not_index"];
            assert!(*marked == true || *of_state == true, "{frame}");
        }
        let (events, _) = bob.sync_from(start).await;
        for event in alice.history(&room).await.iter().chain(&events) {
            assert_eq!(event["content"]["do_not_index"], true, "{event}");
        }
        alice.api.post(&event("/redact"), &json!({})).await.data();
        let shown = alice.api.get(&event("")).await.data();
        assert_eq!(shown["content"], json!({}));
    })
    .await;
}

#[tokio::test]
async fn the_scope_goes_with_other_types_and_closes_only_where_it_is_said() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let group = json!({"name": "Garden", "scope_kind": "incognito"});
        let room = create(&alice, group).await;
        assert_eq!(
            (&room["room_type"], &room["scope_kind"], &room["auto_close"]),
            (&json!("group"), &json!("incognito"), &json!(false))
        );
        let room = id_of(&room);
        enter(&alice, &room, &[&bob]).await;
        bob.says(&room, "stays").await;
        let leave = path(&room, "/leave");
        alice.api.post(&leave, &json!({})).await.data();
        assert_eq!(bob.bodies(&room).await, ["stays"]);
        assert_eq!(bob.room(&room).await["state"], "open");

        // Its creator comes back, and has it close with the next leave.
        bob.invite(&room, &alice).await.data();
        alice.join(&room).await.data();
        let settings = path(&room, "/settings");
        let closes = json!({"auto_close": true});
        let changed = bob.api.put(&settings, &closes).await.data();
        assert_eq!(changed["auto_close"], true);
        alice.api.post(&leave, &json!({})).await.data();
        assert_eq!(bob.room(&room).await["state"], "closed");
        assert_eq!(bob.bodies(&room).await, Vec::<String>::new());

        let plain = alice.room_with("Plain", &[]).await;
        let refused = alice.api.put(&path(&plain, "/settings"), &closes).await;
        refused.refused(400, "SW_ROOM_TYPE_INVARIANT");
    })
    .await;
}

#[tokio::test]
async fn who_is_put_out_takes_the_room_along_if_it_was_the_creator() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = id_of(&create(&alice, json!({"room_type": "incognito"})).await);
        enter(&alice, &room, &[&bob]).await;
        alice.says(&room, "between us").await;
        let level = |person: &Person| path(&room, &format!("/members/{}/power-level", person.id));
        let (all, none) = (json!({"power_level": 100}), json!({"power_level": 0}));
        alice.api.put(&level(&bob), &all).await.data();
        alice.api.put(&level(&alice), &none).await.data();
        let out = json!({"participant_id": alice.id});
        let row = bob.api.post(&path(&room, "/kick"), &out).await.data();
        assert_eq!(row["membership"], "leave");
        assert_eq!(bob.room(&room).await["membership"], "leave");
        assert_eq!(bob.history(&room).await, Vec::<Value>::new());
    })
    .await;
}

/// A room with one of everything in it, of which alice is the creator; its events by their ids.
async fn secret_room(alice: &Person, bob: &Person, carol: &Person) -> (String, Vec<String>) {
    let body = json!({
        "room_type": "incognito", "name": format!("The {SECRET}"), "topic": format!("On the {SECRET}"),
    });
    let room = id_of(&create(alice, body).await);
    enter(alice, &room, &[bob, carol]).await;
    let keywords = json!({"keyword_alerts": ["arrangement"]});
    let preferences = "/v1/me/preferences";
    bob.api.put(preferences, &keywords).await.data();
    let text = format!("The arrangement is a {SECRET} #urgent");
    let first = id_of(&alice.says(&room, &text).await);
    let event = |id: &str, rest: &str| path(&room, &format!("/events/{id}{rest}"));
    let reply = json!({
        "content": {
            "body": format!("@bob a {SECRET}?"), "mentions": [bob.id], "reply_to_event_id": first,
        },
        "event_uuid": CLIENTS_OWN,
    });
    let second = id_of(&carol.send(&room, &reply).await.data());
    let edit = json!({"content": {"body": format!("Is it a {SECRET}?"), "mentions": [bob.id]}});
    let edited = carol.api.post(&event(&second, "/edit"), &edit).await;
    edited.data();
    let dismiss = format!("/v1/inbox/priority/{second}");
    bob.api.delete(&dismiss).await.data();
    let emoji = json!({"emoji": "🤫"});
    bob.api
        .post(&event(&first, "/reaction"), &emoji)
        .await
        .data();
    let pin = path(&room, &format!("/pins/{first}"));
    alice.api.put(&pin, &json!({})).await.data();
    let third = id_of(&bob.says(&room, &format!("No {SECRET}")).await);
    let reason = json!({"reason": format!("about the {SECRET}")});
    bob.api
        .post(&event(&third, "/redact"), &reason)
        .await
        .data();
    let file = alice.api.upload("plan.txt", b"a drawing").await;
    let shows = json!({"content": {"msgtype": "swp.media", "media_id": file}});
    alice.send(&room, &shows).await.data();
    let marker = json!({"event_id": first});
    bob.api
        .put(&path(&room, "/read-marker"), &marker)
        .await
        .data();
    let snooze = format!("/v1/messages/{second}/snooze");
    let until = json!({"until": iso(Clock::system().now_ms() + 86_400_000)});
    bob.api.post(&snooze, &until).await.data();
    let mode = json!({"mode": "all"});
    let own = path(&room, "/notification-mode");
    bob.api.put(&own, &mode).await.data();
    let (events, _) = alice.sync_from(0).await;
    let ids = events
        .iter()
        .filter(|event| event["room_id"] == json!(room))
        .map(id_of)
        .collect();
    (room, ids)
}

/// Rows that hold a text, with their tables.
fn rows_with<'a>(tables: &'a BTreeMap<String, Vec<String>>, text: &str) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for (name, rows) in tables {
        let holding = rows.iter().filter(|row| row.contains(text));
        found.extend(holding.map(|row| (name.as_str(), row.as_str())));
    }
    found
}

/// What anybody is answered about a room that has ended.
async fn answers_as_closed(member: &Person, outsider: &Person, room: &str, event: &str) {
    let shown = member.api.get(&path(room, "")).await.data();
    for (field, value) in [
        ("state", json!("closed")),
        ("membership", json!("leave")),
        ("room_type", json!("incognito")),
        ("scope_kind", json!("incognito")),
        ("name", Value::Null),
        ("topic", Value::Null),
        ("room_alias", Value::Null),
        ("member_count", json!(0)),
        ("last_event_at", Value::Null),
        ("unread_count", json!(0)),
    ] {
        assert_eq!(shown[field], value, "{field} in {shown}");
    }
    assert_eq!(member.history(room).await, Vec::<Value>::new());
    let message = json!({"content": {"body": "hello?"}});
    for (method, rest, body, status, code) in [
        (
            Method::GET,
            format!("/events/{event}"),
            None,
            404,
            "SW_EVENT_NOT_FOUND",
        ),
        (
            Method::GET,
            "/members".to_owned(),
            None,
            403,
            "SW_NOT_MEMBER",
        ),
        (Method::GET, "/state".to_owned(), None, 403, "SW_NOT_MEMBER"),
        (Method::GET, "/pins".to_owned(), None, 403, "SW_NOT_MEMBER"),
        (
            Method::POST,
            "/send".to_owned(),
            Some(&message),
            403,
            "SW_NOT_MEMBER",
        ),
        (
            Method::POST,
            "/rejoin".to_owned(),
            None,
            409,
            "SW_ROOM_FROZEN",
        ),
        (
            Method::POST,
            "/join".to_owned(),
            None,
            409,
            "SW_ROOM_FROZEN",
        ),
        (
            Method::POST,
            "/close".to_owned(),
            None,
            403,
            "SW_NOT_MEMBER",
        ),
    ] {
        let asked = member.api.try_call(method, &path(room, &rest), body).await;
        asked.unwrap().refused(status, code);
    }
    member
        .api
        .post(&path(room, "/leave"), &json!({}))
        .await
        .data();
    for rest in ["", "/messages"] {
        let asked = outsider.api.get(&path(room, rest)).await;
        asked.refused(403, "SW_NOT_MEMBER");
    }
    let rejoin = outsider.api.post(&path(room, "/rejoin"), &json!({})).await;
    rejoin.refused(403, "SW_NOT_MEMBER");
    for person in [member, outsider] {
        let closed = person.api.get("/v1/directory/rooms?state=closed").await;
        assert_eq!(closed.data(), json!([]));
    }
}

/// The one thing that sync tells somebody of the room.
fn departure(events: &[Value], room: &str, person: &Person) -> Value {
    let of_room: Vec<&Value> = events
        .iter()
        .filter(|event| event["room_id"] == json!(room))
        .collect();
    assert_eq!(of_room.len(), 1, "{of_room:?}");
    let event = of_room[0];
    assert_eq!(event["event_type"], "swp.room.member");
    assert_eq!(event["sender_id"], person.id);
    assert_eq!(event["content"]["participant_id"], person.id);
    assert_eq!(event["content"]["membership"], "leave");
    assert_eq!(event["content"]["changed_by"], person.id);
    assert_eq!(event["content"]["reason"], "The room was closed");
    event.clone()
}

#[tokio::test]
async fn when_the_creator_leaves_everybody_hears_it_once_wherever_they_were() {
    on_both(async |mut server| {
        let names = ["alice", "bob", "carol", "dave"];
        let [alice, bob, carol, dave] = server.people(names).await;
        let (_, before) = carol.sync_from(0).await;
        let (room, _) = secret_room(&alice, &bob, &carol).await;
        alice.invite(&room, &dave).await.data();
        let garden = alice.room_with("Garden", &[&bob, &carol]).await;
        let (_, in_between) = carol.sync_from(before).await;
        let mut socket = Socket::open(&bob.api, None).await;
        let poll = format!("/v1/sync?since={in_between}&timeout=30000");
        let last = alice.says(&garden, "before").await;
        assert_eq!(socket.next_of("swp.room.message").await["id"], last["id"]);

        let leave = path(&room, "/leave");
        let left = async { alice.api.post(&leave, &json!({})).await.data() };
        let (_, polled) = tokio::join!(left, carol.api.get(&poll));
        polled.data();
        let after = alice.says(&garden, "after").await;

        let frame = socket.next_of("swp.room.member").await;
        assert_eq!(frame["room_id"], json!(room));
        assert_eq!(
            (&frame["participant_id"], &frame["membership"]),
            (&json!(bob.id), &json!("leave"))
        );
        assert_eq!(socket.next_of("swp.room.message").await["id"], after["id"]);
        // From whichever point somebody comes, the departure is there, in its place, and nothing else of the room.
        let comers = [
            (&alice, before),
            (&bob, before),
            (&bob, in_between),
            (&carol, before),
            (&carol, in_between),
            (&dave, before),
        ];
        let mut told = Vec::new();
        for (person, since) in comers {
            let (events, end) = person.sync_from(since).await;
            told.push(departure(&events, &room, person));
            let positions: Vec<_> = events
                .iter()
                .map(|event| event["stream_position"].as_i64().unwrap())
                .collect();
            assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
            let page = format!("/v1/sync?since={since}&limit=1&timeout=0");
            assert_eq!(person.api.get(&page).await.data()["events"][0], events[0]);
            let (again, _) = person.sync_from(end).await;
            assert_eq!(again, Vec::<Value>::new());
        }
        server.restart();
        for ((person, since), told) in comers.into_iter().zip(told) {
            let (events, _) = person.sync_from(since).await;
            assert_eq!(departure(&events, &room, person), told);
        }
        assert_eq!(dave.api.get("/v1/me/invitations").await.data(), json!([]));
        assert_eq!(bob.bodies(&garden).await, ["before", "after"]);
    })
    .await;
}

/// Whether a text stands in the files of a SQLite database.
fn is_in_files(server: &Server, text: &str) -> bool {
    let folder = server.data();
    ["scaiwave.db", "scaiwave.db-wal", "scaiwave.db-journal"]
        .iter()
        .filter_map(|name| std::fs::read(folder.join(name)).ok())
        .any(|bytes| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        })
}

#[tokio::test]
async fn nothing_is_left_of_a_room_whose_creator_has_gone() {
    on_both(async |mut server| {
        let names = ["alice", "bob", "carol", "dave", "eve"];
        let [alice, bob, carol, dave, eve] = server.people(names).await;
        let garden = alice.room_with("Garden", &[&bob]).await;
        bob.says(&garden, "grows on").await;
        let (room, events) = secret_room(&alice, &bob, &carol).await;
        enter(&alice, &room, &[&dave]).await;
        dave.says(&room, SECRET).await;
        let ban = json!({"participant_id": dave.id, "reason": SECRET});
        alice.api.post(&path(&room, "/ban"), &ban).await.data();
        assert!(events.len() > 10, "{events:?}");
        let before = server.scratch().join("before").display().to_string();
        server.cli(&["admin", "backup", &before], "").done();

        alice
            .api
            .post(&path(&room, "/leave"), &json!({}))
            .await
            .data();
        server.cli(&["admin", "verify"], "").done();
        // What was acknowledged is there, whatever happens to the server.
        server.kill();
        server.launch();
        for member in [&alice, &bob, &carol] {
            answers_as_closed(member, &eve, &room, &events[0]).await;
        }
        dave.api
            .get(&path(&room, ""))
            .await
            .refused(403, "SW_NOT_MEMBER");
        assert_eq!(bob.api.get("/v1/inbox/priority").await.data(), json!([]));
        assert_eq!(bob.api.get("/v1/me/snoozes").await.data(), json!([]));
        if server.backend() == Backend::Sqlite {
            let gone = async || !is_in_files(&server, SECRET);
            eventually(
                "the files hold nothing of it",
                Duration::from_secs(20),
                gone,
            )
            .await;
        }

        server.stop().await;
        let (backend, url) = (server.backend(), server.database_url());
        let left = tables(backend, &url).await;
        for text in
            events
                .iter()
                .map(String::as_str)
                .chain([SECRET, CLIENTS_OWN, "the key of the room"])
        {
            assert_eq!(rows_with(&left, text), [], "{text}");
        }
        let naming: Vec<&str> = rows_with(&left, &room)
            .iter()
            .map(|(name, _)| *name)
            .collect();
        let mut expected = ["departures", "members", "spans"]
            .map(|name| [name; 3])
            .concat();
        expected.insert(6, "rooms");
        assert_eq!(naming, expected);
        for (_, row) in rows_with(&left, &room)
            .iter()
            .filter(|(name, _)| *name == "rooms")
        {
            for person in [&alice, &bob, &carol, &dave] {
                assert!(!row.contains(&person.id), "{row}");
            }
        }
        server.cli(&["admin", "rebuild"], "").done();
        assert_eq!(tables(backend, &url).await, left);
        server.cli(&["admin", "verify"], "").done();
        let after = server.scratch().join("after").display().to_string();
        server.cli(&["admin", "backup", &after], "").done();
        server.cli(&["admin", "restore", &after], "").done();

        server.launch();
        for member in [&alice, &bob, &carol] {
            answers_as_closed(member, &eve, &room, &events[0]).await;
        }
        assert_eq!(bob.bodies(&garden).await, ["grows on"]);
        // A backup keeps what was there when it was made.
        server.stop().await;
        server.cli(&["admin", "restore", &before], "").done();
        server.launch();
        assert!(bob.reads(&room, SECRET).await);
    })
    .await;
}
