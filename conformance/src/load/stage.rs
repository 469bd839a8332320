//! What a scenario plays on: people who are signed in, and rooms in which they all are.

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;

use super::http::Form;
use super::server::{PASSWORD, Settings};
use super::trouble::{Result, Trouble};
use crate::cast::account::Account;
use crate::cast::person::Person;
use crate::cast::room::Room;
use crate::client::call::Way;
use crate::client::tls::Trust;
use crate::client::transcript::Transcript;
use crate::client::{Agent, Bearer};

/// Accounts that are made at one time.
const ENROLLED_AT_ONCE: usize = 8;

/// People on one server.
pub struct People {
    /// The administrator.
    pub admin: Person,
    /// The others.
    pub members: Vec<Person>,
}

impl People {
    /// Makes `count` accounts beside the administrator's and signs everybody in.
    pub async fn gather(settings: &Settings, count: usize) -> Result<Self> {
        settings.create_admin().await?;
        let stranger = stranger(settings)?;
        let admin = sign_in(&stranger, "admin").await?;
        let mut members = Vec::with_capacity(count);
        for number in 0..count {
            members.push(enrol(&stranger, &admin, &format!("member-{number}")).await?);
        }
        Ok(Self { admin, members })
    }

    /// Rooms in which all of them are.
    pub async fn rooms(&self, count: usize) -> Result<Vec<Room>> {
        let mut rooms = Vec::with_capacity(count);
        for _ in 0..count {
            let members: Vec<&Person> = self.members.iter().collect();
            rooms.push(self.admin.group_with(&members).await?);
        }
        Ok(rooms)
    }
}

/// Nobody in particular on a server.
pub(super) fn stranger(settings: &Settings) -> Result<Agent> {
    let way = Way::new(&settings.base(), Trust::system()).map_err(Trouble)?;
    Ok(Agent::new(way, Bearer::Nobody, Transcript::default()))
}

/// Many more people on a server. What this waits for is the hashing of their passwords.
pub async fn crowd(settings: &Settings, admin: &Person, count: usize) -> Result<Vec<Person>> {
    let stranger = stranger(settings)?;
    let names = (0..count).map(|number| format!("one-of-many-{number}"));
    let enrol = async |name: String| enrol(&stranger, admin, &name).await;
    stream::iter(names)
        .map(enrol)
        .buffered(ENROLLED_AT_ONCE)
        .try_collect()
        .await
}

/// Makes an account and signs it in.
async fn enrol(stranger: &Agent, admin: &Person, name: &str) -> Result<Person> {
    let account = json!({"local_id": name, "display_name": name, "password": PASSWORD});
    admin.post("/v1/admin/users", account).await?.ok()?;
    sign_in(stranger, name).await
}

async fn sign_in(stranger: &Agent, name: &str) -> Result<Person> {
    let account = Account::sign_in(stranger, name, PASSWORD).await?;
    Ok(Person::new(account.into(), stranger))
}

/// The access token of somebody.
pub async fn token(person: &Person) -> Result<String> {
    let token = person.token().await?;
    token.ok_or_else(|| Trouble::new("somebody without a token"))
}

/// One form for each person and room; neighbours differ in both.
pub async fn send_forms(
    settings: &Settings,
    people: &[Person],
    rooms: &[Room],
) -> Result<Vec<Form>> {
    let mut forms = Vec::with_capacity(people.len() * rooms.len());
    for shift in 0..rooms.len() {
        let places = rooms.iter().cycle().skip(shift);
        for (person, room) in people.iter().zip(places) {
            let token = token(person).await?;
            forms.push(Form::post(settings.address, &room.at("/send"), &token));
        }
    }
    Ok(forms)
}
