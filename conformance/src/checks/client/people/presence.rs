//! Presence: states, heartbeats, frames.

use serde_json::json;

use crate::cast::person::Person;
use crate::check::{Check, Stop, Verdict, client};
use crate::judge;
use crate::trial::Trial;

const SECTION: &str = "client-core 4";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "presence/get: unknown and never seen people are offline",
            offline,
        ),
        client(SECTION, "presence/get: at most 200 ids", too_many),
        client(
            SECTION,
            "presence/heartbeat: makes a person online, or idle",
            heartbeat,
        ),
        client(
            SECTION,
            "presence/heartbeat: a status other than online or idle gets SW_VALIDATION_ERROR",
            bad_heartbeat,
        ),
        client(
            SECTION,
            "presence/set: a state set by hand is sticky until auto",
            by_hand,
        ),
        client(
            SECTION,
            "presence/set: an unknown state gets SW_VALIDATION_ERROR",
            bad_state,
        ),
        client(
            SECTION,
            "presence/set: appear_offline reads offline to others",
            appear_offline,
        ),
        client(
            SECTION,
            "presence/frames: who shares a room sees the change",
            frame,
        ),
        client(
            SECTION,
            "presence/socket: a heartbeat frame makes a person online",
            socket_heartbeat,
        ),
    ]
}

async fn seen(viewer: &Person, of: &Person) -> Result<String, Stop> {
    let data = viewer
        .get(format!("/v1/presence?ids={}", of.id()))
        .await?
        .ok()?;
    judge::text(&data, &format!("/{}", of.id()))
}

async fn becomes(t: &Trial, viewer: &Person, of: &Person, state: &str) -> Verdict {
    t.until(&format!("{} is {state}", of.fqid()), || async {
        Ok((seen(viewer, of).await? == state).then_some(()))
    })
    .await
}

async fn offline(t: Trial) -> Verdict {
    let viewer = t.person().await?;
    let unknown = "00000000-0000-8000-8000-000000000000";
    let data = viewer
        .get(format!("/v1/presence?ids={unknown}"))
        .await?
        .ok()?;
    judge::equal(&data, &format!("/{unknown}"), "offline")
}

async fn too_many(t: Trial) -> Verdict {
    let viewer = t.person().await?;
    let ids = vec!["00000000-0000-8000-8000-000000000000"; 201].join(",");
    let answer = viewer.get(format!("/v1/presence?ids={ids}")).await?;
    answer.invalid("query.ids", None)
}

async fn heartbeat(t: Trial) -> Verdict {
    let (person, viewer) = (t.newcomer().await?, t.person().await?);
    let data = person
        .post("/v1/me/presence/heartbeat", json!({}))
        .await?
        .ok()?;
    judge::equal(&data, "/presence", "online")?;
    becomes(&t, &viewer, &person, "online").await?;
    let request = json!({"status": "idle"});
    let data = person
        .post("/v1/me/presence/heartbeat", request)
        .await?
        .ok()?;
    judge::equal(&data, "/presence", "idle")?;
    becomes(&t, &viewer, &person, "idle").await
}

async fn bad_heartbeat(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let answer = person
        .post("/v1/me/presence/heartbeat", json!({"status": "busy"}))
        .await?;
    answer.invalid("body.status", Some("enum"))
}

async fn by_hand(t: Trial) -> Verdict {
    let (person, viewer) = (t.newcomer().await?, t.person().await?);
    person
        .post("/v1/me/presence/heartbeat", json!({}))
        .await?
        .ok()?;
    let data = person
        .put("/v1/me/presence", json!({"status": "busy"}))
        .await?
        .ok()?;
    judge::equal(&data, "/presence", "busy")?;
    person
        .post("/v1/me/presence/heartbeat", json!({}))
        .await?
        .ok()?;
    becomes(&t, &viewer, &person, "busy").await?;
    let me = person.get("/v1/me").await?.ok()?;
    judge::equal(&me, "/presence", "busy")?;
    person
        .put("/v1/me/presence", json!({"status": "auto"}))
        .await?
        .ok()?;
    becomes(&t, &viewer, &person, "online").await
}

async fn bad_state(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let answer = person
        .put("/v1/me/presence", json!({"status": "away"}))
        .await?;
    answer.invalid("body.status", Some("enum"))
}

async fn appear_offline(t: Trial) -> Verdict {
    let (person, viewer) = (t.newcomer().await?, t.person().await?);
    person
        .post("/v1/me/presence/heartbeat", json!({}))
        .await?
        .ok()?;
    becomes(&t, &viewer, &person, "online").await?;
    let request = json!({"status": "appear_offline"});
    person.put("/v1/me/presence", request).await?.ok()?;
    becomes(&t, &viewer, &person, "offline").await
}

async fn frame(t: Trial) -> Verdict {
    let (person, viewer) = (t.newcomer().await?, t.person().await?);
    viewer.group_with(&[&person]).await?;
    let socket = viewer.listens().await?;
    person
        .post("/v1/me/presence/heartbeat", json!({}))
        .await?
        .ok()?;
    let frame = socket
        .wait("presence", |frame| {
            frame["type"] == "presence" && frame["participant_id"] == person.id()
        })
        .await?;
    judge::shape::shape(
        "frame",
        &frame,
        "type str, tenant_id id, ts time, participant_id id, status str",
    )?;
    person
        .put("/v1/me/presence", json!({"status": "busy"}))
        .await?
        .ok()?;
    socket
        .wait("presence busy", |frame| {
            frame["type"] == "presence"
                && frame["participant_id"] == person.id()
                && frame["status"] == "busy"
        })
        .await
        .map(drop)
}

async fn socket_heartbeat(t: Trial) -> Verdict {
    let (person, viewer) = (t.newcomer().await?, t.person().await?);
    let socket = person.listens().await?;
    socket
        .send(r#"{"type":"heartbeat","status":"online"}"#)
        .await?;
    becomes(&t, &viewer, &person, "online").await
}
