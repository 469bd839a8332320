//! Messages as clients meet them.

mod changing;
mod history;
mod pinning;
mod reacting;
mod reading;
mod sending;

use std::collections::HashMap;
use std::sync::Mutex;

use http::Method;
use serde_json::{Value, json};

use crate::app::test_server::{Answer, PASSWORD, Server};

/// A server with a room of Alice's (owner), Bob and Carol, and Dave, who is not in it.
pub(crate) struct House {
    pub(crate) server: Server,
    pub(crate) room: String,
    /// Access tokens: signing in takes its time.
    tokens: Mutex<HashMap<String, String>>,
}

impl House {
    pub(crate) async fn build() -> House {
        House::with(json!({"room_type": "public", "name": "House"})).await
    }

    pub(crate) async fn with(room: Value) -> House {
        House::start(room, &[]).await
    }

    pub(crate) async fn with_settings(settings: &[(&str, &str)]) -> House {
        House::start(json!({"room_type": "public", "name": "House"}), settings).await
    }

    async fn start(room: Value, settings: &[(&str, &str)]) -> House {
        let unlimited = [
            ("SCAIWAVE_RATE_SENDS", "0"),
            ("SCAIWAVE_RATE_WRITES", "0"),
            ("SCAIWAVE_RATE_READS", "0"),
        ];
        let server = Server::start(&[&unlimited, settings].concat()).await;
        for name in ["alice", "bob", "carol", "dave"] {
            server.create(name, &[]).await;
        }
        let house = House {
            server,
            room: String::new(),
            tokens: Mutex::default(),
        };
        let room = house
            .ask("alice", Method::POST, "/v1/rooms", room)
            .await
            .data("id");
        let house = House { room, ..house };
        for name in ["bob", "carol"] {
            house.post(name, "join", json!({})).await.ok();
        }
        house
    }

    pub(crate) async fn ask(&self, who: &str, method: Method, path: &str, body: Value) -> Answer {
        let token = self.token(who).await;
        let answer = self
            .server
            .ask(method.clone(), path, Some(&token), body.clone())
            .await;
        if answer.code() != "SW_AUTH_EXPIRED_TOKEN" {
            return answer;
        }
        self.tokens.lock().unwrap().remove(who);
        let token = self.token(who).await;
        self.server.ask(method, path, Some(&token), body).await
    }

    pub(crate) async fn token(&self, who: &str) -> String {
        let known = self.tokens.lock().unwrap().get(who).cloned();
        if let Some(token) = known {
            return token;
        }
        let token = self
            .server
            .sign_in(who, PASSWORD)
            .await
            .data("access_token");
        self.tokens
            .lock()
            .unwrap()
            .insert(who.to_owned(), token.clone());
        token
    }

    /// `POST {r}/…`
    pub(crate) async fn post(&self, who: &str, rest: &str, body: Value) -> Answer {
        let path = format!("/v1/rooms/{}/{rest}", self.room);
        self.ask(who, Method::POST, &path, body).await
    }

    /// `PUT {r}/…`
    pub(crate) async fn put(&self, who: &str, rest: &str, body: Value) -> Answer {
        let path = format!("/v1/rooms/{}/{rest}", self.room);
        self.ask(who, Method::PUT, &path, body).await
    }

    /// `GET {r}/…`
    pub(crate) async fn get(&self, who: &str, rest: &str) -> Answer {
        let path = format!("/v1/rooms/{}/{rest}", self.room);
        self.ask(who, Method::GET, &path, json!({})).await
    }

    /// `DELETE {r}/…`
    pub(crate) async fn delete(&self, who: &str, rest: &str, body: Value) -> Answer {
        let path = format!("/v1/rooms/{}/{rest}", self.room);
        self.ask(who, Method::DELETE, &path, body).await
    }

    /// The id of what `who` says.
    pub(crate) async fn say(&self, who: &str, body: &str) -> String {
        self.post(who, "send", json!({"content": {"body": body}}))
            .await
            .data("id")
    }

    /// The event as `who` sees it.
    pub(crate) async fn event(&self, who: &str, id: &str) -> Value {
        self.get(who, &format!("events/{id}")).await.ok()
    }

    /// The participant id of `who`.
    pub(crate) async fn id_of(&self, who: &str) -> String {
        self.server.id_of(&self.token(who).await).await
    }
}
