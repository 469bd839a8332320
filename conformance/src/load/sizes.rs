//! How long single requests take, by how much the server holds: one connection, one request after the other.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::http::{self, Connection};
use super::identity;
use super::sends::{Rate, durations, message, record};
use super::town::{HOMES, Scale, Town, WRITERS, room_name};
use super::trouble::Result;

/// The small server that a large one is compared with. Its lists fill a page as those of a large one do.
pub const SMALL: Scale = Scale {
    events: 10_000,
    people: 600,
    rooms: 100,
    members: 500,
};
/// How far back somebody was here last who was away for a day, in events.
const DAY: usize = 5_000;

/// What is asked for, and how long it took.
pub type Timed = (&'static str, Rate);

/// Times everything that is asked for often. Reading comes first, so that it finds as much unread as ever.
pub async fn operations(
    address: SocketAddr,
    town: &Town,
    scale: Scale,
    time: Duration,
) -> Result<Vec<Timed>> {
    let end = town.events().await?;
    let get = |path: String| http::get(address, &path, Some(&town.reader));
    let hall = format!("/v1/rooms/{}", town.hall);
    let mut timed = Vec::new();
    let timing = Timing { address, time };
    let deep = timing.of(|_| {
        // Somewhere in the first half of all that was ever said.
        let from = end / 10 + rand::random_range(0..end / 10 * 4);
        get(format!("{hall}/messages?limit=50&from={from}"))
    });
    timed.push(("history page, deep in the past", deep.await?));
    let since = end.saturating_sub(DAY);
    let sync = timing.of(|_| get(format!("/v1/sync?since={since}&limit=200&timeout=0")));
    timed.push(("sync after a day away, first page", sync.await?));
    let state = timing.of(|_| get(format!("{hall}/state")));
    timed.push(("state snapshot", state.await?));
    let members = timing.of(|_| get(format!("{hall}/members?limit=100")));
    timed.push(("member list", members.await?));
    let people = timing.of(|_| {
        let (user, _) = identity::names(rand::random_range(WRITERS..scale.people));
        get(format!("/v1/directory/participants?q={user}"))
    });
    timed.push(("search for a person", people.await?));
    let rooms = timing.of(|_| {
        let name = room_name(rand::random_range(0..scale.rooms)).replace(' ', "%20");
        get(format!("/v1/directory/rooms?q={name}"))
    });
    timed.push(("search for a room", rooms.await?));
    let homes = town.rooms.iter().take(HOMES);
    let homes: Vec<_> = homes
        .map(|room| town.send_form(room, &town.reader))
        .collect();
    let to_hall = town.send_form(&town.hall, &town.reader);
    let send = timing.of(|number| {
        let mut request = Vec::new();
        let form = homes.get(number % homes.len().max(1)).unwrap_or(&to_hall);
        form.fill(&mut request, &message("load"));
        request
    });
    timed.push(("send", send.await?));
    let send = timing.of(|_| {
        let mut request = Vec::new();
        to_hall.fill(&mut request, &message("load"));
        request
    });
    timed.push(("send to the largest room", send.await?));
    Ok(timed)
}

/// For how long each is asked for, and of whom.
struct Timing {
    address: SocketAddr,
    time: Duration,
}

impl Timing {
    async fn of(&self, request: impl Fn(usize) -> Vec<u8>) -> Result<Rate> {
        let mut connection = Connection::open(self.address).await?;
        let mut durations = durations()?;
        let began = Instant::now();
        let from = began + self.time / 4;
        let until = from + self.time;
        for number in 0.. {
            let request = request(number);
            let asked = Instant::now();
            connection.exchange(&request).await?.ok()?;
            let answered = Instant::now();
            if answered >= from {
                record(&mut durations, answered - asked);
            }
            if answered >= until {
                break;
            }
        }
        Ok(Rate::of(&durations, self.time))
    }
}
