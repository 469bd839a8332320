//! What a scenario plays on: people who are signed in, and rooms in which they all are.

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
        let way = Way::new(&settings.base(), Trust::system()).map_err(Trouble)?;
        let stranger = Agent::new(way, Bearer::Nobody, Transcript::default());
        let admin = sign_in(&stranger, "admin").await?;
        let mut members = Vec::with_capacity(count);
        for number in 0..count {
            let name = format!("member-{number}");
            let account = json!({"local_id": name, "display_name": name, "password": PASSWORD});
            admin.post("/v1/admin/users", account).await?.ok()?;
            members.push(sign_in(&stranger, &name).await?);
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
