//! `POST /v1/auth/refresh`: rotation, and what a reused refresh token does.

use std::time::Duration;

use serde_json::{Value, json};

use super::{another_session, is_dead, works};
use crate::check::{Check, Stop, Verdict, client};
use crate::client::answer::Answer;
use crate::client::socket::{Socket, TokenIn};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 2";
/// The replaced refresh token is good for 30 s more.
const GRACE: Duration = Duration::from_secs(31);

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "auth/refresh: takes JSON and a form", json_and_form),
        client(SECTION, "auth/refresh: rotates the token and keeps the session", rotates),
        client(SECTION, "auth/refresh: an unknown token gets SW_AUTH_INVALID_TOKEN", unknown),
        client(SECTION, "auth/refresh: a missing token is named", missing),
        client(SECTION, "auth/refresh: an access token is no refresh token", access_token),
        client(SECTION, "auth/refresh: the replaced token is good for 30 s more, the successor stays valid", early_reuse),
        client(SECTION, "auth/refresh: two requests at once with one token both work", at_once),
        client(SECTION, "auth/refresh: later reuse ends the session, its sockets close with 4001, others live on", late_reuse).slow(),
    ]
}

async fn refreshes(t: &Trial, tokens: &Value) -> Result<Answer, Stop> {
    let request = json!({"refresh_token": tokens["refresh_token"]});
    t.stranger().post("/v1/auth/refresh", request).await
}

async fn json_and_form(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let first = another_session(&t, &person).await?;
    let second = refreshes(&t, &first).await?.ok()?;
    shape("tokens", &second, shapes::TOKENS)?;
    let token = judge::text(&second, "/refresh_token")?;
    let call = t.stranger().call("POST", "/v1/auth/refresh");
    let third = call.form(&[("refresh_token", &token)]).send().await?.ok()?;
    shape("tokens", &third, shapes::TOKENS)?;
    works(&t, &third).await
}

async fn rotates(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let first = another_session(&t, &person).await?;
    let second = refreshes(&t, &first).await?.ok()?;
    judge::equal(&second, "/session_id", first["session_id"].clone())?;
    for token in ["refresh_token", "access_token"] {
        must(first[token] != second[token], || {
            format!("{token} is the same as before")
        })?;
    }
    works(&t, &second).await
}

async fn unknown(t: Trial) -> Verdict {
    let answer = refreshes(&t, &json!({"refresh_token": "not-a-token"})).await?;
    answer.refused("SW_AUTH_INVALID_TOKEN").map(drop)
}

async fn missing(t: Trial) -> Verdict {
    let answer = t.stranger().post("/v1/auth/refresh", json!({})).await?;
    answer.invalid("body.refresh_token", Some("missing"))
}

async fn access_token(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let tokens = another_session(&t, &person).await?;
    let request = json!({"refresh_token": tokens["access_token"]});
    let answer = t.stranger().post("/v1/auth/refresh", request).await?;
    answer.refused("SW_AUTH_INVALID_TOKEN").map(drop)
}

async fn early_reuse(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let first = another_session(&t, &person).await?;
    let second = refreshes(&t, &first).await?.ok()?;
    let again = refreshes(&t, &first).await?.ok()?;
    works(&t, &again).await?;
    works(&t, &second).await?;
    let third = refreshes(&t, &second).await?.ok()?;
    works(&t, &third).await
}

async fn at_once(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let first = another_session(&t, &person).await?;
    let (a, b) = tokio::join!(refreshes(&t, &first), refreshes(&t, &first));
    for answer in [a?, b?] {
        works(&t, &answer.ok()?).await?;
    }
    Ok(())
}

async fn late_reuse(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let first = another_session(&t, &person).await?;
    let other = another_session(&t, &person).await?;
    let second = refreshes(&t, &first).await?.ok()?;
    tokio::time::sleep(GRACE).await;
    let current = refreshes(&t, &second).await?.ok()?;
    let token = judge::text(&current, "/access_token")?;
    let holder = t.stranger().with_token(&token);
    let socket = Socket::open(&holder, TokenIn::Query, "").await?;
    socket
        .wait("hello", |frame| frame["type"] == "hello")
        .await?;
    refreshes(&t, &first)
        .await?
        .refused("SW_AUTH_INVALID_TOKEN")?;
    is_dead(&t, &current).await?;
    refreshes(&t, &current)
        .await?
        .refused("SW_AUTH_INVALID_TOKEN")?;
    socket.closes_with(4001, "SW_AUTH_INVALID_TOKEN").await?;
    let other = refreshes(&t, &other).await?.ok()?;
    works(&t, &other).await
}
