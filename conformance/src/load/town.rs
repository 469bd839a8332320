//! A server that many people use: it is filled through the API alone, so that its rows are the same as any other server's.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::http::{self, Connection, Form};
use super::identity::Identity;
use super::sends::message;
use super::server::Settings;
use super::trouble::{Result, Trouble};

/// People who write what fills the server, each in rooms of its own and in the hall.
pub const WRITERS: usize = 64;
/// Rooms that each of the others joins, beside the hall.
const NEIGHBOURS: usize = 2;
/// Rooms of the person whose requests are timed, beside the hall.
pub const HOMES: usize = 20;
/// One of so many messages is written in the hall.
const HALL_SHARE: usize = 5;
/// Connections that fill it.
const CONNECTIONS: usize = 256;
/// Connections for what ends in a transaction of its own each.
const FEW_CONNECTIONS: usize = 32;

/// What a server holds.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// Events in all rooms together.
    pub events: usize,
    /// People.
    pub people: usize,
    /// Rooms beside the hall.
    pub rooms: usize,
    /// People in the hall.
    pub members: usize,
}

/// The people and rooms of one server.
pub struct Town {
    address: SocketAddr,
    identity: Identity,
    tokens: Vec<String>,
    writers: Vec<String>,
    /// The token of the person whose requests are timed. It is in the hall and in the first [`HOMES`] rooms.
    pub reader: String,
    /// The ids of the rooms.
    pub rooms: Vec<String>,
    /// The id of the room that most are in.
    pub hall: String,
    members: usize,
}

impl Town {
    /// The first people on a new server that trusts `identity`, and the hall.
    pub async fn found(settings: &Settings, identity: Identity) -> Result<Self> {
        let mut town = Self {
            address: settings.address,
            identity,
            tokens: Vec::new(),
            writers: Vec::new(),
            reader: String::new(),
            rooms: Vec::new(),
            hall: String::new(),
            members: 0,
        };
        town.welcome(WRITERS + 1).await?;
        // A token for a script is looked up, not verified: its signature would weigh on everything that is timed.
        let ask = |token: &String| {
            post(
                town.address,
                "/v1/me/tokens",
                token,
                json!({"name": "load"}),
            )
        };
        let asked: Vec<_> = town.tokens.iter().map(ask).collect();
        let made = answers(town.address, FEW_CONNECTIONS, asked).await?;
        town.writers = made
            .iter()
            .map(|made| text(made, "token"))
            .collect::<Result<_>>()?;
        town.reader = town.writers.pop().unwrap_or_default();
        town.hall = town
            .make_rooms(std::iter::once("The hall".to_owned()))
            .await?
            .pop()
            .unwrap_or_default();
        town.join(vec![(town.reader.clone(), town.hall.clone())])
            .await?;
        Ok(town)
    }

    /// Fills it until it holds as much as `scale` says. How many events a second were written, and in what time, once
    /// everybody was there.
    pub async fn grow(&mut self, scale: Scale) -> Result<(f64, Duration)> {
        let known = self.tokens.len();
        self.welcome(scale.people).await?;
        let names = (self.rooms.len()..scale.rooms).map(room_name);
        let made = self.make_rooms(names).await?;
        let homes: Vec<_> = made
            .iter()
            .take(HOMES.saturating_sub(self.rooms.len()))
            .cloned()
            .collect();
        self.rooms.extend(made);
        let mut joins: Vec<(String, String)> = homes
            .into_iter()
            .map(|room| (self.reader.clone(), room))
            .collect();
        for (number, token) in self.tokens.iter().enumerate().skip(known.max(WRITERS + 1)) {
            for step in 0..NEIGHBOURS.min(self.rooms.len()) {
                let room = self
                    .rooms
                    .get((number * NEIGHBOURS + step) % self.rooms.len());
                joins.extend(room.map(|room| (token.clone(), room.clone())));
            }
        }
        // The last of those who were asked for a token is the reader, who is there already.
        let newcomers = self
            .tokens
            .iter()
            .enumerate()
            .take(scale.members)
            .skip(self.members);
        let newcomers = newcomers.filter(|(number, _)| *number != WRITERS && *number != 0);
        joins.extend(newcomers.map(|(_, token)| (token.clone(), self.hall.clone())));
        self.members = self.members.max(scale.members);
        self.join(joins).await?;
        let missing = scale.events.saturating_sub(self.events().await?);
        let began = Instant::now();
        self.write(missing).await?;
        let time = began.elapsed();
        Ok((missing as f64 / time.as_secs_f64(), time))
    }

    /// How many events the server holds.
    pub async fn events(&self) -> Result<usize> {
        let request = http::get(self.address, "/v1/sync?since=latest", Some(&self.reader));
        let answer = answers(self.address, 1, vec![request]).await?;
        let end = answer
            .first()
            .and_then(|answer| answer["next_cursor"].as_u64());
        end.and_then(|end| usize::try_from(end).ok())
            .ok_or_else(|| Trouble::new("sync does not say where the stream ends"))
    }

    /// The tokens of the people, the first joined first.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// A way to write in the hall.
    pub fn hall_form(&self) -> Form {
        let writer = self.writers.first().map_or("", String::as_str);
        self.send_form(&self.hall, writer)
    }

    /// A way to write in a room.
    pub fn send_form(&self, room: &str, token: &str) -> Form {
        Form::post(self.address, &format!("/v1/rooms/{room}/send"), token)
    }

    /// Lets people come until there are so many.
    async fn welcome(&mut self, people: usize) -> Result<()> {
        let known = self.tokens.len();
        self.tokens
            .extend((known..people).map(|number| self.identity.token(number)));
        let new = self.tokens.iter().skip(known);
        let requests = new.map(|token| http::get(self.address, "/v1/me", Some(token)));
        answers(self.address, FEW_CONNECTIONS, requests.collect()).await?;
        Ok(())
    }

    /// Public rooms, made by the writers in turn.
    async fn make_rooms(&self, names: impl Iterator<Item = String>) -> Result<Vec<String>> {
        let make = |(name, writer): (String, &String)| {
            let request = json!({"name": name, "room_type": "public", "is_public": true});
            post(self.address, "/v1/rooms", writer, request)
        };
        let turns = self.writers.iter().cycle().skip(self.rooms.len() % WRITERS);
        let made = answers(
            self.address,
            CONNECTIONS,
            names.zip(turns).map(make).collect(),
        )
        .await?;
        made.iter().map(|made| text(made, "id")).collect()
    }

    async fn join(&self, joins: Vec<(String, String)>) -> Result<()> {
        let join = |(token, room): (String, String)| {
            post(
                self.address,
                &format!("/v1/rooms/{room}/join"),
                &token,
                json!({}),
            )
        };
        let requests = joins.into_iter().map(join).collect();
        answers(self.address, CONNECTIONS, requests).await?;
        Ok(())
    }

    /// Writes so many messages.
    async fn write(&self, count: usize) -> Result<()> {
        let mut writing = JoinSet::new();
        for index in 0..CONNECTIONS {
            let Some(writer) = self.writers.get(index % WRITERS) else {
                break;
            };
            let own = self.rooms.iter().skip(index % WRITERS).step_by(WRITERS);
            let own: Vec<Form> = own.map(|room| self.send_form(room, writer)).collect();
            let hall = self.send_form(&self.hall, writer);
            let share = count / CONNECTIONS + usize::from(index < count % CONNECTIONS);
            writing.spawn(write_share(self.address, own, hall, share));
        }
        while let Some(written) = writing.join_next().await {
            written??;
        }
        Ok(())
    }
}

/// What a room is called.
pub fn room_name(number: usize) -> String {
    const SUBJECTS: [&str; 10] = [
        "Kitchen", "Budget", "Release", "Garden", "Support", "Travel", "Hiring", "Design", "Legal",
        "Chess",
    ];
    let subject = SUBJECTS
        .get(number % SUBJECTS.len())
        .copied()
        .unwrap_or_default();
    format!("{subject} {number:05}")
}

async fn write_share(address: SocketAddr, own: Vec<Form>, hall: Form, count: usize) -> Result<()> {
    let mut connection = Connection::open(address).await?;
    let mut request = Vec::new();
    let mut forms = own.iter().cycle();
    for number in 0..count {
        let of_hall = number % HALL_SHARE == 0;
        let form = forms.next().filter(|_| !of_hall).unwrap_or(&hall);
        form.fill(&mut request, &message("load"));
        connection.exchange(&request).await?.ok()?;
    }
    Ok(())
}

fn post(address: SocketAddr, path: &str, token: &str, body: Value) -> Vec<u8> {
    let mut request = Vec::new();
    Form::post(address, path, token).fill(&mut request, &body.to_string());
    request
}

fn text(data: &Value, field: &str) -> Result<String> {
    let text = data[field].as_str().map(str::to_owned);
    text.ok_or_else(|| Trouble(format!("an answer without {field}: {data}")))
}

/// Sends all of these over some connections and hands over the `data` of the answers, in order; each must be 200.
async fn answers(
    address: SocketAddr,
    connections: usize,
    requests: Vec<Vec<u8>>,
) -> Result<Vec<Value>> {
    let count = requests.len();
    let queue = Arc::new(Mutex::new(requests.into_iter().enumerate()));
    let mut asking = JoinSet::new();
    for _ in 0..connections.min(count) {
        asking.spawn(ask(address, Arc::clone(&queue)));
    }
    let mut all = vec![Value::Null; count];
    while let Some(asked) = asking.join_next().await {
        for (index, data) in asked?? {
            if let Some(place) = all.get_mut(index) {
                *place = data;
            }
        }
    }
    Ok(all)
}

type Queue = Arc<Mutex<std::iter::Enumerate<std::vec::IntoIter<Vec<u8>>>>>;

async fn ask(address: SocketAddr, queue: Queue) -> Result<Vec<(usize, Value)>> {
    let mut connection = Connection::open(address).await?;
    let mut answered = Vec::new();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((index, request)) = next else {
            return Ok(answered);
        };
        let reply = connection.exchange(&request).await?;
        let body: Value = serde_json::from_slice(reply.body).unwrap_or_default();
        reply.ok()?;
        answered.push((index, body["data"].clone()));
    }
}
