//! The people who write, each from several connections, and a ledger of what the servers acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::support::{Answer, Api, Person};

/// One in so many texts is a reply, gets a reaction, is edited, is redacted.
const REPLY: usize = 10;
const REACTION: usize = 7;
const EDIT: usize = 25;
const REDACTION: usize = 40;
/// Within this time a server that was killed or cut off must answer again.
const PATIENCE: Duration = Duration::from_secs(300);

/// How much is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Connections that each person writes from.
    pub(crate) writers: usize,
    /// How long each of them rests between two texts.
    pub(crate) rest: Duration,
}

impl Pace {
    /// As much as the servers take.
    pub(crate) const FULL: Self = Self {
        writers: 8,
        rest: Duration::ZERO,
    };
}

/// What a message must look like at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Text(String),
    Edited { now: String, before: String },
    Redacted,
}

/// Which text is the next.
#[derive(Default)]
struct Order {
    next: usize,
    /// How many are to be taken; none: until the ledger is closed.
    last: Option<usize>,
}

/// The texts to send, and what became of those that were acknowledged.
pub(crate) struct Ledger {
    texts: Vec<String>,
    order: Mutex<Order>,
    acknowledged: Vec<AtomicUsize>,
    /// By server: held by each who writes there while at something.
    at_work: Vec<RwLock<()>>,
    fates: Mutex<BTreeMap<String, Fate>>,
    /// (event, sender, emoji) of every acknowledged reaction.
    reactions: Mutex<BTreeSet<(String, String, String)>>,
    /// What people tried to say whose rights were taken and given back meanwhile, and the events that were acknowledged.
    disputed: Mutex<BTreeMap<String, Option<String>>>,
}

impl Ledger {
    /// Each text once, written on so many servers.
    pub(crate) fn new(texts: Vec<String>, servers: usize) -> Self {
        let last = Some(texts.len());
        Self::of(texts, servers, Order { next: 0, last })
    }

    /// All texts again and again, until it is closed.
    pub(crate) fn endless(texts: Vec<String>, servers: usize) -> Self {
        Self::of(texts, servers, Order::default())
    }

    fn of(texts: Vec<String>, servers: usize, order: Order) -> Self {
        Self {
            texts,
            order: Mutex::new(order),
            acknowledged: (0..servers).map(|_| AtomicUsize::new(0)).collect(),
            at_work: (0..servers).map(|_| RwLock::new(())).collect(),
            fates: Mutex::default(),
            reactions: Mutex::default(),
            disputed: Mutex::default(),
        }
    }

    /// No more texts: the writers finish what they are at.
    pub(crate) fn close(&self) {
        let mut order = self.order.lock().unwrap();
        order.last = Some(order.next);
    }

    /// How many texts are to be written.
    pub(crate) fn len(&self) -> usize {
        let order = self.order.lock().unwrap();
        order.last.unwrap_or(order.next)
    }

    /// Waits until those who write on a server have finished what they are at; they go on when this is dropped.
    pub(crate) async fn pause(&self, server: usize) -> RwLockWriteGuard<'_, ()> {
        self.at_work[server].write().await
    }

    /// What somebody who writes on a server holds while at something.
    pub(crate) async fn work(&self, server: usize) -> RwLockReadGuard<'_, ()> {
        self.at_work[server].read().await
    }

    pub(crate) fn acknowledged_on(&self, server: usize) -> usize {
        self.acknowledged[server].load(Ordering::Relaxed)
    }

    pub(crate) fn acknowledged(&self) -> usize {
        let each = self.acknowledged.iter();
        each.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// All texts are taken.
    pub(crate) fn is_exhausted(&self) -> bool {
        let order = self.order.lock().unwrap();
        order.last.is_some_and(|last| order.next >= last)
    }

    /// Takes note of what somebody says whose rights come and go, and then of the event if there is one.
    pub(crate) fn dispute(&self, text: &str, event: Option<&str>) {
        let mut disputed = self.disputed.lock().unwrap();
        disputed.insert(text.to_owned(), event.map(ToOwned::to_owned));
    }

    pub(crate) fn disputed(&self) -> BTreeMap<String, Option<String>> {
        self.disputed.lock().unwrap().clone()
    }

    pub(crate) fn fates(&self) -> BTreeMap<String, Fate> {
        self.fates.lock().unwrap().clone()
    }

    /// Reactions that must be there: those on messages that were not redacted.
    pub(crate) fn reactions(&self) -> BTreeSet<(String, String, String)> {
        let fates = self.fates.lock().unwrap();
        let all = self.reactions.lock().unwrap();
        all.iter()
            .filter(|(event, ..)| fates.get(event) != Some(&Fate::Redacted))
            .cloned()
            .collect()
    }

    pub(crate) fn summary(&self) -> String {
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
        let mut order = self.order.lock().unwrap();
        let number = order.next;
        if order.last.is_some_and(|last| number >= last) {
            return None;
        }
        order.next += 1;
        let text = self.texts.get(number % self.texts.len())?;
        Some((number, text))
    }

    fn record(&self, event: &str, fate: Fate) {
        self.fates.lock().unwrap().insert(event.to_owned(), fate);
    }
}

/// All writers of all servers, until no text is left. `seen` holds the messages that each server's people have seen.
pub(crate) async fn write_everything(
    people: impl IntoIterator<Item = &[Person]>,
    room: &str,
    ledger: &Arc<Ledger>,
    seen: impl IntoIterator<Item = Arc<Mutex<Vec<String>>>>,
    pace: Pace,
) {
    let mut writers = tokio::task::JoinSet::new();
    for (server, (people, seen)) in people.into_iter().zip(seen).enumerate() {
        for person in people {
            for _ in 0..pace.writers {
                let writer = Writer {
                    api: person.api.clone(),
                    id: person.id.clone(),
                    server,
                    room: room.to_owned(),
                    ledger: ledger.clone(),
                    seen: seen.clone(),
                    rest: pace.rest,
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
    server: usize,
    room: String,
    ledger: Arc<Ledger>,
    seen: Arc<Mutex<Vec<String>>>,
    rest: Duration,
    /// Own messages that are neither edited nor redacted yet.
    own: Vec<String>,
}

impl Writer {
    async fn run(mut self) {
        let ledger = self.ledger.clone();
        loop {
            let at_work = ledger.work(self.server).await;
            let Some((number, text)) = ledger.take() else {
                return;
            };
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
            drop(at_work);
            tokio::time::sleep(self.rest).await;
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
        let event = persist(&self.api, Method::POST, &path, &message)
            .await
            .data();
        assert_eq!(
            event["content"]["body"], text,
            "the answer shows what was sent"
        );
        let id = event["id"].as_str().unwrap().to_owned();
        self.ledger.record(&id, Fate::Text(text.to_owned()));
        self.ledger.acknowledged[self.server].fetch_add(1, Ordering::Relaxed);
        self.own.push(id);
    }

    async fn react(&self, number: usize) {
        let Some(event) = self.recent(number) else {
            return;
        };
        let emoji = ["👍", "🎉", "❤️", "🤔"][number % 4];
        let answer = persist(
            &self.api,
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
        persist(
            &self.api,
            Method::POST,
            &self.event_path(&event, "edit"),
            &content,
        )
        .await
        .data();
        self.ledger.record(&event, Fate::Edited { now, before });
    }

    async fn redact(&mut self) {
        let Some(event) = self.take_own(0) else {
            return;
        };
        persist(
            &self.api,
            Method::POST,
            &self.event_path(&event, "redact"),
            &json!({}),
        )
        .await
        .data();
        self.ledger.record(&event, Fate::Redacted);
    }

    fn take_own(&mut self, number: usize) -> Option<String> {
        let index = number.checked_rem(self.own.len())?;
        Some(self.own.swap_remove(index))
    }

    /// One of the last messages that this server's people have seen, whoever wrote it, if it is there to stay.
    fn recent(&self, number: usize) -> Option<String> {
        let seen = self.seen.lock().unwrap();
        let event = seen.iter().rev().nth(number % 50).or(seen.last())?;
        let fates = self.ledger.fates.lock().unwrap();
        fates.contains_key(event).then(|| event.clone())
    }

    fn event_path(&self, event: &str, action: &str) -> String {
        format!("/v1/rooms/{}/events/{event}/{action}", self.room)
    }
}

/// Repeats a request until the server answers it: connections break when a server is killed.
pub(crate) async fn persist(api: &Api, method: Method, path: &str, body: &Value) -> Answer {
    let trying = async {
        loop {
            match api.try_call(method.clone(), path, Some(body)).await {
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
