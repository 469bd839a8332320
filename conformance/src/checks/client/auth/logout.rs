//! `POST /v1/auth/logout`.

use serde_json::json;

use super::{another_session, is_dead, works};
use crate::check::{Check, Verdict, client};
use crate::judge;
use crate::trial::Trial;

const SECTION: &str = "client-core 2";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "auth/logout: ends this session only", this_one),
        client(SECTION, "auth/logout: with all ends every session", all),
        client(
            SECTION,
            "auth/logout: closes the session's sockets with 4001",
            closes_socket,
        ),
    ]
}

async fn this_one(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let ended = another_session(&t, &person).await?;
    let kept = another_session(&t, &person).await?;
    let holder = t
        .stranger()
        .with_token(&judge::text(&ended, "/access_token")?);
    let data = holder.post("/v1/auth/logout", json!({})).await?.ok()?;
    judge::equal(&data, "/revoked", 1)?;
    is_dead(&t, &ended).await?;
    let request = json!({"refresh_token": ended["refresh_token"]});
    let answer = t.stranger().post("/v1/auth/refresh", request).await?;
    answer.refused("SW_AUTH_INVALID_TOKEN")?;
    works(&t, &kept).await
}

async fn all(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let other = another_session(&t, &person).await?;
    let data = person
        .post("/v1/auth/logout", json!({"all": true}))
        .await?
        .ok()?;
    judge::equal(&data, "/revoked", 2)?;
    is_dead(&t, &other).await?;
    person
        .get("/v1/me")
        .await?
        .refused("SW_AUTH_INVALID_TOKEN")
        .map(drop)
}

async fn closes_socket(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let socket = person.listens().await?;
    person.post("/v1/auth/logout", json!({})).await?.ok()?;
    socket.closes_with(4001, "SW_AUTH_INVALID_TOKEN").await
}
