//! How long somebody of the second server waits for joining a room of the first one, by the number of its people and by
//! the length of its history.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::federation::Pair;
use super::sends::fire_count;
use super::stage;
use super::trouble::{Result, Trouble};
use crate::cast::person::Person;
use crate::cast::room::Room;

/// People who join and say hello at one time.
const AT_ONCE: usize = 16;
/// Connections that write the history.
const SENDERS: usize = 64;
/// How long an invitation may take to the other server.
const PATIENCE: Duration = Duration::from_secs(60);

/// A public room that all of them have joined and said something in, so that each join stands between messages.
async fn room_of(host: &Person, crowd: &[Person]) -> Result<Room> {
    let request =
        json!({"name": "A room that is joined", "room_type": "public", "is_public": true});
    let room = host.creates(request).await?;
    let enters = async |person: &Person| {
        person.post(room.at("/join"), json!({})).await?.ok()?;
        person.says(&room, "hello").await?;
        Ok::<(), Trouble>(())
    };
    stream::iter(crowd)
        .map(enters)
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
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
        let crowd = stage::crowd(&self.first_settings, &self.host, people).await?;
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
