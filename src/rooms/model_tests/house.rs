//! A server with a few people, asked over its client API; and what each of them sees of a room.

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::PEOPLE;
use super::model::{Command, Message, Model, Said, Who};
use crate::app::test_server::{Answer, PASSWORD, Server};

/// An id that nothing has.
const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

pub(super) struct House {
    pub(super) server: Server,
    tokens: Vec<String>,
    pub(super) ids: Vec<String>,
}

/// A room and the ids of what was said there, in the order of the model.
pub(super) struct Room {
    pub(super) id: String,
    pub(super) said: Vec<String>,
}

impl Room {
    fn message(&self, said: Said) -> &str {
        self.said.get(said).map_or(NOTHING, String::as_str)
    }
}

impl House {
    pub(super) async fn build() -> House {
        let unlimited = [
            ("SCAIWAVE_RATE_SENDS", "0"),
            ("SCAIWAVE_RATE_TENANT_SENDS", "0"),
            ("SCAIWAVE_RATE_WRITES", "0"),
            ("SCAIWAVE_RATE_READS", "0"),
        ];
        let server = Server::start(&unlimited).await;
        let (mut tokens, mut ids) = (Vec::new(), Vec::new());
        for name in PEOPLE {
            server.create(name, &[]).await;
            let token = server.sign_in(name, PASSWORD).await.data("access_token");
            ids.push(server.id_of(&token).await);
            tokens.push(token);
        }
        House {
            server,
            tokens,
            ids,
        }
    }

    /// A room of the first of the people, and its model.
    pub(super) async fn room(&self, is_public: bool) -> (Room, Model) {
        let new = json!({"name": "Room 0", "is_public": is_public});
        let id = self.ask(0, Method::POST, "/v1/rooms", new).await.data("id");
        let said = Vec::new();
        (Room { id, said }, Model::new(0, "Room 0", is_public))
    }

    pub(super) async fn ask(&self, who: Who, method: Method, path: &str, body: Value) -> Answer {
        let token = Some(self.tokens[who].as_str());
        self.server.ask(method, path, token, body).await
    }

    pub(super) async fn get(&self, who: Who, room: &Room, rest: &str) -> Answer {
        let path = format!("/v1/rooms/{}{rest}", room.id);
        self.ask(who, Method::GET, &path, json!({})).await
    }

    pub(super) fn who(&self, id: &Value) -> Who {
        let place = self.ids.iter().position(|known| id == known);
        place.unwrap_or_else(|| panic!("nobody is {id}"))
    }

    /// Has a command carried out.
    pub(super) async fn order(&self, room: &Room, actor: Who, command: &Command) -> Answer {
        let named = |who: &Who| json!({"participant_id": self.ids[*who]});
        let content = |text: &str| json!({"content": {"body": text}});
        let event = |said: &Said, rest: &str| format!("events/{}{rest}", room.message(*said));
        let (method, rest, body) = match command {
            Command::Join => (Method::POST, "join".to_owned(), json!({})),
            Command::Leave => (Method::POST, "leave".to_owned(), json!({})),
            Command::Rejoin => (Method::POST, "rejoin".to_owned(), json!({})),
            Command::Archive => (Method::POST, "archive".to_owned(), json!({})),
            Command::Close => (Method::POST, "close".to_owned(), json!({})),
            Command::Invite(who) => (Method::POST, "invite".to_owned(), named(who)),
            Command::Withdraw(who) => {
                let rest = format!("invitations/{}", self.ids[*who]);
                (Method::DELETE, rest, json!({}))
            }
            Command::Kick(who) => (Method::POST, "kick".to_owned(), named(who)),
            Command::Ban(who) => (Method::POST, "ban".to_owned(), named(who)),
            Command::Unban(who) => (Method::POST, "unban".to_owned(), named(who)),
            Command::Level(who, level) => {
                let rest = format!("members/{}/power-level", self.ids[*who]);
                (Method::PUT, rest, json!({ "power_level": level }))
            }
            Command::Threshold(key, level) => {
                let levels = json!({ *key: level });
                (Method::PUT, "power-levels".to_owned(), levels)
            }
            Command::Rename(name) => (Method::PUT, "name".to_owned(), json!({ "name": name })),
            Command::Topic(topic) => (Method::PUT, "topic".to_owned(), json!({ "topic": topic })),
            Command::Send(text) => (Method::POST, "send".to_owned(), content(text)),
            Command::Edit(said, text) => (Method::POST, event(said, "/edit"), content(text)),
            Command::Redact(said) => (Method::POST, event(said, "/redact"), json!({})),
            Command::React(said, emoji) => {
                let emoji = json!({ "emoji": emoji });
                (Method::POST, event(said, "/reaction"), emoji)
            }
            Command::Unreact(said, emoji) => {
                let emoji = json!({ "emoji": emoji });
                (Method::DELETE, event(said, "/reaction"), emoji)
            }
            Command::Pin(said) => {
                let rest = format!("pins/{}", room.message(*said));
                (Method::PUT, rest, json!({}))
            }
            Command::Unpin(said) => {
                let rest = format!("pins/{}", room.message(*said));
                (Method::DELETE, rest, json!({}))
            }
        };
        let path = format!("/v1/rooms/{}/{rest}", room.id);
        self.ask(actor, method, &path, body).await
    }

    /// Compares what somebody sees of a room with what the model says that they should.
    pub(super) async fn compare(&self, model: &Model, room: &Room, who: Who) {
        let texts = match model.members.get(&who) {
            Some(member) if member.membership == "join" => {
                let now = model.messages.iter().map(|message| message.text.clone());
                Some(now.collect())
            }
            Some(member) if member.membership == "leave" => member.read_until.clone(),
            _ => None,
        };
        let history = self
            .get(who, room, "/messages?direction=forward&limit=200")
            .await;
        match texts {
            Some(texts) => {
                assert_eq!(
                    self.messages(&history.ok()),
                    expected(model, room, &texts),
                    "{who} reads"
                );
            }
            None => assert_eq!(history.code(), "SW_NOT_MEMBER"),
        }
        if model.is_in(who) {
            self.compare_state(model, room, who).await;
        } else {
            for rest in ["/members", "/state", "/power-levels", "/pins"] {
                assert_eq!(self.get(who, room, rest).await.code(), "SW_NOT_MEMBER");
            }
        }
    }

    async fn compare_state(&self, model: &Model, room: &Room, who: Who) {
        let shown = self.get(who, room, "").await.ok();
        let own = &model.members[&who];
        assert_eq!(shown["name"], model.name);
        assert_eq!(shown["topic"], json!(model.topic));
        assert_eq!(shown["state"], model.state);
        assert_eq!(shown["member_count"], model.joined().count());
        assert_eq!(shown["membership"], "join");
        assert_eq!(shown["power_level"], own.level);

        let sees_bans = own.level >= model.thresholds["ban"];
        let members = model.members.iter();
        let members: BTreeMap<Who, (&str, u8)> = members
            .filter(|(_, member)| sees_bans || member.membership != "ban")
            .map(|(who, member)| (*who, (member.membership, member.level)))
            .collect();
        let rows = self.get(who, room, "/members?membership=all").await.ok();
        let rows: BTreeMap<Who, (&str, u8)> = list(&rows)
            .map(|row| {
                let membership = row["membership"].as_str().unwrap();
                let level = row["power_level"].as_u64().unwrap();
                let level = u8::try_from(level).unwrap();
                (self.who(&row["participant_id"]), (membership, level))
            })
            .collect();
        assert_eq!(rows, members);

        let levels = self.get(who, room, "/power-levels").await.ok();
        for (key, level) in &model.thresholds {
            assert_eq!(levels[key], *level, "{key}");
        }
        let pins = self.get(who, room, "/pins").await.ok();
        let pins: Vec<&str> = list(&pins).map(|pin| pin["id"].as_str().unwrap()).collect();
        let expected = model.pins.iter().rev().map(|said| room.message(*said));
        assert_eq!(pins, expected.collect::<Vec<_>>());
    }

    /// What was said, as an answer shows it.
    fn messages(&self, history: &Value) -> Vec<Shown> {
        let messages = list(history).filter(|event| event["event_type"] == "swp.room.message");
        let shown = |event: &Value| {
            let mut reactions = BTreeSet::new();
            for reaction in list(&event["reactions"]) {
                let emoji = reaction["emoji"].as_str().unwrap();
                let people: Vec<Who> = list(&reaction["participant_ids"])
                    .map(|id| self.who(id))
                    .collect();
                assert_eq!(reaction["count"], people.len());
                reactions.extend(people.iter().map(|who| (emoji.to_owned(), *who)));
            }
            Shown {
                id: event["id"].as_str().unwrap().to_owned(),
                sender: self.who(&event["sender_id"]),
                text: event["content"]["body"].as_str().map(str::to_owned),
                is_redacted: !event["redacted_at"].is_null(),
                reactions,
            }
        };
        messages.map(shown).collect()
    }

    /// All that sync says of a room to somebody, in its order.
    pub(super) async fn stream(&self, who: Who, room: &Room) -> Vec<Value> {
        let (mut events, mut since) = (Vec::new(), 0);
        loop {
            let path = format!("/v1/sync?since={since}&limit=500&timeout=0");
            let page = self.ask(who, Method::GET, &path, json!({})).await.ok();
            let of_room = list(&page["events"]).filter(|event| event["room_id"] == room.id);
            events.extend(of_room.cloned());
            since = page["next_cursor"].as_i64().unwrap();
            if page["has_more"] != true {
                return events;
            }
        }
    }
}

/// A message as somebody sees it.
#[derive(Debug, PartialEq, Eq)]
struct Shown {
    id: String,
    sender: Who,
    text: Option<String>,
    is_redacted: bool,
    reactions: BTreeSet<(String, Who)>,
}

/// The first messages, with what they said to who reads them.
fn expected(model: &Model, room: &Room, texts: &[String]) -> Vec<Shown> {
    let messages = model.messages.iter().zip(texts).enumerate();
    let shown = |(said, (message, text)): (Said, (&Message, &String))| {
        let reactions = message.reactions.iter();
        Shown {
            id: room.message(said).to_owned(),
            sender: message.sender,
            text: (!message.is_redacted).then(|| text.clone()),
            is_redacted: message.is_redacted,
            reactions: reactions
                .map(|(emoji, who)| ((*emoji).to_owned(), *who))
                .collect(),
        }
    };
    messages.map(shown).collect()
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The code of an answer; empty for success.
pub(super) fn code(answer: &Answer) -> &str {
    match answer.status {
        StatusCode::OK => "",
        _ => answer.code(),
    }
}
