//! `/v1/me/tokens`: access tokens for scripts.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cast::person::Person;
use crate::check::{Check, Stop, Verdict, client};
use crate::client::Agent;
use crate::clock;
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 2";
/// How many one may have.
const MOST: usize = 20;

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "auth/script-tokens: POST shows the token once, GET lists it without",
            make,
        ),
        client(
            SECTION,
            "auth/script-tokens: one acts as its owner, and its use is noted",
            acts,
        ),
        client(
            SECTION,
            "auth/script-tokens: one cannot manage tokens",
            no_tokens_by_token,
        ),
        client(
            SECTION,
            "auth/script-tokens: expires_at must be a time in the future, and a name is needed",
            bad_requests,
        ),
        client(
            SECTION,
            "auth/script-tokens: past its time it gets SW_AUTH_EXPIRED_TOKEN",
            expires,
        )
        .slow(),
        client(SECTION, "auth/script-tokens: DELETE ends it at once", end),
        client(
            SECTION,
            "auth/script-tokens: an unknown, a malformed or another's token gets SW_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "auth/script-tokens: the 21st gets SW_VALIDATION_ERROR",
            too_many,
        ),
    ]
}

async fn token_of(person: &Person, request: Value) -> Result<Value, Stop> {
    let data = person.post("/v1/me/tokens", request).await?.ok()?;
    shape("token", &data, shapes::SCRIPT_TOKEN)?;
    shape("token", &data, "token str")?;
    Ok(data)
}

fn holder(t: &Trial, made: &Value) -> Result<Agent, Stop> {
    Ok(t.stranger().with_token(&judge::text(made, "/token")?))
}

async fn make(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let made = token_of(&person, json!({"name": "Backup"})).await?;
    let token = judge::text(&made, "/token")?;
    // 256 bits take at least 43 characters.
    must(token.starts_with("swt_") && token.len() >= 47, || {
        format!("a token of {} characters, or without swt_", token.len())
    })?;
    judge::equal(&made, "/expires_at", Value::Null)?;
    judge::equal(&made, "/last_used_at", Value::Null)?;
    let answer = person.get("/v1/me/tokens").await?;
    must(!answer.text.contains(&token), || {
        "the list shows the token".to_owned()
    })?;
    let (rows, _) = answer.list()?;
    let row = judge::row(&rows, "/id", made["id"].clone())?;
    shape("token", row, shapes::SCRIPT_TOKEN)?;
    judge::equal(row, "/name", "Backup")
}

async fn acts(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let made = token_of(&person, json!({"name": "Bot"})).await?;
    let me = holder(&t, &made)?.get("/v1/me").await?.ok()?;
    judge::equal(&me, "/participant_id", person.id())?;
    t.until("the use is noted", || async {
        let (rows, _) = person.get("/v1/me/tokens").await?.list()?;
        let row = judge::row(&rows, "/id", made["id"].clone())?;
        Ok(row["last_used_at"].is_string().then_some(()))
    })
    .await
}

async fn no_tokens_by_token(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let made = token_of(&person, json!({"name": "Bot"})).await?;
    let holder = holder(&t, &made)?;
    let id = judge::text(&made, "/id")?;
    for answer in [
        holder.get("/v1/me/tokens").await?,
        holder
            .post("/v1/me/tokens", json!({"name": "Another"}))
            .await?,
    ] {
        answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION")?;
    }
    holder
        .delete(format!("/v1/me/tokens/{id}"))
        .await?
        .refused("SW_AUTH_INSUFFICIENT_PERMISSION")
        .map(drop)
}

async fn bad_requests(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    for (request, field) in [
        (json!({}), "body.name"),
        (
            json!({"name": "x", "expires_at": "soon"}),
            "body.expires_at",
        ),
        (
            json!({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}),
            "body.expires_at",
        ),
    ] {
        let answer = person.post("/v1/me/tokens", request).await?;
        answer.invalid(field, None)?;
    }
    Ok(())
}

async fn expires(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    // Any RFC 3339 offset will do, and the answer is in UTC.
    let at = clock::text(clock::now_ms() + 4_000);
    let made = token_of(&person, json!({"name": "Brief", "expires_at": at})).await?;
    must(made["expires_at"].is_string(), || {
        "expires_at is null".to_owned()
    })?;
    let holder = holder(&t, &made)?;
    holder.get("/v1/me").await?.ok()?;
    let refusal = t
        .within(Duration::from_secs(14), "the token still works", || async {
            let answer = holder.get("/v1/me").await?;
            Ok((answer.status != 200).then_some(answer))
        })
        .await?;
    refusal.refused("SW_AUTH_EXPIRED_TOKEN").map(drop)
}

async fn end(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let ended = token_of(&person, json!({"name": "Ended"})).await?;
    let kept = token_of(&person, json!({"name": "Kept"})).await?;
    let id = judge::text(&ended, "/id")?;
    person.delete(format!("/v1/me/tokens/{id}")).await?.done()?;
    holder(&t, &ended)?
        .get("/v1/me")
        .await?
        .refused("SW_AUTH_INVALID_TOKEN")?;
    holder(&t, &kept)?.get("/v1/me").await?.ok()?;
    let (rows, _) = person.get("/v1/me/tokens").await?.list()?;
    judge::no_row(&rows, "/id", id)
}

async fn unknown(t: Trial) -> Verdict {
    let (person, other) = (t.newcomer().await?, t.newcomer().await?);
    let of_other = token_of(&other, json!({"name": "Not yours"})).await?;
    let id = judge::text(&of_other, "/id")?;
    for id in ["00000000-0000-4000-8000-000000000000", "x", id.as_str()] {
        let answer = person.delete(format!("/v1/me/tokens/{id}")).await?;
        answer.refused("SW_NOT_FOUND")?;
    }
    holder(&t, &of_other)?.get("/v1/me").await?.ok().map(drop)
}

async fn too_many(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    for number in 0..MOST {
        token_of(&person, json!({"name": format!("Number {number}")})).await?;
    }
    let answer = person
        .post("/v1/me/tokens", json!({"name": "One too many"}))
        .await?;
    answer.refused("SW_VALIDATION_ERROR").map(drop)
}
