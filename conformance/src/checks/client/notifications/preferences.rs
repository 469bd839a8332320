//! `GET` and `PUT /v1/me/preferences`.

use serde_json::{Value, json};

use super::prefer;
use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 3";
const PATH: &str = "/v1/me/preferences";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "me/preferences: GET has every key, at first with its default",
            defaults,
        ),
        client(
            SECTION,
            "me/preferences: PUT changes only what is given and answers all keys",
            merge,
        ),
        client(
            SECTION,
            "me/preferences: quiet_hours are replaced as a whole",
            quiet_hours,
        ),
        client(
            SECTION,
            "me/preferences: an unknown key gets SW_VALIDATION_ERROR with unknown_key",
            unknown_key,
        ),
        client(
            SECTION,
            "me/preferences: a bad value gets SW_VALIDATION_ERROR and changes nothing",
            bad_values,
        ),
        client(
            SECTION,
            "me/preferences: keyword_alerts are at most 50 of 1 to 100 characters",
            keywords,
        ),
        client(
            SECTION,
            "me/preferences: a change reaches the own devices, live",
            frame,
        ),
    ]
}

async fn defaults(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let data = person.get(PATH).await?.ok()?;
    shape("preferences", &data, shapes::PREFERENCES)?;
    for (key, value) in [
        ("locale", json!("en")),
        ("timezone", json!("UTC")),
        ("time_format", json!("24h")),
        ("ai_response_mode", json!("conversational")),
        ("ai_engagement_mode", json!("always")),
        ("default_mode", json!("all")),
        ("keyword_alerts", json!([])),
        ("read_marker_mode", json!("leave")),
        ("push", json!(true)),
        ("email", json!(false)),
        ("email_address", Value::Null),
    ] {
        judge::equal(&data, &format!("/{key}"), value)?;
    }
    judge::equal(&data, "/quiet_hours/enabled", false)
}

async fn merge(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let first = json!({
        "locale": "de", "timezone": "Europe/Berlin", "time_format": "12h", "ai_response_mode": "streaming",
        "ai_engagement_mode": "mention", "default_mode": "mentions", "read_marker_mode": "scroll", "push": false,
        "email": true, "email_address": "me@example.org", "keyword_alerts": ["deploy"],
    });
    let data = prefer(&person, first).await?;
    shape("preferences", &data, shapes::PREFERENCES)?;
    let data = prefer(&person, json!({"locale": "nl", "email_address": null})).await?;
    judge::equal(&data, "/locale", "nl")?;
    judge::equal(&data, "/email_address", Value::Null)?;
    judge::equal(&data, "/timezone", "Europe/Berlin")?;
    judge::equal(&data, "/keyword_alerts", json!(["deploy"]))?;
    let again = person.get(PATH).await?.ok()?;
    must(again == data, || format!("GET says {again}"))
}

async fn quiet_hours(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let set = |quiet: Value| json!({ "quiet_hours": quiet });
    let all = json!({"enabled": true, "start": "22:00", "end": "07:00", "weekdays_only": true, "weekends_only": false});
    let data = prefer(&person, set(all.clone())).await?;
    judge::equal(&data, "/quiet_hours", all)?;
    let data = prefer(
        &person,
        set(json!({"enabled": true, "start": "12:00", "end": "13:00"})),
    )
    .await?;
    judge::equal(&data, "/quiet_hours/weekdays_only", false)?;
    judge::equal(&data, "/quiet_hours/start", "12:00")?;
    let both = set(
        json!({"enabled": true, "start": "22:00", "end": "07:00", "weekdays_only": true, "weekends_only": true}),
    );
    let answer = person.put(PATH, both).await?;
    answer.refused("SW_VALIDATION_ERROR").map(drop)
}

async fn unknown_key(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let answer = person
        .put(PATH, json!({"colour": "blue", "locale": "de"}))
        .await?;
    answer.invalid("body.colour", Some("unknown_key"))?;
    let data = person.get(PATH).await?.ok()?;
    judge::equal(&data, "/locale", "en")
}

async fn bad_values(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    for (key, value) in [
        ("locale", json!("xx")),
        ("timezone", json!("Mars/Olympus_Mons")),
        ("time_format", json!("25h")),
        ("default_mode", json!("inherit")),
        ("push", json!("yes")),
        ("email_address", json!("nobody")),
        ("keyword_alerts", json!("word")),
    ] {
        let answer = person.put(PATH, json!({ key: value })).await?;
        answer.invalid(&format!("body.{key}"), None)?;
    }
    let answer = person
        .put(PATH, json!({"quiet_hours": {"start": "7 pm"}}))
        .await?;
    answer.invalid("body.quiet_hours.start", None)?;
    let data = person.get(PATH).await?.ok()?;
    judge::equal(&data, "/timezone", "UTC")
}

async fn keywords(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    for bad in [
        json!([""]),
        json!(["x".repeat(101)]),
        json!(vec!["word"; 51]),
    ] {
        let answer = person.put(PATH, json!({ "keyword_alerts": bad })).await?;
        answer.refused("SW_VALIDATION_ERROR")?;
    }
    let most: Vec<String> = (0..50)
        .map(|number| format!("{number:02}{}", "é".repeat(98)))
        .collect();
    let data = prefer(&person, json!({ "keyword_alerts": most })).await?;
    judge::equal(&data, "/keyword_alerts", json!(most))
}

async fn frame(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let socket = person.listens().await?;
    prefer(&person, json!({"time_format": "12h"})).await?;
    let frame = socket
        .wait("swp.me.updated", |frame| frame["type"] == "swp.me.updated")
        .await?;
    shape(
        "frame",
        &frame,
        "type str, tenant_id id, ts time, id id, what str",
    )?;
    judge::equal(&frame, "/what", "preferences")
}
