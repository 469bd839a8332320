//! The people who write: 32 connections, each taking the next text, and a ledger of what the servers acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Answer, Api, Person};

const WRITERS_A_PERSON: usize = 8;
/// One in so many texts is a reply, gets a reaction, is edited, is redacted.
const REPLY: usize = 10;
const REACTION: usize = 7;
const EDIT: usize = 25;
const REDACTION: usize = 40;
/// Within this time a server that was killed or cut off must answer again.
const PATIENCE: Duration = Duration::from_secs(300);

/// Whose users are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    A = 0,
    B = 1,
}

/// What a message must look like at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Text(String),
    Edited { now: String, before: String },
    Redacted,
}

/// The texts to send, and what became of those that were acknowledged.
pub(super) struct Ledger {
    texts: Vec<String>,
    next: AtomicUsize,
    acknowledged: [AtomicUsize; 2],
    fates: Mutex<BTreeMap<String, Fate>>,
    /// (event, sender, emoji) of every acknowledged reaction.
    reactions: Mutex<BTreeSet<(String, String, String)>>,
}

impl Ledger {
    pub(super) fn new(texts: Vec<String>) -> Self {
        Self {
            texts,
            next: AtomicUsize::new(0),
            acknowledged: [AtomicUsize::new(0), AtomicUsize::new(0)],
            fates: Mutex::default(),
            reactions: Mutex::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn acknowledged_on(&self, side: Side) -> usize {
        self.acknowledged[side as usize].load(Ordering::Relaxed)
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged_on(Side::A) + self.acknowledged_on(Side::B)
    }

    /// All texts are taken.
    pub(super) fn is_exhausted(&self) -> bool {
        self.next.load(Ordering::Relaxed) >= self.texts.len()
    }

    pub(super) fn fates(&self) -> BTreeMap<String, Fate> {
        self.fates.lock().unwrap().clone()
    }

    /// Reactions that must be there: those on messages that were not redacted.
    pub(super) fn reactions(&self) -> BTreeSet<(String, String, String)> {
        let fates = self.fates.lock().unwrap();
        let all = self.reactions.lock().unwrap();
        all.iter()
            .filter(|(event, ..)| fates.get(event) != Some(&Fate::Redacted))
            .cloned()
            .collect()
    }

    pub(super) fn summary(&self) -> String {
        let fates = self.fates();
        let count = |wanted: fn(&Fate) -> bool| fates.values().filter(|fate| wanted(fate)).count();
        format!(
            "{} of them edited, {} redacted, {} reactions",
            count(|fate| matches!(fate, Fate::Edited { .. })),
            count(|fate| matches!(fate, Fate::Redacted)),
            self.reactions.lock().unwrap().len()
        )
    }

    fn take(&self) -> Option<(usize, &str)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.texts.get(number).map(|text| (number, text.as_str()))
    }

    fn record(&self, event: &str, fate: Fate) {
        self.fates.lock().unwrap().insert(event.to_owned(), fate);
    }
}

/// All writers of both sides, until no text is left. `seen` holds the messages that each side's people have seen.
pub(super) async fn write_everything(
    people: [&[Person; 2]; 2],
    room: &str,
    ledger: &Arc<Ledger>,
    seen: [Arc<Mutex<Vec<String>>>; 2],
) {
    let mut writers = tokio::task::JoinSet::new();
    for (side, (people, seen)) in [Side::A, Side::B]
        .into_iter()
        .zip(people.into_iter().zip(seen))
    {
        for person in people {
            for _ in 0..WRITERS_A_PERSON {
                let writer = Writer {
                    api: person.api.clone(),
                    id: person.id.clone(),
                    side,
                    room: room.to_owned(),
                    ledger: ledger.clone(),
                    seen: seen.clone(),
                    own: Vec::new(),
                };
                writers.spawn(writer.run());
            }
        }
    }
    while let Some(ended) = writers.join_next().await {
        ended.expect("a writer failed");
    }
}

struct Writer {
    api: Api,
    id: String,
    side: Side,
    room: String,
    ledger: Arc<Ledger>,
    seen: Arc<Mutex<Vec<String>>>,
    /// Own messages that are neither edited nor redacted yet.
    own: Vec<String>,
}

impl Writer {
    async fn run(mut self) {
        let ledger = self.ledger.clone();
        while let Some((number, text)) = ledger.take() {
            self.say(number, text).await;
            if number.is_multiple_of(REACTION) {
                self.react(number).await;
            }
            if number.is_multiple_of(EDIT) {
                self.edit(number).await;
            }
            if number.is_multiple_of(REDACTION) {
                self.redact().await;
            }
        }
    }

    async fn say(&mut self, number: usize, text: &str) {
        let mut content = json!({"msgtype": "swp.text", "body": text});
        if number.is_multiple_of(REPLY)
            && let Some(event) = self.recent(number)
        {
            content["reply_to_event_id"] = event.into();
        }
        let message = json!({"content": content, "event_uuid": format!("00000000-0000-4000-8000-{number:012x}")});
        let path = format!("/v1/rooms/{}/send", self.room);
        let event = self.persist(Method::POST, &path, &message).await.data();
        assert_eq!(
            event["content"]["body"], text,
            "the answer shows what was sent"
        );
        let id = event["id"].as_str().unwrap().to_owned();
        self.ledger.record(&id, Fate::Text(text.to_owned()));
        self.ledger.acknowledged[self.side as usize].fetch_add(1, Ordering::Relaxed);
        self.own.push(id);
    }

    async fn react(&self, number: usize) {
        let Some(event) = self.recent(number) else {
            return;
        };
        let emoji = ["👍", "🎉", "❤️", "🤔"][number % 4];
        let answer = self
            .persist(
                Method::POST,
                &self.event_path(&event, "reaction"),
                &json!({"emoji": emoji}),
            )
            .await;
        // Its author may have redacted it meanwhile.
        if answer.status == StatusCode::NOT_FOUND {
            assert_eq!(answer.code(), "SW_EVENT_NOT_FOUND");
            return;
        }
        answer.data();
        self.ledger
            .reactions
            .lock()
            .unwrap()
            .insert((event, self.id.clone(), emoji.to_owned()));
    }

    async fn edit(&mut self, number: usize) {
        let Some(event) = self.take_own(number) else {
            return;
        };
        let Some(Fate::Text(before)) = self.ledger.fates.lock().unwrap().get(&event).cloned()
        else {
            return;
        };
        let now = format!("✎ {before}");
        let content = json!({"content": {"msgtype": "swp.text", "body": now}});
        self.persist(Method::POST, &self.event_path(&event, "edit"), &content)
            .await
            .data();
        self.ledger.record(&event, Fate::Edited { now, before });
    }

    async fn redact(&mut self) {
        let Some(event) = self.take_own(0) else {
            return;
        };
        self.persist(Method::POST, &self.event_path(&event, "redact"), &json!({}))
            .await
            .data();
        self.ledger.record(&event, Fate::Redacted);
    }

    fn take_own(&mut self, number: usize) -> Option<String> {
        let index = number.checked_rem(self.own.len())?;
        Some(self.own.swap_remove(index))
    }

    /// One of the last messages that this side has seen, whoever wrote it.
    fn recent(&self, number: usize) -> Option<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().rev().nth(number % 50).or(seen.last()).cloned()
    }

    fn event_path(&self, event: &str, action: &str) -> String {
        format!("/v1/rooms/{}/events/{event}/{action}", self.room)
    }

    /// Repeats a request until the server answers it: connections break when a server is killed.
    async fn persist(&self, method: Method, path: &str, body: &Value) -> Answer {
        let trying = async {
            loop {
                match self.api.try_call(method.clone(), path, Some(body)).await {
                    Ok(answer) if answer.status != StatusCode::SERVICE_UNAVAILABLE => {
                        return answer;
                    }
                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, trying)
            .await
            .unwrap_or_else(|_| panic!("{method} {path}: not answered within {PATIENCE:?}"))
    }
}
