//! Where most federation checks begin: a room on the server under test with somebody of the played peer in it.

use serde_json::{Value, json};

use crate::cast::person::Person;
use crate::cast::random_suffix;
use crate::cast::room::Room;
use crate::check::{Stop, Verdict, failed};
use crate::client::answer::Answer;
use crate::judge::{self, must};
use crate::peer::Peer;
use crate::peer::room::RoomCopy;
use crate::protocol::event::Draft;
use crate::trial::Trial;

/// A room on the server under test with one of the peer's people in it.
pub(super) struct Stage {
    pub(super) trial: Trial,
    pub(super) peer: Peer,
    pub(super) owner: Person,
    pub(super) room: Room,
    pub(super) guest: String,
}

/// The body of a success between servers, which has no envelope.
pub(super) fn body(answer: &Answer) -> Result<Value, Stop> {
    must(answer.status == 200, || {
        format!("expected 200, got {}", answer.outline())
    })?;
    answer.body().cloned()
}

/// Somebody of the peer whom nobody knows yet.
pub(super) fn new_guest(peer: &Peer) -> String {
    peer.fqid(&format!("guest-{}", random_suffix()))
}

impl Stage {
    /// A group room with the peer's copy of it begun, and nobody of the peer in it.
    pub(super) async fn empty(t: &Trial) -> Result<Self, Stop> {
        let (peer, owner) = (t.peer()?, t.person().await?);
        let room = owner.group_with(&[]).await?;
        peer.keep_room(RoomCopy::new(&room.id, peer.subject_name(), peer.name()));
        let guest = new_guest(&peer);
        Ok(Self {
            trial: t.clone(),
            peer,
            owner,
            room,
            guest,
        })
    }

    /// The same with an invitation that reached the peer; answers its body.
    pub(super) async fn invited(t: &Trial) -> Result<(Self, Value), Stop> {
        let stage = Self::empty(t).await?;
        let request = json!({"fqid": stage.guest});
        stage
            .owner
            .post(stage.room.at("/invite"), request)
            .await?
            .ok()?;
        let invite = stage.peer.gets("invitation", |request| {
            request.path == "/invite"
                && request.body["event"]["content"]["participant"] == stage.guest
        });
        let invite = invite.await?.body;
        stage.learn(&invite["event"]);
        Ok((stage, invite))
    }

    /// The same with the invited person joined.
    pub(super) async fn open(t: &Trial) -> Result<Self, Stop> {
        let (stage, _) = Self::invited(t).await?;
        stage.join(&stage.guest).await?;
        Ok(stage)
    }

    /// Lets somebody of the peer join, and catches up with the room's state.
    pub(super) async fn join(&self, guest: &str) -> Result<Vec<Value>, Stop> {
        let document = self.peer.ask_to_join(&self.room.id, guest);
        let events = self.asks(&document).await?;
        self.catch_up().await?;
        Ok(events)
    }

    /// Fetches the room's state from the server under test.
    pub(super) async fn catch_up(&self) -> Verdict {
        let state = body(&self.get("/state").await?)?;
        for event in judge::list(&state, "/state")? {
            self.learn(&event);
        }
        Ok(())
    }

    /// Sends a request document to where its action belongs; answers the events that it caused.
    pub(super) async fn asks(&self, document: &Value) -> Result<Vec<Value>, Stop> {
        let answer = self.posts(document).await?;
        let events = judge::list(&body(&answer)?, "/events")?;
        for event in &events {
            self.learn(event);
        }
        Ok(events)
    }

    /// The same, whatever comes back.
    pub(super) async fn posts(&self, document: &Value) -> Result<Answer, Stop> {
        let action = if document["action"] == "join" {
            "join"
        } else {
            "request"
        };
        let path = format!("/rooms/{}/{action}", self.room.id);
        self.peer
            .post(&self.trial.stranger(), &path, document)
            .await
    }

    /// Asks for something of the room as the peer.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, Stop> {
        let path = format!("/rooms/{}{path}", self.room.id);
        self.peer.get(&self.trial.stranger(), &path).await
    }

    /// What the next event of the peer's log could be; nothing is kept.
    pub(super) fn draft(&self, kind: &str, content: Value) -> Draft {
        let draft = self.copy(|room| room.draft(&self.guest, kind, content.clone()));
        draft.unwrap_or_else(|| Draft {
            sender: json!(self.guest),
            kind: kind.to_owned(),
            ts: 0,
            state: (0, None),
            content,
        })
    }

    /// The next event of the peer's log, which is not kept.
    pub(super) fn compose(&self, kind: &str, content: Value) -> Value {
        let draft = self.draft(kind, content);
        self.compose_draft(&draft)
    }

    /// The same from a draft.
    pub(super) fn compose_draft(&self, draft: &Draft) -> Value {
        self.copy(|room| room.own.compose(draft, self.peer.key()))
            .unwrap_or(Value::Null)
    }

    /// Appends an event to the peer's log; it is not sent.
    pub(super) fn append(&self, kind: &str, content: Value) -> Value {
        let draft = self.draft(kind, content);
        self.append_draft(&draft)
    }

    /// The same from a draft.
    pub(super) fn append_draft(&self, draft: &Draft) -> Value {
        self.copy(|room| room.append(draft, self.peer.key()))
            .unwrap_or(Value::Null)
    }

    /// Appends a message; it is not sent.
    pub(super) fn append_message(&self, text: &str) -> Value {
        self.append("swp.room.message", message(text))
    }

    /// Sends events and answers a result for each.
    pub(super) async fn send(&self, events: &[Value]) -> Result<Vec<Value>, Stop> {
        let request = json!({"events": events});
        let answer = self
            .peer
            .post(&self.trial.stranger(), "/send", &request)
            .await?;
        let results = judge::list(&body(&answer)?, "/results")?;
        must(results.len() == events.len(), || {
            format!("{} results for {} events", results.len(), events.len())
        })?;
        for (event, result) in events.iter().zip(&results) {
            judge::equal(result, "/event_id", event["event_id"].clone())?;
        }
        Ok(results)
    }

    /// Sends one event and answers its result.
    pub(super) async fn send_one(&self, event: &Value) -> Result<Value, Stop> {
        let results = self.send(std::slice::from_ref(event)).await?;
        results
            .into_iter()
            .next()
            .ok_or_else(|| failed("no result"))
    }

    /// Appends an event, which the server under test must accept.
    pub(super) async fn delivers(&self, kind: &str, content: Value) -> Result<Value, Stop> {
        let event = self.append(kind, content);
        let result = self.send_one(&event).await?;
        judge::equal(&result, "/status", "accepted")?;
        judge::equal(&result, "/event_id", event["event_id"].clone())?;
        Ok(event)
    }

    /// The same with a message.
    pub(super) async fn says(&self, text: &str) -> Result<Value, Stop> {
        self.delivers("swp.room.message", message(text)).await
    }

    /// The event as the owner sees it, once it is there and fits.
    pub(super) async fn shown(
        &self,
        event: &Value,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value, Stop> {
        let id = event["event_id"].as_str().unwrap_or("");
        let path = self.room.at(&format!("/events/{id}"));
        self.trial
            .until(
                &format!("the owner sees event {id} as expected"),
                || async {
                    let answer = self.owner.get(path.clone()).await?;
                    let seen = if answer.status == 200 {
                        Some(answer.ok()?)
                    } else {
                        None
                    };
                    Ok(seen.filter(|seen| fits(seen)))
                },
            )
            .await
    }

    /// The owner must not see this event.
    pub(super) async fn not_shown(&self, event: &Value) -> Verdict {
        let history = self.room.history(&self.owner).await?;
        judge::no_row(&history, "/id", event["event_id"].clone())
    }

    /// The event of the server under test that reaches the peer and fits.
    pub(super) async fn gets(
        &self,
        what: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value, Stop> {
        let mine = |event: &Value| event["room_id"] == self.room.id.as_str() && fits(event);
        let request = self
            .peer
            .gets(what, |request| {
                !request.refused && request.events().iter().any(&mine)
            })
            .await?;
        if let Some(fault) = request.fault {
            return Err(failed(format!("the delivery is not signed right: {fault}")));
        }
        let found = request.events().into_iter().find(&mine);
        found.ok_or_else(|| failed("the event is gone"))
    }

    /// Takes an event into the peer's copy.
    pub(super) fn learn(&self, event: &Value) {
        self.copy(|room| room.learn(event));
    }

    /// Does something with the peer's copy of the room.
    pub(super) fn copy<T>(&self, work: impl FnOnce(&mut RoomCopy) -> T) -> Option<T> {
        self.peer.with_room(&self.room.id, work)
    }
}

/// A plain message's content.
pub(super) fn message(text: &str) -> Value {
    json!({"msgtype": "swp.text", "body": text})
}

/// The result must be a refusal with this code; `placed` says whether the event took its place.
pub(super) fn rejected(result: &Value, code: &str, placed: bool) -> Verdict {
    judge::equal(result, "/status", "rejected")?;
    judge::equal(result, "/error/code", code)?;
    judge::text(result, "/error/message")?;
    judge::equal(result, "/placed", placed)
}
