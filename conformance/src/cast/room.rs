//! A room of a check: its id, its paths, and how people get into it.

use serde_json::{Value, json};

use super::person::Person;
use crate::check::Stop;
use crate::judge;

/// A room that a check made.
#[derive(Clone, Debug)]
pub struct Room {
    /// The room's id.
    pub id: String,
    /// The room as its creation answered it.
    pub data: Value,
}

impl Room {
    /// The room of an answer.
    pub fn from_data(data: Value) -> Result<Self, Stop> {
        Ok(Self {
            id: judge::text(&data, "/id")?,
            data,
        })
    }

    /// A path below the room, such as `/send`.
    pub fn at(&self, path: &str) -> String {
        format!("/v1/rooms/{}{path}", self.id)
    }

    /// A path below one of its events, such as `/edit`.
    pub fn event(&self, event: &Value, path: &str) -> String {
        let id = event["id"].as_str().unwrap_or("");
        format!("/v1/rooms/{}/events/{id}{path}", self.id)
    }

    /// The path that pins one of its events.
    pub fn pin(&self, event: &Value) -> String {
        let id = event["id"].as_str().unwrap_or("");
        format!("/v1/rooms/{}/pins/{id}", self.id)
    }

    /// Invites somebody, who accepts.
    pub async fn admit(&self, inviter: &Person, member: &Person) -> Result<(), Stop> {
        let request = json!({"participant_id": member.id()});
        inviter.post(self.at("/invite"), request).await?.ok()?;
        member.post(self.at("/join"), json!({})).await?.ok()?;
        Ok(())
    }

    /// Gives a member a level.
    pub async fn promote(&self, owner: &Person, member: &Person, level: i64) -> Result<(), Stop> {
        let path = self.at(&format!("/members/{}/power-level", member.id()));
        owner.put(path, json!({"power_level": level})).await?.ok()?;
        Ok(())
    }

    /// The membership row of somebody, as `viewer` sees it.
    pub async fn member(&self, viewer: &Person, person: &Person) -> Result<Value, Stop> {
        let (rows, _) = viewer
            .get(self.at("/members?membership=all&limit=500"))
            .await?
            .list()?;
        judge::row(&rows, "/participant_id", person.id()).cloned()
    }

    /// The newest page of the history, newest first.
    pub async fn history(&self, viewer: &Person) -> Result<Vec<Value>, Stop> {
        let (rows, _) = viewer.get(self.at("/messages")).await?.list()?;
        Ok(rows)
    }
}
