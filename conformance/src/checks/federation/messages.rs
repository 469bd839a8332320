//! Messages, edits, redactions and reactions, both ways.

use serde_json::{Value, json};

use super::stage::{Stage, message};
use crate::cast::person::text_content;
use crate::check::{Check, Verdict, failed, federation};
use crate::judge::{self, must, shape::shape, shapes};
use crate::protocol::{event, ids};
use crate::trial::Trial;

const SECTION: &str = "federation 3, 4, 7";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "messages/in: a guest's message is in history with the event's own id, sender and time",
            message_in,
        ),
        federation(
            SECTION,
            "messages/in: it comes by sync and as a frame",
            live_in,
        ),
        federation(
            SECTION,
            "messages/in: an edit is folded into its message",
            edit_in,
        ),
        federation(
            SECTION,
            "messages/in: a redaction takes the text away",
            redaction_in,
        ),
        federation(
            SECTION,
            "messages/in: a reaction is counted, its removal too",
            reaction_in,
        ),
        federation(
            SECTION,
            "messages/in: a reaction to a message that is not there takes its place and waits",
            early_reaction,
        ),
        federation(
            SECTION,
            "messages/in: an unknown type is taken and not shown as a message",
            unknown_type,
        ),
        federation(
            SECTION,
            "messages/out: a member's message reaches the peer, rightly signed and chained",
            message_out,
        ),
        federation(
            SECTION,
            "messages/out: edit, reaction and redaction reach the peer",
            others_out,
        ),
        federation(
            SECTION,
            "messages/out: events come in order, without a gap, each once",
            order_out,
        ),
        federation(
            SECTION,
            "messages/out: no local secret goes along: event_uuid stays at home",
            nothing_local,
        ),
    ]
}

async fn message_in(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.says("hello from b").await?;
    let seen = stage.shown(&sent, |_| true).await?;
    shape("event", &seen, shapes::EVENT)?;
    judge::equal(&seen, "/content", message("hello from b"))?;
    judge::equal(&seen, "/sender_id", ids::participant_id(&stage.guest))?;
    let ts = judge::int(&sent, "/ts")?;
    judge::equal(&seen, "/origin_ts", ts / 1000)?;
    let history = stage.room.history(&stage.owner).await?;
    judge::row(&history, "/id", sent["event_id"].clone()).map(drop)
}

async fn live_in(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let end = stage.owner.sync_end().await?;
    let socket = stage.owner.listens().await?;
    let sent = stage.says("live").await?;
    let frame = socket
        .wait("the guest's message", |frame| {
            frame["id"] == sent["event_id"]
        })
        .await?;
    shape("frame", &frame, shapes::DURABLE_FRAME)?;
    judge::equal(&frame, "/content", message("live"))?;
    let data = stage
        .owner
        .get(format!("/v1/sync?since={end}"))
        .await?
        .ok()?;
    let events = judge::list(&data, "/events")?;
    judge::row(&events, "/id", sent["event_id"].clone()).map(drop)
}

async fn edit_in(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.says("first").await?;
    let edit = json!({"event_id": sent["event_id"], "content": message("second")});
    stage.delivers("swp.room.message.edit", edit).await?;
    let seen = stage
        .shown(&sent, |seen| seen["content"] == message("second"))
        .await?;
    judge::equal(&seen, "/original_content", message("first"))?;
    must(seen["edited_at"].is_string(), || {
        "edited_at is null".to_owned()
    })
}

async fn redaction_in(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.says("gone soon").await?;
    let redaction = json!({"event_id": sent["event_id"], "reason": "mistake"});
    stage.delivers("swp.room.redaction", redaction).await?;
    let seen = stage
        .shown(&sent, |seen| seen["content"] == json!({}))
        .await?;
    judge::equal(&seen, "/redacted_by", ids::participant_id(&stage.guest))?;
    judge::equal(&seen, "/redaction_reason", "mistake")
}

async fn reaction_in(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.owner.says(&stage.room, "like me").await?;
    let target = json!({"event_id": sent["id"]});
    for (action, count) in [("add", 1), ("remove", 0)] {
        let reaction = json!({"event_id": sent["id"], "emoji": "👍", "action": action});
        stage.delivers("swp.room.reaction", reaction).await?;
        let has = |seen: &Value| seen["reactions"].as_array().map(Vec::len) == Some(count);
        stage.shown(&target, has).await?;
    }
    Ok(())
}

async fn early_reaction(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    // As if another server's message were still on its way.
    let later = stage.compose("swp.room.message", message("later"));
    let reaction = json!({"event_id": later["event_id"], "emoji": "👍", "action": "add"});
    let event = stage.append("swp.room.reaction", reaction);
    let result = stage.send_one(&event).await?;
    must(
        result["status"] == "accepted" || result["status"] == "pending",
        || format!("a reaction to an unknown message got {result}"),
    )?;
    stage.says("the log goes on").await.map(drop)
}

async fn unknown_type(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let event = stage
        .delivers("swp.example.later_version", json!({"anything": [1, 2]}))
        .await?;
    stage.says("the log goes on").await?;
    let path = stage.room.at("/messages?types=swp.room.message");
    let (rows, _) = stage.owner.get(path).await?.list()?;
    judge::no_row(&rows, "/id", event["event_id"].clone())
}

async fn message_out(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.owner.says(&stage.room, "hello from a").await?;
    let event = stage
        .gets("the message", |event| event["event_id"] == sent["id"])
        .await?;
    event::judge(&event, stage.peer.subject_key(), None).map_err(failed)?;
    judge::equal(&event, "/type", "swp.room.message")?;
    judge::equal(&event, "/origin", stage.peer.subject_name())?;
    judge::equal(&event, "/sender", stage.owner.fqid())?;
    judge::equal(&event, "/content", text_content("hello from a"))?;
    judge::equal(&event, "/room_id", stage.room.id.as_str())?;
    let (seq, hash) = stage.copy(|room| room.state.clone()).unwrap_or_default();
    judge::equal(&event, "/state_seq", seq)?;
    judge::equal(&event, "/state_hash", hash)
}

async fn others_out(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.owner.says(&stage.room, "first").await?;
    let id = sent["id"].clone();
    let request = json!({"content": text_content("second")});
    stage
        .owner
        .post(stage.room.event(&sent, "/edit"), request)
        .await?
        .ok()?;
    let edit = stage
        .gets("the edit", |event| event["type"] == "swp.room.message.edit")
        .await?;
    judge::equal(
        &edit,
        "/content",
        json!({"event_id": id, "content": text_content("second")}),
    )?;
    let path = stage.room.event(&sent, "/reaction");
    stage.owner.post(path, json!({"emoji": "🎉"})).await?.ok()?;
    let reaction = stage
        .gets("the reaction", |event| event["type"] == "swp.room.reaction")
        .await?;
    judge::equal(
        &reaction,
        "/content",
        json!({"event_id": id, "emoji": "🎉", "action": "add"}),
    )?;
    let request = json!({"reason": "mistake"});
    stage
        .owner
        .post(stage.room.event(&sent, "/redact"), request)
        .await?
        .ok()?;
    let redaction = stage
        .gets("the redaction", |event| {
            event["type"] == "swp.room.redaction"
        })
        .await?;
    judge::equal(&redaction, "/content/event_id", id)?;
    judge::equal(&redaction, "/content/reason", "mistake")
}

async fn order_out(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut last = Value::Null;
    for number in 0..8 {
        last = stage.owner.says(&stage.room, &number.to_string()).await?;
    }
    stage
        .gets("the last message", |event| event["event_id"] == last["id"])
        .await?;
    let mine = |event: &Value| {
        event["room_id"] == stage.room.id.as_str() && event["type"] == "swp.room.message"
    };
    let events: Vec<Value> = stage
        .peer
        .requests()
        .iter()
        .flat_map(|request| request.events())
        .filter(mine)
        .collect();
    for pair in events.windows(2) {
        let [before, after] = pair else { continue };
        event::judge(after, stage.peer.subject_key(), Some(before)).map_err(failed)?;
    }
    must(events.len() == 8, || {
        format!("{} messages came instead of 8", events.len())
    })
}

async fn nothing_local(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let uuid = crate::cast::random_uuid();
    let request = json!({"content": text_content("mine"), "event_uuid": uuid});
    let sent = stage
        .owner
        .post(stage.room.at("/send"), request)
        .await?
        .ok()?;
    let event = stage
        .gets("the message", |event| event["event_id"] == sent["id"])
        .await?;
    must(!event.to_string().contains(&uuid), || {
        "event_uuid went along".to_owned()
    })
}
