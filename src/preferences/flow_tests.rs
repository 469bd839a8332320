//! Preferences as clients meet them.

use http::Method;
use serde_json::{Value, json};

use crate::app::test_server::{Answer, PASSWORD, Server};

const PATH: &str = "/v1/me/preferences";

struct Person {
    server: Server,
    token: String,
}

impl Person {
    async fn new() -> Person {
        let server = Server::local().await;
        let token = server.sign_in("root", PASSWORD).await.data("access_token");
        Person { server, token }
    }

    async fn get(&self) -> Value {
        let answer = self
            .server
            .ask(Method::GET, PATH, Some(&self.token), json!({}));
        answer.await.ok()
    }

    async fn put(&self, change: Value) -> Answer {
        let answer = self
            .server
            .ask(Method::PUT, PATH, Some(&self.token), change);
        answer.await
    }

    /// Path and reason of the only field that is refused.
    async fn refused(&self, change: Value) -> (String, String) {
        let answer = self.put(change.clone()).await;
        assert_eq!(answer.code(), "SW_VALIDATION_ERROR", "{change}");
        let fields = answer.body["error"]["details"]["fields"].clone();
        assert_eq!(
            fields.as_array().map(Vec::len),
            Some(1),
            "{change}: {fields}"
        );
        let text = |name: &str| fields[0][name].as_str().unwrap().to_owned();
        (text("path"), text("reason"))
    }
}

#[tokio::test]
async fn what_nobody_has_set_is_as_by_default() {
    let person = Person::new().await;
    let expected = json!({
        "locale": "en", "timezone": "UTC", "time_format": "24h", "ai_response_mode": "conversational",
        "ai_engagement_mode": "always", "default_mode": "all",
        "quiet_hours": {"enabled": false, "start": null, "end": null, "weekdays_only": false, "weekends_only": false},
        "keyword_alerts": [], "read_marker_mode": "leave", "push": true, "email": false, "email_address": null,
    });
    assert_eq!(person.get().await, expected);
    assert_eq!(person.put(json!({})).await.ok(), expected);
}

#[tokio::test]
async fn changes_are_merged_but_quiet_hours_replaced_as_a_whole() {
    let person = Person::new().await;
    let first = json!({
        "locale": "nl", "timezone": "Europe/Amsterdam", "time_format": "12h", "keyword_alerts": ["Deploy", "C++"],
        "quiet_hours": {"enabled": true, "start": "22:00", "end": "07:00", "weekdays_only": true},
        "email_address": "me@example.org", "push": false,
    });
    person.put(first).await.ok();
    let second =
        json!({"default_mode": "none", "quiet_hours": {"start": "20:30"}, "email_address": null});
    let answered = person.put(second).await.ok();
    assert_eq!(answered, person.get().await);
    for (key, value) in [
        ("locale", json!("nl")),
        ("timezone", json!("Europe/Amsterdam")),
        ("time_format", json!("12h")),
        ("keyword_alerts", json!(["Deploy", "C++"])),
        ("default_mode", json!("none")),
        ("push", json!(false)),
        ("email_address", Value::Null),
        (
            "quiet_hours",
            json!({"enabled": false, "start": "20:30", "end": null, "weekdays_only": false, "weekends_only": false}),
        ),
    ] {
        assert_eq!(answered[key], value, "{key}");
    }
}

#[tokio::test]
async fn unknown_keys_and_bad_values_change_nothing() {
    let person = Person::new().await;
    let long = "x".repeat(101);
    for (change, path, reason) in [
        (json!({"colour": 1}), "body.colour", "unknown_key"),
        (
            json!({"quiet_hours": {"colour": 1}}),
            "body.quiet_hours.colour",
            "unknown_key",
        ),
        (json!({"locale": "fr"}), "body.locale", "enum"),
        (json!({"locale": null}), "body.locale", "type"),
        (
            json!({"default_mode": "inherit"}),
            "body.default_mode",
            "enum",
        ),
        (
            json!({"timezone": "Mars/Olympus"}),
            "body.timezone",
            "format",
        ),
        (json!({"push": "yes"}), "body.push", "type"),
        (
            json!({"quiet_hours": {"start": "25:00"}}),
            "body.quiet_hours.start",
            "format",
        ),
        (
            json!({"quiet_hours": {"enabled": true, "start": "22:00"}}),
            "body.quiet_hours",
            "missing",
        ),
        (
            json!({"quiet_hours": {"weekdays_only": true, "weekends_only": true}}),
            "body.quiet_hours",
            "conflict",
        ),
        (
            json!({"keyword_alerts": ["ok", " "]}),
            "body.keyword_alerts[1]",
            "length",
        ),
        (
            json!({"keyword_alerts": [long]}),
            "body.keyword_alerts[0]",
            "length",
        ),
        (
            json!({"keyword_alerts": vec!["word"; 51]}),
            "body.keyword_alerts",
            "length",
        ),
        (
            json!({"email_address": "nobody"}),
            "body.email_address",
            "format",
        ),
    ] {
        let (at, why) = person.refused(change.clone()).await;
        assert_eq!((at.as_str(), why.as_str()), (path, reason), "{change}");
    }
    assert_eq!(person.get().await["locale"], "en");
    let most = json!({"keyword_alerts": vec!["é".repeat(100); 50]});
    person.put(most).await.ok();
}

#[tokio::test]
async fn the_own_devices_hear_of_a_change() {
    let person = Person::new().await;
    let tenant = person.server.app.tenants().first().unwrap();
    let id = person.server.id_of(&person.token).await.parse().unwrap();
    let device = person.server.app.presence().live().listen(&tenant, id);
    person.put(json!({"push": false})).await.ok();
    let frames = device.take();
    let frame: Value = serde_json::from_slice(frames.front().unwrap()).unwrap();
    assert_eq!(
        (&frame["type"], &frame["what"]),
        (&json!("swp.me.updated"), &json!("preferences"))
    );
}
