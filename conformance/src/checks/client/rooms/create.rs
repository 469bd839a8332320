//! `POST /v1/rooms` and `GET /v1/rooms/{room_id}`.

use serde_json::{Value, json};

use crate::cast::room::Room;
use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 5, 6.1, 6.2";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "rooms/create: answers a Room with every field",
            fields,
        ),
        client(
            SECTION,
            "rooms/create: a group room has the documented defaults",
            defaults,
        ),
        client(
            SECTION,
            "rooms/create: the creator joins with level 100",
            creator,
        ),
        client(
            SECTION,
            "rooms/create: is_public makes a public room",
            public,
        ),
        client(
            SECTION,
            "rooms/create: public with is_public false gets SW_VALIDATION_ERROR",
            not_public,
        ),
        client(
            SECTION,
            "rooms/create: public and restricted at once get SW_VALIDATION_ERROR",
            public_restricted,
        ),
        client(
            SECTION,
            "rooms/create: restricted needs a role that the creator holds",
            restricted_roles,
        ),
        client(
            SECTION,
            "rooms/create: a group needs a name of 1 to 200 characters",
            names,
        ),
        client(
            SECTION,
            "rooms/create: a topic has at most 2000 characters",
            topics,
        ),
        client(
            SECTION,
            "rooms/create: dm, sidekick and bridge get SW_ROOM_TYPE_INVARIANT",
            other_types,
        ),
        client(
            SECTION,
            "rooms/create: it is in the creator's personal workspace",
            personal_workspace,
        ),
        client(
            SECTION,
            "rooms/create: another workspace gets SW_WORKSPACE_NOT_FOUND",
            other_workspace,
        ),
        client(
            SECTION,
            "rooms/create: `invite` invites those people",
            with_invitations,
        ),
        client(
            SECTION,
            "rooms/create: an unknown invitee gets SW_NOT_FOUND",
            unknown_invitee,
        ),
        client(
            SECTION,
            "rooms/create: over 100 invitees get SW_VALIDATION_ERROR",
            many_invitees,
        ),
        client(
            SECTION,
            "rooms/create: an alias is made from the name, unique in the tenant",
            alias,
        ),
        client(
            "client-core 1, Repeating a request",
            "rooms/create: an Idempotency-Key gives the same room back",
            idempotent,
        ),
        client(
            "client-core 1, Repeating a request",
            "rooms/create: the Idempotency-Key of another participant is another",
            idempotent_per_person,
        ),
        client(
            "client-core 1, Repeating a request",
            "rooms/create: an Idempotency-Key of over 128 characters gets SW_VALIDATION_ERROR",
            bad_key,
        ),
        client(
            SECTION,
            "rooms/get: members see the Room as it was created",
            get,
        ),
        client(SECTION, "rooms/get: invited people see it", get_invited),
        client(
            SECTION,
            "rooms/get: who is outside a group gets SW_NOT_MEMBER",
            get_outside,
        ),
        client(
            SECTION,
            "rooms/get: anybody sees a public room, with membership null",
            get_public,
        ),
        client(
            SECTION,
            "rooms/get: an unknown room gets SW_ROOM_NOT_FOUND",
            get_unknown,
        ),
    ]
}

async fn fields(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person
        .creates(json!({"name": "A room", "topic": "Talk"}))
        .await?;
    shape("room", &room.data, shapes::ROOM)?;
    judge::equal(&room.data, "/name", "A room")?;
    judge::equal(&room.data, "/display_name", "A room")?;
    judge::equal(&room.data, "/topic", "Talk")
}

async fn defaults(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    for (field, value) in [
        ("/room_type", json!("group")),
        ("/state", json!("open")),
        ("/topic", Value::Null),
        ("/scope_kind", Value::Null),
        ("/visibility", Value::Null),
        ("/read_role_slugs", json!([])),
        ("/is_public", json!(false)),
        ("/history_visibility", json!("shared")),
        ("/auto_close", json!(false)),
        ("/member_count", json!(1)),
        ("/federated", json!(false)),
        ("/unread_count", json!(0)),
        ("/mention_count", json!(0)),
        ("/muted_until", Value::Null),
        ("/notification_mode", json!("mentions")),
        ("/server_name", config["server_name"].clone()),
    ] {
        judge::equal(&room.data, field, value)?;
    }
    Ok(())
}

async fn creator(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    judge::equal(&room.data, "/creator_id", person.id())?;
    judge::equal(&room.data, "/membership", "join")?;
    judge::equal(&room.data, "/power_level", 100)
}

async fn public(t: Trial) -> Verdict {
    let person = t.person().await?;
    for request in [
        json!({"name": "Public", "is_public": true}),
        json!({"name": "Public", "room_type": "public", "is_public": true}),
    ] {
        let room = person.creates(request).await?;
        judge::equal(&room.data, "/room_type", "public")?;
        judge::equal(&room.data, "/is_public", true)?;
    }
    Ok(())
}

async fn not_public(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"name": "Public", "room_type": "public", "is_public": false});
    person
        .post("/v1/rooms", request)
        .await?
        .invalid("body.is_public", None)
}

async fn public_restricted(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({
        "name": "Both", "room_type": "public", "visibility": "restricted", "read_role_slugs": ["member"]
    });
    let answer = person.post("/v1/rooms", request).await?;
    answer.refused("SW_VALIDATION_ERROR").map(drop)
}

async fn restricted_roles(t: Trial) -> Verdict {
    let person = t.person().await?;
    for slugs in [json!([]), json!(["no-such-role"])] {
        let request =
            json!({"name": "Restricted", "visibility": "restricted", "read_role_slugs": slugs});
        let answer = person.post("/v1/rooms", request).await?;
        answer.invalid("body.read_role_slugs", None)?;
    }
    Ok(())
}

async fn names(t: Trial) -> Verdict {
    let person = t.person().await?;
    let answer = person.post("/v1/rooms", json!({})).await?;
    answer.invalid("body.name", Some("missing"))?;
    for name in [String::new(), "x".repeat(201)] {
        let answer = person.post("/v1/rooms", json!({"name": name})).await?;
        answer.invalid("body.name", Some("length"))?;
    }
    // Characters count, not bytes.
    person
        .creates(json!({"name": "é".repeat(200)}))
        .await
        .map(drop)
}

async fn topics(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"name": "Room", "topic": "x".repeat(2001)});
    person
        .post("/v1/rooms", request)
        .await?
        .invalid("body.topic", Some("length"))
}

async fn other_types(t: Trial) -> Verdict {
    let person = t.person().await?;
    for kind in ["dm", "sidekick", "bridge"] {
        let request = json!({"name": "Room", "room_type": kind});
        person
            .post("/v1/rooms", request)
            .await?
            .refused("SW_ROOM_TYPE_INVARIANT")?;
    }
    Ok(())
}

async fn personal_workspace(t: Trial) -> Verdict {
    let person = t.person().await?;
    let me = person.get("/v1/me").await?.ok()?;
    let room = person.group_with(&[]).await?;
    judge::equal(
        &room.data,
        "/workspace_id",
        me["personal_workspace_id"].clone(),
    )?;
    let request = json!({"name": "Named", "workspace_id": me["personal_workspace_id"]});
    person.creates(request).await.map(drop)
}

async fn other_workspace(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"name": "Room", "workspace_id": "00000000-0000-4000-8000-000000000000"});
    let answer = person.post("/v1/rooms", request).await?;
    answer.refused("SW_WORKSPACE_NOT_FOUND").map(drop)
}

async fn with_invitations(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner
        .creates(json!({"name": "Room", "invite": [guest.id()]}))
        .await?;
    let row = room.member(&owner, &guest).await?;
    judge::equal(&row, "/membership", "invite")?;
    guest
        .post(room.at("/join"), json!({}))
        .await?
        .ok()
        .map(drop)
}

async fn unknown_invitee(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let request = json!({"name": "Room", "invite": ["00000000-0000-8000-8000-000000000000"]});
    owner
        .post("/v1/rooms", request)
        .await?
        .refused("SW_NOT_FOUND")
        .map(drop)
}

async fn many_invitees(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let ids = vec!["00000000-0000-8000-8000-000000000000"; 101];
    let answer = owner
        .post("/v1/rooms", json!({"name": "Room", "invite": ids}))
        .await?;
    answer.invalid("body.invite", None)
}

async fn alias(t: Trial) -> Verdict {
    let person = t.person().await?;
    let name = format!("Plan {}", crate::cast::random_suffix());
    let first = person.creates(json!({"name": name})).await?;
    let second = person.creates(json!({"name": name})).await?;
    let server_name = judge::text(&first.data, "/server_name")?;
    let alias = judge::text(&first.data, "/room_alias")?;
    must(
        alias.starts_with('#') && alias.ends_with(&format!(":{server_name}")),
        || format!("the alias is {alias}"),
    )?;
    must(
        first.data["room_alias"] != second.data["room_alias"],
        || format!("two rooms have the alias {alias}"),
    )
}

async fn idempotent(t: Trial) -> Verdict {
    let person = t.person().await?;
    let key = crate::cast::random_suffix();
    let mut rooms = Vec::new();
    for name in ["First", "Second"] {
        let call = person
            .call("POST", "/v1/rooms")
            .header("Idempotency-Key", key.as_str());
        let data = call.json(json!({"name": name})).send().await?.ok()?;
        rooms.push(Room::from_data(data)?.id);
    }
    must(rooms.first() == rooms.last(), || {
        format!("two rooms: {rooms:?}")
    })
}

async fn idempotent_per_person(t: Trial) -> Verdict {
    let [a, b] = t.people().await?;
    let key = crate::cast::random_suffix();
    let mut rooms = Vec::new();
    for person in [&a, &b] {
        let call = person
            .call("POST", "/v1/rooms")
            .header("Idempotency-Key", key.as_str());
        let data = call.json(json!({"name": "Room"})).send().await?.ok()?;
        rooms.push(Room::from_data(data)?.id);
    }
    must(rooms.first() != rooms.last(), || {
        "another's key gave the room".to_owned()
    })
}

async fn bad_key(t: Trial) -> Verdict {
    let person = t.person().await?;
    let call = person
        .call("POST", "/v1/rooms")
        .header("Idempotency-Key", "k".repeat(129));
    let answer = call.json(json!({"name": "Room"})).send().await?;
    answer.refused("SW_VALIDATION_ERROR").map(drop)
}

async fn get(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let data = member.get(room.at("")).await?.ok()?;
    shape("room", &data, shapes::ROOM)?;
    for field in [
        "id",
        "name",
        "creator_id",
        "created_at",
        "room_alias",
        "workspace_id",
    ] {
        judge::equal(&data, &format!("/{field}"), room.data[field].clone())?;
    }
    judge::equal(&data, "/membership", "join")?;
    judge::equal(&data, "/power_level", 0)?;
    judge::equal(&data, "/member_count", 2)
}

async fn get_invited(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner
        .creates(json!({"name": "Room", "invite": [guest.id()]}))
        .await?;
    let data = guest.get(room.at("")).await?.ok()?;
    judge::equal(&data, "/membership", "invite")
}

async fn get_outside(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    outsider
        .get(room.at(""))
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}

async fn get_public(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.public_with(&[]).await?;
    let data = outsider.get(room.at("")).await?.ok()?;
    judge::equal(&data, "/membership", Value::Null)?;
    judge::equal(&data, "/power_level", Value::Null)
}

async fn get_unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    let answer = person
        .get("/v1/rooms/00000000-0000-8000-8000-000000000000")
        .await?;
    answer.refused("SW_ROOM_NOT_FOUND").map(drop)
}
