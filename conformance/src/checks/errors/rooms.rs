//! Codes of rooms, messages, workspaces, and the general ones.

use serde_json::json;

use crate::check::{Check, Verdict, errors};
use crate::trial::Trial;

const SECTION: &str = "client-core 12";
const NO_ROOM: &str = "/v1/rooms/00000000-0000-8000-8000-000000000000";

pub(super) fn checks() -> Vec<Check> {
    vec![
        errors(
            SECTION,
            "SW_NOT_MEMBER: 403 for sending without membership",
            not_member,
        ),
        errors(
            SECTION,
            "SW_ROOM_NOT_FOUND: 404 for an unknown room",
            room_not_found,
        ),
        errors(
            SECTION,
            "SW_ROOM_FORBIDDEN: 403 for a kick below 50",
            room_forbidden,
        ),
        errors(
            SECTION,
            "SW_ROOM_FROZEN: 409 for sending to an archived room",
            room_frozen,
        ),
        errors(
            SECTION,
            "SW_ROOM_TYPE_INVARIANT: 400 for renaming a DM",
            room_type_invariant,
        ),
        errors(
            SECTION,
            "SW_EVENT_NOT_FOUND: 404 for reacting to an unknown event",
            event_not_found,
        ),
        errors(
            SECTION,
            "SW_EVENT_TOO_OLD_TO_EDIT: 409 for an edit in a room without edits",
            event_too_old,
        ),
        errors(
            SECTION,
            "SW_REDACT_FORBIDDEN: 403 for redacting another's message below 50",
            redact_forbidden,
        ),
        errors(
            SECTION,
            "SW_CONTENT_TOO_LARGE: 413 for a content over 64 KB",
            content_too_large,
        ),
        errors(
            SECTION,
            "SW_WORKSPACE_NOT_FOUND: 404 for a room in a workspace that is not one's own",
            workspace_not_found,
        ),
        errors(
            SECTION,
            "SW_NOT_FOUND: 404 for an unknown path, participant and session",
            not_found,
        ),
        errors(
            SECTION,
            "SW_VALIDATION_ERROR: 422 for a missing field and for bad JSON",
            validation_error,
        ),
    ]
}

async fn not_member(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"content": {"body": "x"}});
    outsider
        .post(room.at("/send"), request)
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}

async fn room_not_found(t: Trial) -> Verdict {
    let person = t.person().await?;
    person
        .get(NO_ROOM)
        .await?
        .refused("SW_ROOM_NOT_FOUND")
        .map(drop)
}

async fn room_forbidden(t: Trial) -> Verdict {
    let [owner, member, target] = t.people().await?;
    let room = owner.group_with(&[&member, &target]).await?;
    let request = json!({"participant_id": target.id()});
    member
        .post(room.at("/kick"), request)
        .await?
        .refused("SW_ROOM_FORBIDDEN")
        .map(drop)
}

async fn room_frozen(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let request = json!({"content": {"body": "x"}});
    owner
        .post(room.at("/send"), request)
        .await?
        .refused("SW_ROOM_FROZEN")
        .map(drop)
}

async fn room_type_invariant(t: Trial) -> Verdict {
    let (a, b) = (t.newcomer().await?, t.person().await?);
    let room = a.dm_with(&b).await?;
    let answer = a.put(room.at("/name"), json!({"name": "A name"})).await?;
    answer.refused("SW_ROOM_TYPE_INVARIANT").map(drop)
}

async fn event_not_found(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let path = room.at("/events/00000000-0000-7000-8000-000000000000/reaction");
    let answer = person.post(path, json!({"emoji": "👍"})).await?;
    answer.refused("SW_EVENT_NOT_FOUND").map(drop)
}

async fn event_too_old(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    person
        .put(room.at("/settings"), json!({"edit_window_seconds": 0}))
        .await?
        .ok()?;
    let sent = person.says(&room, "fixed").await?;
    let request = json!({"content": {"body": "x"}});
    let answer = person.post(room.event(&sent, "/edit"), request).await?;
    answer.refused("SW_EVENT_TOO_OLD_TO_EDIT").map(drop)
}

async fn redact_forbidden(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = owner.says(&room, "mine").await?;
    let answer = member.post(room.event(&sent, "/redact"), json!({})).await?;
    answer.refused("SW_REDACT_FORBIDDEN").map(drop)
}

async fn content_too_large(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let request = json!({"content": {"body": "x".repeat(65_537)}});
    let answer = person.post(room.at("/send"), request).await?;
    answer.refused("SW_CONTENT_TOO_LARGE").map(drop)
}

async fn workspace_not_found(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"name": "Room", "workspace_id": "00000000-0000-4000-8000-000000000000"});
    let answer = person.post("/v1/rooms", request).await?;
    answer.refused("SW_WORKSPACE_NOT_FOUND").map(drop)
}

async fn not_found(t: Trial) -> Verdict {
    let person = t.person().await?;
    for path in [
        "/v1/no/such/path",
        "/v1/profiles/00000000-0000-8000-8000-000000000000",
    ] {
        person.get(path).await?.refused("SW_NOT_FOUND")?;
    }
    let path = "/v1/me/sessions/00000000-0000-4000-8000-000000000000";
    person.delete(path).await?.refused("SW_NOT_FOUND").map(drop)
}

async fn validation_error(t: Trial) -> Verdict {
    let person = t.person().await?;
    let answer = person.post("/v1/rooms/dm", json!({})).await?;
    answer.invalid("body.participant_id", Some("missing"))?;
    let call = person
        .call("POST", "/v1/rooms")
        .raw("application/json", "{");
    call.send().await?.invalid("body", Some("json"))
}
