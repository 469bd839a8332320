//! Every operation, asked for what is another tenant's or another person's.
//!
//! What lies below a room stands in the table of `room_routes`; everything else stands here. An operation without a row
//! fails, and so does a row without an operation.

use std::collections::BTreeSet;

use reqwest::Method;
use scaiwave::clock::{Clock, iso};
use serde_json::{Value, json};

use super::NOBODY;
use crate::room_routes::{Refused, rows_below_a_room};
use crate::support::{Api, Person, on_both, routes_in_source};

const NO_PERMISSION: Refused = (403, "SW_AUTH_INSUFFICIENT_PERMISSION");
const NOT_FOUND: Refused = (404, "SW_NOT_FOUND");
/// Nobody may federate with whom the policy does not name.
const NO_PEER: Refused = (403, "SW_FED_PEER_UNKNOWN");
const NO_ROOM: Refused = (404, "SW_ROOM_NOT_FOUND");
const NO_EVENT: Refused = (404, "SW_EVENT_NOT_FOUND");
const NOT_MEMBER: Refused = (403, "SW_NOT_MEMBER");

/// What somebody gets who asks for what is another's.
#[derive(Clone, Copy)]
enum Gets {
    /// This refusal.
    Refused(Refused),
    /// Something of the caller's own, or of everybody's, and nothing of the others.
    Own,
}

/// An operation that lies below no room, with a body that asks for what is Alice's and Bob's.
struct Row {
    method: &'static str,
    path: &'static str,
    body: Value,
    /// What the administrator of another tenant gets.
    foreign: Gets,
    /// What somebody of the same tenant gets, without any role.
    stranger: Gets,
}

/// Whose things the rows ask for.
struct Targets {
    bob: String,
    room: String,
    event: String,
    session: String,
    script_token: String,
    snooze: String,
    group: String,
    media: String,
}

fn row(
    method: &'static str,
    path: &'static str,
    body: Value,
    foreign: Gets,
    stranger: Gets,
) -> Row {
    Row {
        method,
        path,
        body,
        foreign,
        stranger,
    }
}

/// Operations about the caller, or about what everybody may see, with a token and without.
fn own(method: &'static str, path: &'static str) -> Row {
    row(method, path, json!({}), Gets::Own, Gets::Own)
}

/// Operations about what one person alone has: for everybody else it does not exist.
fn personal(method: &'static str, path: &'static str) -> Row {
    let refused = Gets::Refused(NOT_FOUND);
    row(method, path, json!({}), refused, refused)
}

/// Operations of administrators about their own tenant.
fn tenants(method: &'static str, path: &'static str) -> Row {
    let refused = Gets::Refused(NO_PERMISSION);
    row(method, path, json!({}), Gets::Own, refused)
}

/// Operations of administrators about something that another tenant has not.
fn admins(method: &'static str, path: &'static str, body: Value, missing: Refused) -> Row {
    let refused = Gets::Refused(NO_PERMISSION);
    row(method, path, body, Gets::Refused(missing), refused)
}

fn tomorrow() -> Value {
    json!({"until": iso(Clock::system().now_ms() + 86_400_000)})
}

/// All of them. `room_id`, `participant_id` and so on in the paths are Alice's and Bob's.
fn table(targets: &Targets) -> Vec<Row> {
    use Gets::{Own, Refused};
    let Targets { bob, room, .. } = targets;
    vec![
        own("GET", "/v1/openapi.json"),
        own("GET", "/v1/docs"),
        own("GET", "/v1/auth/config"),
        own("GET", "/v1/auth/login"),
        own("POST", "/v1/auth/login"),
        own("POST", "/v1/auth/token"),
        own("POST", "/v1/auth/refresh"),
        own("POST", "/v1/auth/signup"),
        own("POST", "/v1/auth/register"),
        own("PUT", "/v1/auth/password"),
        own("GET", "/v1/me"),
        own("PUT", "/v1/me"),
        own("GET", "/v1/me/preferences"),
        own("PUT", "/v1/me/preferences"),
        own("PUT", "/v1/me/presence"),
        own("POST", "/v1/me/presence/heartbeat"),
        own("GET", "/v1/me/sessions"),
        own("DELETE", "/v1/me/sessions"),
        personal("DELETE", "/v1/me/sessions/{session_id}"),
        own("GET", "/v1/me/tokens"),
        own("POST", "/v1/me/tokens"),
        personal("DELETE", "/v1/me/tokens/{token_id}"),
        own("GET", "/v1/me/snoozes"),
        personal("DELETE", "/v1/me/snoozes/{task_id}"),
        own("GET", "/v1/me/invitations"),
        personal("POST", "/v1/me/invitations/{room_id}/accept"),
        personal("POST", "/v1/me/invitations/{room_id}/decline"),
        own("POST", "/v1/me/federated-dms"),
        own("GET", "/v1/inbox/priority"),
        personal("DELETE", "/v1/inbox/priority/{event_id}"),
        row(
            "POST",
            "/v1/messages/{event_id}/snooze",
            tomorrow(),
            Refused(NO_EVENT),
            Refused(NO_EVENT),
        ),
        own("GET", "/v1/presence"),
        row(
            "PUT",
            "/v1/typing",
            json!({"room_id": room, "typing": true}),
            Refused(NO_ROOM),
            Refused(NOT_MEMBER),
        ),
        // Everybody of a tenant may know who else is in it.
        row(
            "GET",
            "/v1/profiles/{participant_id}",
            json!({}),
            Refused(NOT_FOUND),
            Own,
        ),
        row(
            "POST",
            "/v1/rooms/dm",
            json!({ "participant_id": bob }),
            Refused(NOT_FOUND),
            Own,
        ),
        own("GET", "/v1/directory/participants"),
        own("GET", "/v1/directory/groups"),
        row(
            "GET",
            "/v1/directory/groups/{group_id}/members",
            json!({}),
            Refused(NOT_FOUND),
            Own,
        ),
        personal("GET", "/v1/directory/alias/{alias}"),
        own("GET", "/v1/directory/rooms"),
        row(
            "POST",
            "/v1/rooms",
            json!({"name": "Own", "invite": [bob]}),
            Refused(NOT_FOUND),
            Own,
        ),
        own("GET", "/v1/rooms/archived"),
        own("GET", "/v1/sync?timeout=0"),
        own("GET", "/v1/stream"),
        own("POST", "/v1/media/upload"),
        personal("GET", "/v1/media/{media_id}/info"),
        personal("GET", "/v1/media/download/{media_id}"),
        tenants("GET", "/v1/admin/groups"),
        row(
            "POST",
            "/v1/admin/groups",
            json!({"name": "Made", "member_ids": [bob]}),
            Refused(NOT_FOUND),
            Refused(NO_PERMISSION),
        ),
        admins(
            "PUT",
            "/v1/admin/groups/{group_id}",
            json!({"name": "Taken"}),
            NOT_FOUND,
        ),
        admins(
            "DELETE",
            "/v1/admin/groups/{group_id}",
            json!({}),
            NOT_FOUND,
        ),
        tenants("GET", "/v1/admin/users"),
        row(
            "POST",
            "/v1/admin/users",
            json!({"local_id": "made", "display_name": "Made"}),
            Own,
            Refused(NO_PERMISSION),
        ),
        admins(
            "GET",
            "/v1/admin/users/{participant_id}",
            json!({}),
            NOT_FOUND,
        ),
        admins(
            "PATCH",
            "/v1/admin/users/{participant_id}",
            json!({"state": "suspended"}),
            NOT_FOUND,
        ),
        admins(
            "POST",
            "/v1/admin/users/{participant_id}/reset-password",
            json!({}),
            NOT_FOUND,
        ),
        admins(
            "POST",
            "/v1/admin/users/{participant_id}/revoke-sessions",
            json!({}),
            NOT_FOUND,
        ),
        admins(
            "PUT",
            "/v1/admin/users/{participant_id}/roles",
            json!({"roles": []}),
            NOT_FOUND,
        ),
        tenants("GET", "/v1/admin/federation/identity"),
        tenants("GET", "/v1/admin/federation/policy"),
        row(
            "PUT",
            "/v1/admin/federation/policy",
            json!({"allowed_peers": []}),
            Own,
            Refused(NO_PERMISSION),
        ),
        tenants("GET", "/v1/admin/federation/peers"),
        admins(
            "POST",
            "/v1/admin/federation/peers/{server_name}/pause",
            json!({}),
            NOT_FOUND,
        ),
        admins(
            "POST",
            "/v1/admin/federation/peers/{server_name}/resume",
            json!({}),
            NOT_FOUND,
        ),
        admins(
            "POST",
            "/v1/admin/federation/peers/{server_name}/retry",
            json!({}),
            NOT_FOUND,
        ),
        admins(
            "POST",
            "/v1/admin/federation/peers/{server_name}/confirm-key",
            json!({"key_id": "ed25519:0011223344556677"}),
            NO_PEER,
        ),
        tenants("GET", "/v1/admin/federation/rejected"),
        admins(
            "POST",
            "/v1/admin/federation/foreign/{participant_id}/refresh",
            json!({}),
            NOT_FOUND,
        ),
        admins(
            "POST",
            "/v1/admin/rooms/{room_id}/federate",
            json!({"enabled": true}),
            NO_ROOM,
        ),
        admins(
            "POST",
            "/v1/admin/rooms/{room_id}/federation/invite",
            json!({"fqid": "@eve:peer.example"}),
            NO_ROOM,
        ),
        admins(
            "POST",
            "/v1/admin/rooms/{room_id}/federation/backfill",
            json!({}),
            NO_ROOM,
        ),
        // The last one: it ends the session that walks.
        own("POST", "/v1/auth/logout"),
    ]
}

impl Targets {
    /// A room of Alice's and Bob's with a message, and what Bob alone has.
    async fn make(admin: &Api, alice: &Person, bob: &Person) -> Targets {
        let room = alice.room_with("Hidden Garden", &[bob]).await;
        let content = json!({"body": "for us alone", "mentions": [bob.id]});
        let sent = alice.send(&room, &json!({ "content": content })).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let event = text(&sent.data()["id"]);
        let sessions = bob.api.get("/v1/me/sessions").await.data();
        let name = json!({"name": "script"});
        let script_token = bob.api.post("/v1/me/tokens", &name).await.data();
        let snooze = format!("/v1/messages/{event}/snooze");
        let snooze = bob.api.post(&snooze, &tomorrow()).await.data();
        let group = json!({"name": "Gardeners", "member_ids": [bob.id]});
        let group = admin.post("/v1/admin/groups", &group).await.data();
        Targets {
            bob: bob.id.clone(),
            session: text(&sessions[0]["id"]),
            script_token: text(&script_token["id"]),
            snooze: text(&snooze["task_id"]),
            group: text(&group["id"]),
            media: bob.api.upload("secret.txt", b"for us alone").await,
            room,
            event,
        }
    }

    fn fill(&self, path: &str) -> String {
        let filled = |part: &str| match part {
            "{participant_id}" => self.bob.clone(),
            "{room_id}" => self.room.clone(),
            "{event_id}" => self.event.clone(),
            "{session_id}" => self.session.clone(),
            "{token_id}" => self.script_token.clone(),
            "{task_id}" => self.snooze.clone(),
            "{group_id}" => self.group.clone(),
            "{media_id}" => self.media.clone(),
            "{server_name}" => "peer.example".to_owned(),
            part if part.starts_with('{') => NOBODY.to_owned(),
            part => part.to_owned(),
        };
        let path: Vec<String> = path.split('/').map(filled).collect();
        path.join("/")
    }
}

#[test]
fn every_operation_has_a_row() {
    let targets = Targets {
        bob: String::new(),
        room: String::new(),
        event: String::new(),
        session: String::new(),
        script_token: String::new(),
        snooze: String::new(),
        group: String::new(),
        media: String::new(),
    };
    let rows = table(&targets)
        .into_iter()
        .map(|row| format!("{} {}", row.method, row.path.split('?').next().unwrap()));
    let rows: BTreeSet<String> = rows.chain(rows_below_a_room()).collect();
    assert_eq!(routes_in_source(), rows);
}

/// Walks the table and returns what was not as it says.
async fn walk(
    walker: &Api,
    targets: &Targets,
    gets: impl Fn(&Row) -> Gets,
    hidden: &[&str],
) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in table(targets) {
        let path = targets.fill(row.path);
        let method: Method = row.method.parse().unwrap();
        let takes_body = method != Method::GET;
        let body = takes_body.then_some(&row.body);
        let answer = walker.try_call(method, &path, body).await.unwrap();
        let status = answer.status.as_u16();
        let is_right = match gets(&row) {
            Gets::Refused(refused) => refused == (status, answer.code().as_str()),
            Gets::Own => status < 500 && !hidden.iter().any(|text| answer.text.contains(text)),
        };
        if !is_right {
            wrong.push(format!("{}: {status} {}", answer.request, answer.text));
        }
    }
    wrong
}

#[tokio::test]
async fn nobody_gets_at_what_is_anothers() {
    on_both(async |server| {
        let [alice, bob, eve] = server.people(["alice", "bob", "eve"]).await;
        let mallory = Person::first_of_other(&server).await;
        let targets = Targets::make(&server.admin().await.api, &alice, &bob).await;
        let script = bob.api.get("/v1/me/tokens").await.data();

        let (room, event) = (targets.room.as_str(), targets.event.as_str());
        let hidden = [room, event, "for us alone", "Hidden Garden"];
        let of_tenant = [&alice.id, &bob.id, &alice.fqid].map(String::as_str);
        let all = [&hidden[..], &of_tenant[..]].concat();
        let wrong = walk(&mallory.api, &targets, |row| row.foreign, &all).await;
        assert_eq!(wrong, Vec::<String>::new());
        let wrong = walk(&eve.api, &targets, |row| row.stranger, &hidden).await;
        assert_eq!(wrong, Vec::<String>::new());

        assert_eq!(bob.bodies(&targets.room).await, ["for us alone"]);
        let still = bob.api.get("/v1/me/tokens").await.data();
        assert_eq!(still, script);
        let snoozes = bob.api.get("/v1/me/snoozes").await.data();
        assert_eq!(snoozes[0]["task_id"], targets.snooze);
        let inbox = bob.api.get("/v1/inbox/priority").await.data();
        assert_eq!(inbox[0]["event_id"], targets.event);
        let room = alice.room(&targets.room).await;
        assert_eq!(room["federated"], false);
        assert_eq!(room["member_count"], 2);
    })
    .await;
}
