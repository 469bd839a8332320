//! Every route below a room, walked by who must not learn of it: people of another tenant, who is not in it, who is nobody.
//!
//! The table is complete by construction: a route in the source without a row here fails.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Person, on_both, routes_in_source};

/// What stands for a room's id in the source.
const ROOM: &str = "/v1/rooms/{room_id}";

/// Who may use a route.
#[derive(Clone, Copy, PartialEq)]
enum For {
    /// Members.
    Members,
    /// Whoever is there; what becomes of it is another test's.
    Anybody,
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
    use For::{Anybody, Members};
    let (get, post, put, delete) = (&Method::GET, &Method::POST, &Method::PUT, &Method::DELETE);
    let named = || json!({"participant_id": person});
    let nothing = || json!({});
    let none = Value::Null;
    vec![
        route(get, "", Members, none.clone()),
        route(get, "/state", Members, none.clone()),
        route(post, "/archive", Members, none.clone()),
        route(post, "/close", Members, none.clone()),
        route(post, "/rejoin", Anybody, none.clone()),
        route(get, "/members", Members, none.clone()),
        route(post, "/join", Anybody, none.clone()),
        route(post, "/knock", Anybody, nothing()),
        route(post, "/leave", Members, none.clone()),
        route(post, "/kick", Members, named()),
        route(post, "/ban", Members, named()),
        route(post, "/unban", Members, named()),
        route(
            put,
            "/members/{participant_id}/power-level",
            Members,
            json!({"power_level": 10}),
        ),
        route(post, "/invite", Members, named()),
        route(get, "/invitations", Members, none.clone()),
        route(post, "/invitations", Members, named()),
        route(
            delete,
            "/invitations/{participant_id}",
            Members,
            none.clone(),
        ),
        route(get, "/power-levels", Members, none.clone()),
        route(put, "/power-levels", Members, json!({"invite": 10})),
        route(put, "/name", Members, json!({"name": "Stolen"})),
        route(put, "/topic", Members, json!({"topic": "Stolen"})),
        route(put, "/settings", Members, json!({"auto_close": true})),
        route(
            put,
            "/workspace",
            Members,
            json!({"workspace_id": "00000000-0000-8000-8000-000000000000"}),
        ),
        route(put, "/notification-mode", Members, json!({"mode": "all"})),
        route(put, "/mute", Members, json!({"until": null})),
        route(get, "/messages", Members, none.clone()),
        route(
            post,
            "/send",
            Members,
            json!({"content": {"msgtype": "swp.text", "body": "hi"}}),
        ),
        route(get, "/events/{event_id}", Members, none.clone()),
        route(
            post,
            "/events/{event_id}/edit",
            Members,
            json!({"content": {"msgtype": "swp.text", "body": "hi"}}),
        ),
        route(post, "/events/{event_id}/redact", Members, nothing()),
        route(
            post,
            "/events/{event_id}/reaction",
            Members,
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
        route(put, "/pins/{event_id}", Members, none.clone()),
        route(delete, "/pins/{event_id}", Members, none.clone()),
        route(put, "/read-marker", Members, json!({"event_id": event})),
    ]
}

#[test]
fn every_route_below_a_room_has_a_row() {
    let below_a_room = |route: &String| {
        let (method, path) = route.split_once(' ')?;
        Some(format!("{method} {}", path.strip_prefix(ROOM)?))
    };
    let in_source: BTreeSet<String> = routes_in_source().iter().filter_map(below_a_room).collect();
    let in_table: BTreeSet<String> = table("", "")
        .iter()
        .map(|route| {
            let path = route.rest.split('?').next().unwrap_or_default();
            format!("{} {path}", route.method)
        })
        .collect();
    assert_eq!(in_source, in_table);
}

/// The routes with ids in their places, ready to be asked for.
fn of_room(room: &str, person: &str, event: &str) -> Vec<(Route, String)> {
    let filled = |route: Route| {
        let rest = route.rest.replace("{participant_id}", person);
        let path = format!("/v1/rooms/{room}{}", rest.replace("{event_id}", event));
        (route, path)
    };
    table(person, event).into_iter().map(filled).collect()
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
            if route.whose == For::Members {
                asks(&eve.api).await.refused(403, "SW_NOT_MEMBER");
            }
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
