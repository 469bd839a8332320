//! The description of the API, which programs read.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::check::{Check, Stop, Verdict, client};
use crate::judge::{self, must};
use crate::trial::Trial;

const SECTION: &str = "client-core 1";

/// Every endpoint of the client specification; export, import and catching up belong to other parts.
const ENDPOINTS: [&str; 81] = [
    "get /v1/auth/config",
    "post /v1/auth/login",
    "get /v1/auth/login",
    "post /v1/auth/token",
    "post /v1/auth/refresh",
    "post /v1/auth/register",
    "post /v1/auth/logout",
    "put /v1/auth/password",
    "post /v1/auth/signup",
    "get /v1/me/sessions",
    "delete /v1/me/sessions/{session_id}",
    "delete /v1/me/sessions",
    "get /v1/me/tokens",
    "post /v1/me/tokens",
    "delete /v1/me/tokens/{token_id}",
    "get /v1/me",
    "put /v1/me",
    "get /v1/me/preferences",
    "put /v1/me/preferences",
    "get /v1/profiles/{participant_id}",
    "get /v1/directory/participants",
    "get /v1/directory/groups",
    "get /v1/directory/groups/{group_id}/members",
    "get /v1/directory/rooms",
    "get /v1/presence",
    "put /v1/me/presence",
    "post /v1/me/presence/heartbeat",
    "put /v1/typing",
    "get /v1/rooms/{room_id}/state",
    "post /v1/rooms",
    "post /v1/rooms/dm",
    "get /v1/rooms/{room_id}",
    "get /v1/rooms/archived",
    "get /v1/rooms/{room_id}/members",
    "post /v1/rooms/{room_id}/join",
    "post /v1/rooms/{room_id}/leave",
    "post /v1/rooms/{room_id}/knock",
    "post /v1/rooms/{room_id}/invite",
    "post /v1/rooms/{room_id}/invitations",
    "get /v1/rooms/{room_id}/invitations",
    "delete /v1/rooms/{room_id}/invitations/{participant_id}",
    "get /v1/me/invitations",
    "post /v1/me/invitations/{room_id}/accept",
    "post /v1/me/invitations/{room_id}/decline",
    "post /v1/rooms/{room_id}/kick",
    "post /v1/rooms/{room_id}/ban",
    "post /v1/rooms/{room_id}/unban",
    "put /v1/rooms/{room_id}/members/{participant_id}/power-level",
    "get /v1/rooms/{room_id}/power-levels",
    "put /v1/rooms/{room_id}/power-levels",
    "put /v1/rooms/{room_id}/name",
    "put /v1/rooms/{room_id}/topic",
    "put /v1/rooms/{room_id}/settings",
    "post /v1/rooms/{room_id}/archive",
    "post /v1/rooms/{room_id}/close",
    "post /v1/rooms/{room_id}/rejoin",
    "put /v1/rooms/{room_id}/notification-mode",
    "put /v1/rooms/{room_id}/mute",
    "get /v1/rooms/{room_id}/messages",
    "post /v1/rooms/{room_id}/send",
    "get /v1/rooms/{room_id}/events/{event_id}",
    "post /v1/rooms/{room_id}/events/{event_id}/edit",
    "post /v1/rooms/{room_id}/events/{event_id}/redact",
    "post /v1/rooms/{room_id}/events/{event_id}/reaction",
    "delete /v1/rooms/{room_id}/events/{event_id}/reaction",
    "get /v1/rooms/{room_id}/events/{event_id}/reactions",
    "get /v1/rooms/{room_id}/events/{event_id}/thread",
    "get /v1/rooms/{room_id}/pins",
    "put /v1/rooms/{room_id}/pins/{event_id}",
    "delete /v1/rooms/{room_id}/pins/{event_id}",
    "put /v1/rooms/{room_id}/read-marker",
    "get /v1/inbox/priority",
    "delete /v1/inbox/priority/{event_id}",
    "post /v1/messages/{event_id}/snooze",
    "get /v1/me/snoozes",
    "delete /v1/me/snoozes/{task_id}",
    "put /v1/rooms/{room_id}/workspace",
    "get /v1/directory/alias/{alias}",
    "get /v1/sync",
    "get /v1/stream",
    "get /v1/openapi.json",
];

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "openapi/document: is OpenAPI 3.1 as JSON, and needs no token",
            document,
        ),
        client(
            SECTION,
            "openapi/document: describes every endpoint of the client specification",
            endpoints,
        ),
        client(
            SECTION,
            "openapi/document: every reference leads somewhere, every operation has an id of its own",
            references,
        ),
        client(
            SECTION,
            "openapi/operations: say who may ask, what is answered and how it is refused",
            operations,
        ),
        client(
            SECTION,
            "openapi/page: the same for people, as a page that needs nothing from elsewhere",
            page,
        ),
    ]
}

async fn fetched(t: &Trial) -> Result<Value, Stop> {
    let answer = t.stranger().get("/v1/openapi.json").await?;
    must(answer.status == 200, || {
        format!("openapi.json is {}", answer.status)
    })?;
    let media_type = answer.must_header("content-type")?;
    must(media_type.starts_with("application/json"), || {
        format!("openapi.json is {media_type}")
    })?;
    answer.body().cloned()
}

/// Every operation, after its method and path.
fn of(document: &Value) -> Result<Vec<(String, &Value)>, Stop> {
    let paths = document.get("paths").and_then(Value::as_object);
    must(paths.is_some(), || "there are no paths".to_owned())?;
    let mut found = Vec::new();
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if ["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                found.push((format!("{method} {path}"), operation));
            }
        }
    }
    Ok(found)
}

async fn document(t: Trial) -> Verdict {
    let document = fetched(&t).await?;
    let version = judge::text(&document, "/openapi")?;
    must(version.starts_with("3.1."), || {
        format!("the version is {version}")
    })?;
    judge::text(&document, "/info/title")?;
    judge::text(&document, "/info/version").map(drop)
}

async fn page(t: Trial) -> Verdict {
    let answer = t.stranger().get("/v1/docs").await?;
    let media_type = answer.must_header("content-type")?;
    must(
        answer.status == 200 && media_type.starts_with("text/html"),
        || format!("the page is {} {media_type}", answer.status),
    )?;
    let text = &answer.text;
    for (place, _) in of(&fetched(&t).await?)? {
        let (_, path) = place.split_once(' ').unwrap_or_default();
        must(text.contains(path), || {
            format!("{place} is not on the page")
        })?;
    }
    let loads_more = ["<script src", "<link", "<img", "@import"];
    let loaded = loads_more.iter().find(|tag| text.contains(**tag));
    must(loaded.is_none(), || format!("the page has {loaded:?}"))
}

async fn endpoints(t: Trial) -> Verdict {
    let document = fetched(&t).await?;
    let described: BTreeSet<String> = of(&document)?.into_iter().map(|(place, _)| place).collect();
    let missing: Vec<_> = ENDPOINTS
        .iter()
        .filter(|endpoint| !described.contains(**endpoint))
        .collect();
    must(missing.is_empty(), || format!("not described: {missing:?}"))
}

async fn references(t: Trial) -> Verdict {
    let document = fetched(&t).await?;
    let mut waiting = vec![&document];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(object) => {
                if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                    let target = reference.strip_prefix('#');
                    let found = target.and_then(|pointer| document.pointer(pointer));
                    must(found.is_some(), || format!("{reference} leads nowhere"))?;
                }
                waiting.extend(object.values());
            }
            Value::Array(list) => waiting.extend(list),
            _ => {}
        }
    }
    let mut ids = BTreeSet::new();
    for (place, operation) in of(&document)? {
        let id = judge::text(operation, "/operationId")?;
        must(ids.insert(id.clone()), || {
            format!("{place} has the id {id} of another")
        })?;
    }
    Ok(())
}

async fn operations(t: Trial) -> Verdict {
    let document = fetched(&t).await?;
    let has_body = |response: &Value| {
        let reference = response.get("$ref").and_then(Value::as_str);
        let target = reference.and_then(|reference| reference.strip_prefix('#'));
        let response = target.map_or(Some(response), |pointer| document.pointer(pointer));
        let schema = "/content/application~1json/schema";
        response.is_some_and(|response| response.pointer(schema).is_some())
    };
    for (place, operation) in of(&document)? {
        must(
            operation.get("security").is_some_and(Value::is_array),
            || format!("{place} does not say who may ask"),
        )?;
        let responses = operation.get("responses").and_then(Value::as_object);
        let responses: Vec<_> = responses.into_iter().flatten().collect();
        must(
            responses
                .iter()
                .any(|(status, _)| !status.starts_with(['4', '5'])),
            || format!("{place} never succeeds"),
        )?;
        // That no part of a file can be had is said by the status alone (content 5).
        let mut refusals = responses
            .iter()
            .filter(|(status, _)| status.starts_with(['4', '5']) && status.as_str() != "416");
        must(
            refusals.clone().count() > 0 && refusals.all(|(_, response)| has_body(response)),
            || format!("{place} does not say how it refuses"),
        )?;
    }
    Ok(())
}
