//! How long somebody of the second server waits for joining a room of the first one, by the number of its people and by
//! the length of its history.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::federation::Pair;
use super::sends::fire_count;
use super::stage;
use super::trouble::{Result, Trouble};
use crate::cast::person::Person;
use crate::cast::room::Room;
use crate::judge;

/// Invitations in one request.
const AT_ONCE: usize = 100;
/// Connections that write the history.
const SENDERS: usize = 64;
/// How long an invitation may take to the other server.
const PATIENCE: Duration = Duration::from_secs(60);

/// Accounts without sessions, to be invited; their ids.
async fn crowd(admin: &Person, people: usize) -> Result<Vec<String>> {
    let mut ids = Vec::with_capacity(people);
    for number in 0..people {
        let name = format!("invited-{number}");
        let account = json!({"local_id": name, "display_name": name});
        let made = admin.post("/v1/admin/users", account).await?.ok()?;
        ids.push(judge::text(&made, "/id")?);
    }
    Ok(ids)
}

/// A room that all of them are invited to.
async fn room_of(host: &Person, crowd: &[String]) -> Result<Room> {
    let (first, others) = crowd.split_at(crowd.len().min(AT_ONCE));
    let room = host
        .creates(json!({"name": "A room that is joined", "invite": first}))
        .await?;
    for id in others {
        let request = json!({"participant_id": id});
        host.post(room.at("/invite"), request).await?.ok()?;
    }
    Ok(room)
}

/// The time of the join alone: the invitation is there before it begins.
async fn join(host: &Person, guest: &Person, room: &Room) -> Result<Duration> {
    let request = json!({"fqid": guest.fqid()});
    host.post(room.at("/invite"), request).await?.ok()?;
    let began = Instant::now();
    let is_invited = |open: &Value| open["room_id"] == json!(room.id);
    while !guest
        .get("/v1/me/invitations")
        .await?
        .list()?
        .0
        .iter()
        .any(is_invited)
    {
        if began.elapsed() > PATIENCE {
            return Err(Trouble::new("the invitation did not arrive"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let began = Instant::now();
    guest.post(room.at("/join"), json!({})).await?.ok()?;
    Ok(began.elapsed())
}

impl Pair {
    /// The times of joining rooms with so many people, and histories of these lengths.
    pub async fn joins(&self, people: usize, histories: [usize; 2]) -> Result<[Duration; 2]> {
        let crowd = crowd(&self.host, people).await?;
        let mut times = [Duration::ZERO; 2];
        for (time, events) in times.iter_mut().zip(histories) {
            let room = room_of(&self.host, &crowd).await?;
            let rooms = [room];
            let hosts = std::slice::from_ref(&self.host);
            let forms = stage::send_forms(&self.first_settings, hosts, &rooms).await?;
            fire_count(self.first.address, &forms, SENDERS, events, "last").await?;
            *time = join(&self.host, &self.reader, &rooms[0]).await?;
        }
        Ok(times)
    }
}
