//! `swp.notification`: who is told of what, and why.

use serde_json::{Value, json};

use super::{mention, prefer};
use crate::cast::person::Person;
use crate::cast::room::Room;
use crate::check::{Check, Stop, Verdict, client};
use crate::client::socket::Socket;
use crate::clock;
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 11";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "notifications/frame: a mention tells who, where, why and a snippet",
            fields,
        ),
        client(
            SECTION,
            "notifications/mode: a group room starts on mentions, a DM on all",
            defaults,
        ),
        client(
            SECTION,
            "notifications/mode: all, mentions, none and inherit",
            modes,
        ),
        client(
            SECTION,
            "notifications/keywords: any case, whole words, on none too, and counted",
            keywords,
        ),
        client(
            SECTION,
            "notifications/mute: it is stronger than mentions and keywords",
            mute,
        ),
        client(
            SECTION,
            "notifications/quiet_hours: frames come with silent",
            quiet_hours,
        ),
        client(SECTION, "notifications/push: turns them off and on", push),
        client(
            SECTION,
            "notifications/edit: only new mentions notify",
            edit,
        ),
        client(
            SECTION,
            "notifications/invite: an invitation notifies, the room does not before the join",
            invite,
        ),
    ]
}

/// Somebody who is told things, and who tells them: at last with a message in their DM.
struct Stage {
    teller: Person,
    told: Person,
    room: Room,
    dm: Room,
    socket: Socket,
}

impl Stage {
    async fn set(t: &Trial) -> Result<Self, Stop> {
        let (teller, told) = (t.person().await?, t.newcomer().await?);
        let room = teller.group_with(&[&told]).await?;
        let dm = teller.dm_with(&told).await?;
        let socket = told.listens().await?;
        Ok(Self {
            teller,
            told,
            room,
            dm,
            socket,
        })
    }

    async fn says(&self, body: &str) -> Result<Value, Stop> {
        self.teller.says(&self.room, body).await
    }

    async fn mentions(&self, body: &str) -> Result<Value, Stop> {
        mention(&self.teller, &self.room, &self.told, body).await
    }

    async fn mode(&self, mode: &str) -> Verdict {
        let path = self.room.at("/notification-mode");
        let answer = self.told.put(path, json!({ "mode": mode })).await?;
        answer.ok().map(drop)
    }

    /// All notifications so far, up to one of a message in the DM with this text.
    async fn notices(&self, end: &str) -> Result<Vec<Value>, Stop> {
        self.teller.says(&self.dm, end).await?;
        let is_notice = |frame: &Value| frame["type"] == "swp.notification";
        self.socket
            .wait("the notification of a DM", |frame| {
                is_notice(frame) && frame["snippet"] == end
            })
            .await?;
        let mut frames = self.socket.frames();
        frames.retain(|frame| is_notice(frame) && frame["room_id"] == self.room.id.as_str());
        Ok(frames)
    }

    /// Waits until everything said so far was told: with what is set then.
    async fn settle(&self, end: &str) -> Verdict {
        self.notices(end).await.map(drop)
    }

    /// The same where nobody is told: what is said after an event was shown is shown after that was told.
    async fn settle_unheard(&self) -> Verdict {
        for _ in 0..2 {
            let sent = self.teller.says(&self.dm, "tick").await?;
            let is_it = |frame: &Value| frame["id"] == sent["id"];
            self.socket.wait("the message's frame", is_it).await?;
        }
        Ok(())
    }

    /// Reason and snippet of all notifications about the room must be these.
    async fn expect(&self, expected: &[(&str, &str)]) -> Verdict {
        let notices = self.notices("that is all").await?;
        let got: Vec<(&str, &str)> = notices
            .iter()
            .map(|frame| {
                let text = |name: &str| frame[name].as_str().unwrap_or_default();
                (text("reason"), text("snippet"))
            })
            .collect();
        must(got == expected, || {
            format!("expected {expected:?}, got {got:?}")
        })
    }
}

async fn fields(t: Trial) -> Verdict {
    let stage = Stage::set(&t).await?;
    let sent = stage.mentions(&"word ".repeat(100)).await?;
    let notices = stage.notices("that is all").await?;
    let frame = judge::row(&notices, "/event_id", sent["id"].clone())?;
    shape("frame", frame, shapes::NOTIFICATION)?;
    judge::equal(frame, "/reason", "direct_mention")?;
    judge::equal(frame, "/sender_id", stage.teller.id())?;
    judge::equal(frame, "/silent", false)?;
    let snippet = judge::text(frame, "/snippet")?;
    must(
        snippet.starts_with("word word") && snippet.chars().count() <= 200,
        || format!("the snippet is {snippet:?}"),
    )
}

async fn defaults(t: Trial) -> Verdict {
    let stage = Stage::set(&t).await?;
    stage.says("plain").await?;
    stage.told.says(&stage.room, "my own").await?;
    stage.mentions("for you").await?;
    stage.expect(&[("direct_mention", "for you")]).await
}

async fn modes(t: Trial) -> Verdict {
    let stage = Stage::set(&t).await?;
    stage.mode("all").await?;
    stage.says("one").await?;
    stage.settle("first").await?;
    stage.mode("none").await?;
    stage.says("two").await?;
    stage.settle("second").await?;
    stage.mode("mentions").await?;
    stage.says("three").await?;
    stage.settle("third").await?;
    stage.mode("inherit").await?;
    stage.says("four").await?;
    stage.settle("fourth").await?;
    prefer(&stage.told, json!({"default_mode": "none"})).await?;
    stage.says("five").await?;
    stage
        .expect(&[("message", "one"), ("message", "four")])
        .await
}

async fn keywords(t: Trial) -> Verdict {
    let stage = Stage::set(&t).await?;
    prefer(&stage.told, json!({"keyword_alerts": ["Deploy"]})).await?;
    stage.mode("none").await?;
    stage.says("we DEPLOY now").await?;
    stage.says("redeployed").await?;
    let room = stage.told.get(stage.room.at("")).await?.ok()?;
    judge::equal(&room, "/mention_count", 1)?;
    stage.expect(&[("keyword_alert", "we DEPLOY now")]).await
}

async fn mute(t: Trial) -> Verdict {
    let stage = Stage::set(&t).await?;
    prefer(&stage.told, json!({"keyword_alerts": ["deploy"]})).await?;
    stage.mode("all").await?;
    let mute = |until: Value| {
        stage
            .told
            .put(stage.room.at("/mute"), json!({ "until": until }))
    };
    mute(json!("forever")).await?.ok()?;
    stage.says("deploy").await?;
    stage.mentions("for you").await?;
    stage.settle("muted").await?;
    mute(Value::Null).await?.ok()?;
    stage.says("at last").await?;
    stage.expect(&[("message", "at last")]).await
}

async fn quiet_hours(t: Trial) -> Verdict {
    let stage = Stage::set(&t).await?;
    let hour = |hours: i64| {
        let text = clock::iso(clock::now_ms() + hours * 3_600_000);
        text.chars().skip(11).take(5).collect::<String>()
    };
    let now = json!({"enabled": true, "start": hour(-2), "end": hour(2)});
    prefer(&stage.told, json!({ "quiet_hours": now })).await?;
    stage.mentions("for you").await?;
    let notices = stage.notices("that is all").await?;
    let frame = judge::row(&notices, "/snippet", "for you")?;
    judge::equal(frame, "/silent", true)
}

async fn push(t: Trial) -> Verdict {
    let stage = Stage::set(&t).await?;
    prefer(&stage.told, json!({"push": false})).await?;
    stage.mentions("unheard").await?;
    stage.settle_unheard().await?;
    prefer(&stage.told, json!({"push": true})).await?;
    stage.mentions("heard").await?;
    stage.expect(&[("direct_mention", "heard")]).await
}

async fn edit(t: Trial) -> Verdict {
    let stage = Stage::set(&t).await?;
    stage.mode("all").await?;
    let sent = stage.says("for all").await?;
    let edit = |body: &str, mentions: Value| {
        let content = json!({"msgtype": "swp.text", "body": body, "mentions": mentions});
        let path = stage.room.event(&sent, "/edit");
        stage.teller.post(path, json!({ "content": content }))
    };
    edit("for all!", json!([])).await?.ok()?;
    edit("for you", json!([stage.told.id()])).await?.ok()?;
    edit("for you!", json!([stage.told.id()])).await?.ok()?;
    stage
        .expect(&[("message", "for all"), ("direct_mention", "for you")])
        .await
}

async fn invite(t: Trial) -> Verdict {
    let (owner, guest) = (t.person().await?, t.newcomer().await?);
    let room = owner.creates(json!({"name": "Not yet"})).await?;
    let socket = guest.listens().await?;
    owner
        .post(room.at("/invite"), json!({"participant_id": guest.id()}))
        .await?
        .ok()?;
    let frame = socket
        .wait_in(&room.id, "swp.notification", |_| true)
        .await?;
    shape("frame", &frame, shapes::NOTIFICATION)?;
    judge::equal(&frame, "/reason", "invite")?;
    judge::equal(&frame, "/sender_id", owner.id())?;
    mention(&owner, &room, &guest, "unheard").await?;
    let dm = owner.dm_with(&guest).await?;
    owner.says(&dm, "heard").await?;
    socket.wait_in(&dm.id, "swp.notification", |_| true).await?;
    judge::no_row(&socket.frames(), "/snippet", "unheard")
}
