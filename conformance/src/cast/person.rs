//! A person as a check sees them: an account, its requests, and the few things that nearly every check begins with.

use std::ops::Deref;
use std::sync::Arc;

use serde_json::{Value, json};

use super::account::Account;
use super::room::Room;
use crate::check::Stop;
use crate::client::answer::Answer;
use crate::client::socket::{Socket, TokenIn};
use crate::client::{Agent, Bearer};
use crate::judge;

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    account: Arc<Account>,
    agent: Agent,
}

impl Deref for Person {
    type Target = Agent;

    fn deref(&self) -> &Agent {
        &self.agent
    }
}

impl Person {
    /// The holder of `account`, reaching the server as `stranger` does.
    pub fn new(account: Arc<Account>, stranger: &Agent) -> Self {
        Self {
            agent: stranger.with_bearer(Bearer::Account(account.clone())),
            account,
        }
    }

    /// The account behind.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The participant's id.
    pub fn id(&self) -> &str {
        &self.account.id
    }

    /// The participant's name on the network.
    pub fn fqid(&self) -> &str {
        &self.account.fqid
    }

    /// Uploads a file under this name, in a form with these further fields.
    pub async fn sends_file(
        &self,
        name: &str,
        bytes: &[u8],
        fields: &[(&str, &str)],
    ) -> Result<Answer, Stop> {
        let mut body = Vec::new();
        for (field, value) in fields {
            let part = format!(
                "--a-boundary\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n"
            );
            body.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--a-boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/x-claimed\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--a-boundary--\r\n");
        self.call("POST", "/v1/media/upload")
            .raw("multipart/form-data; boundary=a-boundary", body)
            .send()
            .await
    }

    /// Uploads a file; its id.
    pub async fn uploads(&self, name: &str, bytes: &[u8]) -> Result<String, Stop> {
        let media = self.sends_file(name, bytes, &[]).await?.ok()?;
        judge::text(&media, "/media_id")
    }

    /// Sends a message with a file; the event.
    pub async fn attaches(&self, room: &Room, media_id: &str) -> Result<Value, Stop> {
        let content = json!({"msgtype": "swp.media", "body": "a file", "media_id": media_id});
        self.post(room.at("/send"), json!({"content": content}))
            .await?
            .ok()
    }

    /// Asks for a file's bytes.
    pub async fn downloads(&self, media_id: &str) -> Result<Answer, Stop> {
        self.get(format!("/v1/media/download/{media_id}")).await
    }

    /// Creates a room from this request.
    pub async fn creates(&self, request: Value) -> Result<Room, Stop> {
        let data = self.post("/v1/rooms", request).await?.ok()?;
        Room::from_data(data)
    }

    /// A group room that these people have joined, all but the creator with level 0.
    pub async fn group_with(&self, members: &[&Person]) -> Result<Room, Stop> {
        let room = self.creates(json!({"name": "A group for checks"})).await?;
        for member in members {
            room.admit(self, member).await?;
        }
        Ok(room)
    }

    /// A public room that these people have joined.
    pub async fn public_with(&self, members: &[&Person]) -> Result<Room, Stop> {
        let request =
            json!({"name": "A public room for checks", "room_type": "public", "is_public": true});
        let room = self.creates(request).await?;
        for member in members {
            member.post(room.at("/join"), json!({})).await?.ok()?;
        }
        Ok(room)
    }

    /// The DM with another person.
    pub async fn dm_with(&self, other: &Person) -> Result<Room, Stop> {
        let request = json!({"participant_id": other.id()});
        let data = self.post("/v1/rooms/dm", request).await?.ok()?;
        Room::from_data(data)
    }

    /// Sends a text and hands the event over.
    pub async fn says(&self, room: &Room, body: &str) -> Result<Value, Stop> {
        self.post(room.at("/send"), json!({"content": text_content(body)}))
            .await?
            .ok()
    }

    /// The end of what this person can sync.
    pub async fn sync_end(&self) -> Result<i64, Stop> {
        let data = self.get("/v1/sync?since=latest").await?.ok()?;
        crate::judge::int(&data, "/next_cursor")
    }

    /// Opens the live stream and waits for its `hello`.
    pub async fn listens(&self) -> Result<Socket, Stop> {
        let socket = Socket::open(&self.agent, TokenIn::Query, "").await?;
        socket
            .wait("hello", |frame| frame["type"] == "hello")
            .await?;
        Ok(socket)
    }
}

/// A plain message.
pub fn text_content(body: &str) -> Value {
    json!({"msgtype": "swp.text", "body": body})
}
