//! Every route below a room, walked by who must not learn of it (people of another tenant, who is not in it, who is nobody)
//! and by members who are in it without the level that it needs.
//!
//! The table is complete by construction: a route in the source without a row here fails.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, Person, on_both, routes_in_source};

/// What stands for a room's id in the source.
const ROOM: &str = "/v1/rooms/{room_id}";

/// Status and code of a refusal.
pub(crate) type Refused = (u16, &'static str);

const NOT_MEMBER: Refused = (403, "SW_NOT_MEMBER");
const FORBIDDEN: Refused = (403, "SW_ROOM_FORBIDDEN");
const REDACT_FORBIDDEN: Refused = (403, "SW_REDACT_FORBIDDEN");
const NOT_IN_THIS_TYPE: Refused = (400, "SW_ROOM_TYPE_INVARIANT");

/// Who may use a route (client specification, sections 6.1 and 7).
#[derive(Clone, Copy, PartialEq)]
enum For {
    /// Every member.
    Members,
    /// Whoever comes from outside, too; who was not asked in gets this.
    Anybody(Refused),
    /// Members at the level of a threshold, which is so much in a new group room.
    Level(&'static str, u8),
    /// Owners, whatever the thresholds are.
    Owners,
    /// Whoever sent the event.
    Sender,
}

impl For {
    /// What a stranger of the room's tenant gets.
    fn refuses_stranger(self) -> Refused {
        match self {
            For::Anybody(refused) => refused,
            For::Members | For::Level(..) | For::Owners | For::Sender => NOT_MEMBER,
        }
    }

    /// What a member without the level gets.
    fn refuses_weak(self) -> Option<Refused> {
        match self {
            For::Members | For::Anybody(_) => None,
            For::Level("redact", _) => Some(REDACT_FORBIDDEN),
            For::Level(..) | For::Owners | For::Sender => Some(FORBIDDEN),
        }
    }
}

/// A route with a right body, and a wrong one where it takes any.
struct Route {
    method: Method,
    rest: &'static str,
    whose: For,
    right: Value,
    wrong: Option<Value>,
}

fn route(method: &Method, rest: &'static str, whose: For, right: Value) -> Route {
    let wrong = match right.is_null() {
        true => None,
        false => Some(json!(["no object"])),
    };
    Route {
        method: method.clone(),
        rest,
        whose,
        right,
        wrong,
    }
}

/// All of them. `{participant_id}` and `{event_id}` are somebody's and something's of the room.
fn table(person: &str, event: &str) -> Vec<Route> {
    use For::{Anybody, Level, Members, Owners, Sender};
    let (get, post, put, delete) = (&Method::GET, &Method::POST, &Method::PUT, &Method::DELETE);
    let named = || json!({"participant_id": person});
    let nothing = || json!({});
    let none = Value::Null;
    vec![
        route(get, "", Members, none.clone()),
        route(get, "/state", Members, none.clone()),
        route(post, "/archive", Level("archive", 50), none.clone()),
        route(post, "/close", Owners, none.clone()),
        route(post, "/rejoin", Anybody(NOT_MEMBER), none.clone()),
        route(get, "/members", Members, none.clone()),
        route(post, "/join", Anybody(FORBIDDEN), none.clone()),
        route(post, "/knock", Anybody(NOT_IN_THIS_TYPE), nothing()),
        route(post, "/leave", Members, none.clone()),
        route(post, "/kick", Level("kick", 50), named()),
        route(post, "/ban", Level("ban", 50), named()),
        route(post, "/unban", Level("ban", 50), named()),
        route(
            put,
            "/members/{participant_id}/power-level",
            Level("power", 100),
            json!({"power_level": 5}),
        ),
        route(post, "/invite", Level("invite", 0), named()),
        route(get, "/invitations", Members, none.clone()),
        route(post, "/invitations", Level("invite", 0), named()),
        route(
            delete,
            "/invitations/{participant_id}",
            Level("kick", 50),
            none.clone(),
        ),
        route(get, "/power-levels", Members, none.clone()),
        route(
            put,
            "/power-levels",
            Level("power", 100),
            json!({"call_start": 5}),
        ),
        route(put, "/name", Level("name", 50), json!({"name": "Stolen"})),
        route(put, "/topic", Level("topic", 0), json!({"topic": "Stolen"})),
        route(
            put,
            "/settings",
            Level("settings", 100),
            json!({"history_visibility": "joined"}),
        ),
        route(
            put,
            "/workspace",
            Level("workspace", 100),
            json!({"workspace_id": "00000000-0000-8000-8000-000000000000"}),
        ),
        route(put, "/notification-mode", Members, json!({"mode": "all"})),
        route(put, "/mute", Members, json!({"until": null})),
        route(get, "/messages", Members, none.clone()),
        route(
            post,
            "/send",
            Level("send", 0),
            json!({"content": {"msgtype": "swp.text", "body": "hi"}}),
        ),
        route(get, "/events/{event_id}", Members, none.clone()),
        route(
            post,
            "/events/{event_id}/edit",
            Sender,
            json!({"content": {"msgtype": "swp.text", "body": "hi"}}),
        ),
        route(
            post,
            "/events/{event_id}/redact",
            Level("redact", 50),
            nothing(),
        ),
        route(
            post,
            "/events/{event_id}/reaction",
            Level("react", 0),
            json!({"emoji": "👍"}),
        ),
        route(
            delete,
            "/events/{event_id}/reaction?emoji=%F0%9F%91%8D",
            Members,
            none.clone(),
        ),
        route(get, "/events/{event_id}/reactions", Members, none.clone()),
        route(get, "/events/{event_id}/thread", Members, none.clone()),
        route(get, "/pins", Members, none.clone()),
        route(put, "/pins/{event_id}", Level("pin", 0), none.clone()),
        route(delete, "/pins/{event_id}", Level("pin", 0), none.clone()),
        route(put, "/read-marker", Members, json!({"event_id": event})),
    ]
}

/// Methods and paths of the rows.
pub(crate) fn rows_below_a_room() -> BTreeSet<String> {
    let row = |route: &Route| {
        let rest = route.rest.split('?').next().unwrap_or_default();
        format!("{} {ROOM}{rest}", route.method)
    };
    table("", "").iter().map(row).collect()
}

#[test]
fn every_route_below_a_room_has_a_row() {
    let all = routes_in_source().into_iter();
    let below_a_room = all.filter(|route| {
        let path = route.split_once(' ').map_or("", |(_, path)| path);
        path.starts_with(ROOM)
    });
    assert_eq!(below_a_room.collect::<BTreeSet<_>>(), rows_below_a_room());
}

/// The routes with ids in their places, ready to be asked for.
fn of_room(room: &str, person: &str, event: &str) -> Vec<(Route, String)> {
    let filled = |route: Route| {
        let path = path_of(&route, room, person, event);
        (route, path)
    };
    table(person, event).into_iter().map(filled).collect()
}

fn path_of(route: &Route, room: &str, person: &str, event: &str) -> String {
    let rest = route.rest.replace("{participant_id}", person);
    format!("/v1/rooms/{room}{}", rest.replace("{event_id}", event))
}

fn sent(body: &Value) -> Option<&Value> {
    (!body.is_null()).then_some(body)
}

#[tokio::test]
async fn nobody_learns_of_a_room_that_is_not_theirs() {
    on_both(async |server| {
        let [alice, bob, eve] = server.people(["alice", "bob", "eve"]).await;
        let admin = Person::first_of_other(&server).await;
        let mallory = Person::made_in_other(&server, &admin, "mallory").await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let event = alice.says(&room, "for us").await;
        let event = event["id"].as_str().unwrap();
        let nobody = alice.api.anonymous();
        for (route, path) in of_room(&room, &bob.id, event) {
            let asks = async |api: &Api| {
                let asked = api.try_call(route.method.clone(), &path, sent(&route.right));
                asked.await.unwrap()
            };
            asks(&nobody).await.refused(401, "SW_AUTH_INVALID_TOKEN");
            asks(&mallory.api).await.refused(404, "SW_ROOM_NOT_FOUND");
            let (status, code) = route.whose.refuses_stranger();
            asks(&eve.api).await.refused(status, code);
        }
        let shown = alice.room(&room).await;
        assert_eq!(shown["name"], "Garden");
        assert_eq!(shown["member_count"], 2);
        assert_eq!(alice.bodies(&room).await, ["for us"]);
    })
    .await;
}

#[tokio::test]
async fn a_body_of_another_form_is_refused_and_changes_nothing() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let event = alice.says(&room, "for us").await;
        let event = event["id"].as_str().unwrap();
        for (route, path) in of_room(&room, &bob.id, event) {
            let Some(wrong) = &route.wrong else { continue };
            let asked = alice.api.try_call(route.method, &path, Some(wrong)).await;
            asked.unwrap().refused(422, "SW_VALIDATION_ERROR");
        }
        let shown = alice.room(&room).await;
        assert_eq!(
            (&shown["name"], &shown["member_count"]),
            (&json!("Garden"), &json!(2))
        );
    })
    .await;
}

/// A room of Alice's (owner), Bob, and Dave, whom a test gives levels; and what Alice said there.
struct Ranks<'a> {
    people: &'a [Person; 3],
    room: String,
    event: String,
}

impl Ranks<'_> {
    async fn of(people: &[Person; 3]) -> Ranks<'_> {
        let [alice, bob, dave] = people;
        let room = alice.room_with("Garden", &[bob, dave]).await;
        let event = alice.says(&room, "for us").await;
        let event = event["id"].as_str().unwrap().to_owned();
        Ranks {
            people,
            room,
            event,
        }
    }

    async fn alice_puts(&self, rest: &str, body: Value) {
        let path = format!("/v1/rooms/{}{rest}", self.room);
        self.people[0].api.put(&path, &body).await.data();
    }

    async fn dave_has(&self, level: u8) {
        let rest = format!("/members/{}/power-level", self.people[2].id);
        self.alice_puts(&rest, json!({ "power_level": level }))
            .await;
    }

    async fn dave_asks(&self, route: &Route) -> Answer {
        let [_, bob, dave] = self.people;
        let path = path_of(route, &self.room, &bob.id, &self.event);
        let asked = dave
            .api
            .try_call(route.method.clone(), &path, sent(&route.right));
        asked.await.unwrap()
    }

    /// What becomes of a route, with a level that is one too low and then with just the right one.
    async fn needs(&self, route: &Route, level: u8) {
        let refused = route.whose.refuses_weak();
        if let Some((status, code)) = refused.filter(|_| level > 0) {
            self.dave_has(level - 1).await;
            self.dave_asks(route).await.refused(status, code);
        }
        self.dave_has(level).await;
        let answer = self.dave_asks(route).await;
        assert_ne!(answer.status, 403, "{}: {}", answer.request, answer.text);
        assert!(
            answer.status.as_u16() < 500,
            "{}: {}",
            answer.request,
            answer.text
        );
    }
}

#[tokio::test]
async fn each_route_takes_the_level_of_its_threshold_and_no_less() {
    on_both(async |server| {
        let people = server.people(["alice", "bob", "dave"]).await;
        for row in 0..table("", "").len() {
            let ranks = Ranks::of(&people).await;
            let route = table(&people[1].id, &ranks.event).swap_remove(row);
            match route.whose {
                For::Members | For::Anybody(_) => ranks.needs(&route, 0).await,
                For::Owners => ranks.needs(&route, 100).await,
                For::Sender => {
                    ranks.dave_has(100).await;
                    ranks.dave_asks(&route).await.refused(403, FORBIDDEN.1);
                }
                For::Level(key, level) => {
                    ranks.needs(&route, level).await;
                    // The threshold counts, not the number that it begins with.
                    let moved = Ranks::of(&people).await;
                    let route = table(&people[1].id, &moved.event).swap_remove(row);
                    moved.alice_puts("/power-levels", json!({ key: 7 })).await;
                    moved.needs(&route, 7).await;
                }
            }
        }
    })
    .await;
}
