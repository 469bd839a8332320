//! Accounts, made the way an operator makes them.

use serde_json::{Value, json};

use super::{Api, Server};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A signed-in person.
pub(crate) struct Person {
    pub(crate) api: Api,
    pub(crate) id: String,
    pub(crate) fqid: String,
}

impl Person {
    /// The first account of a server, made on the command line; it is the administrator.
    pub(crate) async fn first(server: &Server) -> Self {
        make_admin(server, &[]);
        Self::sign_in(&server.stranger(), "admin", PASSWORD).await
    }

    /// A second tenant of a server, `other.example`, and the first account there, its administrator.
    pub(crate) async fn first_of_other(server: &Server) -> Self {
        let names = [
            "--slug",
            "other",
            "--name",
            "Other",
            "--server-name",
            "other.example",
        ];
        let make = [&["admin", "create-tenant"], &names[..]].concat();
        server.cli(&make, "").done();
        make_admin(server, &["--tenant", "other"]);
        Self::sign_in_to_other(server, "admin").await
    }

    /// An account that the second tenant's administrator makes.
    pub(crate) async fn made_in_other(server: &Server, admin: &Person, local_id: &str) -> Self {
        let account = json!({"local_id": local_id, "display_name": local_id, "password": PASSWORD});
        admin.api.post("/v1/admin/users", &account).await.data();
        Self::sign_in_to_other(server, local_id).await
    }

    /// Somebody of the second tenant.
    pub(crate) async fn sign_in_to_other(server: &Server, local_id: &str) -> Self {
        let form = json!({
            "grant_type": "password", "username": local_id, "password": PASSWORD, "tenant": "other",
        });
        let client = server.stranger();
        let tokens = client.post("/v1/auth/token", &form).await.data();
        Self::with_token(&client, &tokens).await
    }

    /// An account made by the administrator; its display name is the local id with a capital.
    pub(crate) async fn new(server: &Server, local_id: &str) -> Self {
        Self::made_by(&server.admin().await.api, local_id).await
    }

    /// An account in the tenant of the administrator who calls.
    pub(crate) async fn made_by(admin: &Api, local_id: &str) -> Self {
        let display_name: String = local_id
            .chars()
            .take(1)
            .flat_map(char::to_uppercase)
            .chain(local_id.chars().skip(1))
            .collect();
        admin
            .post(
                "/v1/admin/users",
                &json!({"local_id": local_id, "display_name": display_name, "password": PASSWORD}),
            )
            .await
            .data();
        Self::sign_in(&admin.anonymous(), local_id, PASSWORD).await
    }

    /// Signs in on one more device.
    pub(crate) async fn sign_in(client: &Api, local_id: &str, password: &str) -> Self {
        let tokens = client.sign_in(local_id, password).await.data();
        Self::with_token(client, &tokens).await
    }

    /// The person behind a token answer.
    pub(crate) async fn with_token(client: &Api, tokens: &Value) -> Self {
        let api = client.with_token(tokens["access_token"].as_str().expect("an access token"));
        let me = api.get("/v1/me").await.data();
        let text = |name: &str| {
            me[name]
                .as_str()
                .unwrap_or_else(|| panic!("{name} in {me}"))
                .to_owned()
        };
        Self {
            api,
            id: text("participant_id"),
            fqid: text("fqid"),
        }
    }

    /// A group room with these members.
    pub(crate) async fn room_with(&self, name: &str, members: &[&Person]) -> String {
        let room = self
            .api
            .post("/v1/rooms", &json!({"name": name}))
            .await
            .data();
        let room_id = room["id"].as_str().expect("a room id").to_owned();
        for member in members {
            self.invite(&room_id, member).await.data();
            member.join(&room_id).await.data();
        }
        room_id
    }

    pub(crate) async fn invite(&self, room_id: &str, person: &Person) -> super::Answer {
        let path = format!("/v1/rooms/{room_id}/invite");
        self.api
            .post(&path, &json!({"participant_id": person.id}))
            .await
    }

    pub(crate) async fn join(&self, room_id: &str) -> super::Answer {
        self.api
            .post(&format!("/v1/rooms/{room_id}/join"), &json!({}))
            .await
    }

    /// Sends a text and returns the event.
    pub(crate) async fn says(&self, room_id: &str, body: &str) -> Value {
        self.send(
            room_id,
            &json!({"content": {"msgtype": "swp.text", "body": body}}),
        )
        .await
        .data()
    }

    pub(crate) async fn send(&self, room_id: &str, message: &Value) -> super::Answer {
        self.api
            .post(&format!("/v1/rooms/{room_id}/send"), message)
            .await
    }

    /// The whole history of a room, oldest first, as this person reads it.
    pub(crate) async fn history(&self, room_id: &str) -> Vec<Value> {
        let mut events = Vec::new();
        let mut from = String::new();
        loop {
            let path = format!("/v1/rooms/{room_id}/messages?direction=forward&limit=200{from}");
            let page = self.api.get(&path).await.ok();
            events.extend(
                page["data"]
                    .as_array()
                    .expect("a list of events")
                    .iter()
                    .cloned(),
            );
            if page["meta"]["has_more"] != json!(true) {
                return events;
            }
            from = format!(
                "&from={}",
                page["meta"]["next_cursor"].as_str().expect("a cursor")
            );
        }
    }

    /// A room as this person sees it; null while it does not.
    pub(crate) async fn room(&self, room_id: &str) -> Value {
        let answer = self.api.get(&format!("/v1/rooms/{room_id}")).await;
        match answer.status == 200 {
            true => answer.data(),
            false => Value::Null,
        }
    }

    /// Whether this person is shown a message with this text; a room that is not there shows none.
    pub(crate) async fn reads(&self, room_id: &str, text: &str) -> bool {
        let path = format!("/v1/rooms/{room_id}/messages");
        let answer = self.api.get(&path).await;
        answer.status == 200 && answer.text.contains(text)
    }

    /// The texts of a room's messages, oldest first.
    pub(crate) async fn bodies(&self, room_id: &str) -> Vec<String> {
        let messages = self.history(room_id).await;
        let of_people = messages
            .iter()
            .filter(|event| event["event_type"] == "swp.room.message");
        of_people
            .map(|event| {
                event["content"]["body"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }

    /// Everything that sync has after `since`, and the end of it.
    pub(crate) async fn sync_from(&self, since: i64) -> (Vec<Value>, i64) {
        self.api.sync_from(since).await
    }
}

fn make_admin(server: &Server, tenant: &[&str]) {
    let person = [
        "admin",
        "create-user",
        "--local-id",
        "admin",
        "--name",
        "Admin",
    ];
    let make = [&person, tenant].concat();
    server.cli(&make, &format!("{PASSWORD}\n")).done();
}
