//! What is live and never stored: presence and typing, both ways.

use std::time::Duration;

use serde_json::{Value, json};

use super::stage::{Stage, body, new_guest};
use crate::check::{Check, Stop, Verdict, federation};
use crate::judge::{self, must};
use crate::protocol::ids;
use crate::trial::Trial;

const SECTION: &str = "federation 1, 4, ephemeral";
/// A server may leave a peer alone for a while that was away: in another check the played one was.
const PATIENCE: Duration = Duration::from_secs(75);

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "live/typing: a member's typing reaches the peer",
            typing_out,
        ),
        federation(
            SECTION,
            "live/typing: a guest's typing is shown in the room, and its end",
            typing_in,
        ),
        federation(
            SECTION,
            "live/presence: a member's presence reaches a peer that shares a room",
            presence_out,
        ),
        federation(
            SECTION,
            "live/presence: appear_offline reaches the peer as offline",
            hidden_out,
        ),
        federation(
            SECTION,
            "live/presence: a guest is as the home server says",
            presence_in,
        ),
        federation(
            SECTION,
            "live: about another server's people gets SW_FED_SIGNATURE_MISMATCH",
            about_others,
        ),
        federation(
            SECTION,
            "live: about who is not in the room is taken and changes nothing",
            about_strangers,
        ),
        federation(
            SECTION,
            "live: more than 500 words of a kind, or an unknown status, get SW_VALIDATION_ERROR",
            malformed,
        ),
        federation(SECTION, "live/typing: is not in sync", not_stored),
    ]
}

/// Tells the server under test something live, which it must take.
async fn tells(stage: &Stage, notices: &Value) -> Verdict {
    let answer = stage
        .peer
        .post(&stage.trial.stranger(), "/ephemeral", notices)
        .await?;
    judge::equal(&body(&answer)?, "/ok", true)
}

async fn guest_is(stage: &Stage, status: &str) -> Verdict {
    let notices = json!({"presence": [{"participant": stage.guest, "status": status}]});
    tells(stage, &notices).await
}

fn typing(stage: &Stage, person: &str, typing: bool) -> Value {
    json!({"typing": [{"room_id": stage.room.id, "participant": person, "typing": typing}]})
}

/// How present the guest looks to the owner.
async fn guest_looks(stage: &Stage) -> Result<Value, Stop> {
    let id = ids::participant_id(&stage.guest);
    let path = format!("/v1/presence?ids={id}");
    let data = stage.owner.get(path).await?.ok()?;
    Ok(data[&id].clone())
}

/// Waits until the peer is told so; does it again and again, since a word that was lost is not repeated.
async fn told<T, F, Fut>(
    stage: &Stage,
    what: &str,
    again: F,
    fits: impl Fn(&Value) -> bool,
) -> Verdict
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, Stop>>,
{
    let look = || async {
        again().await?;
        let requests = stage.peer.requests();
        let told = requests
            .iter()
            .filter(|request| request.path == "/ephemeral" && !request.refused)
            .find(|request| fits(&request.body));
        Ok(told.map(|request| request.fault.clone()))
    };
    let fault = stage.trial.within(PATIENCE, what, look).await?;
    must(fault.is_none(), || {
        format!("the request is not signed right: {fault:?}")
    })
}

fn says(list: &Value, fits: impl Fn(&Value) -> bool) -> bool {
    list.as_array().is_some_and(|words| words.iter().any(fits))
}

async fn typing_out(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let request = json!({"room_id": stage.room.id, "typing": true});
    let again = || async { stage.owner.put("/v1/typing", request.clone()).await?.done() };
    told(&stage, "the peer is told who types", again, |body| {
        says(&body["typing"], |word| {
            word["room_id"] == stage.room.id.as_str()
                && word["participant"] == stage.owner.fqid()
                && word["typing"] == true
        })
    })
    .await
}

async fn typing_in(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let socket = stage.owner.listens().await?;
    for is_typing in [true, false] {
        tells(&stage, &typing(&stage, &stage.guest, is_typing)).await?;
        let frame = socket
            .wait_in(&stage.room.id, "typing", |frame| {
                frame["typing"] == is_typing
            })
            .await?;
        judge::equal(&frame, "/participant_id", ids::participant_id(&stage.guest))?;
    }
    Ok(())
}

async fn sets(stage: &Stage, status: &str) -> Verdict {
    let request = json!({ "status": status });
    let answer = stage.owner.put("/v1/me/presence", request).await?;
    answer.ok().map(drop)
}

/// Waits until the peer is told so of the owner. Who is there is said again after a minute.
async fn owner_is_told(stage: &Stage, status: &str) -> Verdict {
    let nothing = || async { Ok(()) };
    told(stage, "the peer is told who is there", nothing, |body| {
        says(&body["presence"], |word| {
            word["participant"] == stage.owner.fqid() && word["status"] == status
        })
    })
    .await
}

async fn presence_out(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    sets(&stage, "busy").await?;
    let outcome = owner_is_told(&stage, "busy").await;
    sets(&stage, "auto").await?;
    outcome
}

async fn hidden_out(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    sets(&stage, "busy").await?;
    owner_is_told(&stage, "busy").await?;
    sets(&stage, "appear_offline").await?;
    let outcome = owner_is_told(&stage, "offline").await;
    sets(&stage, "auto").await?;
    outcome?;
    let given_away = stage.peer.requests().iter().any(|request| {
        says(&request.body["presence"], |word| {
            word["participant"] == stage.owner.fqid() && word["status"] == "appear_offline"
        })
    });
    must(!given_away, || "it was told as appear_offline".to_owned())
}

async fn presence_in(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    judge::equal(&guest_looks(&stage).await?, "", "offline")?;
    let socket = stage.owner.listens().await?;
    for status in ["online", "busy", "idle", "offline"] {
        guest_is(&stage, status).await?;
        let guest = ids::participant_id(&stage.guest);
        socket
            .wait("the guest's presence", |frame| {
                frame["type"] == "presence"
                    && frame["participant_id"] == guest.as_str()
                    && frame["status"] == status
            })
            .await?;
        judge::equal(&guest_looks(&stage).await?, "", status)?;
    }
    Ok(())
}

async fn about_others(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let owner = stage.owner.fqid();
    let words = [
        json!({"presence": [{"participant": owner, "status": "busy"}]}),
        typing(&stage, owner, true),
        json!({"presence": [
            {"participant": stage.guest, "status": "busy"},
            {"participant": "@somebody:c.invalid", "status": "busy"},
        ]}),
    ];
    for notices in words {
        let answer = stage
            .peer
            .post(&t.stranger(), "/ephemeral", &notices)
            .await?;
        answer.refused("SW_FED_SIGNATURE_MISMATCH")?;
    }
    judge::equal(&guest_looks(&stage).await?, "", "offline")
}

async fn about_strangers(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let socket = stage.owner.listens().await?;
    let stranger = new_guest(&stage.peer);
    let notices = json!({"presence": [{"participant": stranger, "status": "online"}]});
    tells(&stage, &notices).await?;
    tells(&stage, &typing(&stage, &stranger, true)).await?;
    // What is shown comes after, so that nothing else can have come before.
    tells(&stage, &typing(&stage, &stage.guest, true)).await?;
    let frame = socket
        .wait_in(&stage.room.id, "typing", |frame| frame["typing"] == true)
        .await?;
    judge::equal(&frame, "/participant_id", ids::participant_id(&stage.guest))
}

async fn malformed(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let word = json!({"participant": stage.guest, "status": "online"});
    let wrong = [
        json!({"presence": vec![word; 501]}),
        json!({"presence": [{"participant": stage.guest, "status": "asleep"}]}),
        json!({"typing": [{"room_id": stage.room.id, "participant": stage.guest}]}),
    ];
    for notices in wrong {
        let answer = stage
            .peer
            .post(&t.stranger(), "/ephemeral", &notices)
            .await?;
        answer.refused("SW_VALIDATION_ERROR")?;
    }
    Ok(())
}

async fn not_stored(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let end = stage.owner.sync_end().await?;
    tells(&stage, &typing(&stage, &stage.guest, true)).await?;
    guest_is(&stage, "online").await?;
    // Other checks move the end of the stream meanwhile; this room says nothing new.
    let path = format!("/v1/sync?since={end}&timeout=0");
    let page = stage.owner.get(&path).await?.ok()?;
    let events = judge::list(&page, "/events")?;
    let of_room = events
        .iter()
        .filter(|event| event["room_id"] == json!(stage.room.id));
    judge::equal(&json!(of_room.count()), "", 0)
}
