//! `/v1/me/sessions`: listing and ending one's own sessions.

use super::{another_session, is_dead, works};
use crate::check::{Check, Verdict, client};
use crate::client::socket::{Socket, TokenIn};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 2";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "auth/sessions: the list has every session with every field, one of them current",
            list,
        ),
        client(
            SECTION,
            "auth/sessions: a session with an open socket is connected",
            connected,
        ),
        client(
            SECTION,
            "auth/sessions: another's sessions are not listed",
            others,
        ),
        client(
            SECTION,
            "auth/sessions: ending one ends its tokens at once, and no other",
            end_one,
        ),
        client(
            SECTION,
            "auth/sessions: ending one closes its sockets with 4001",
            end_closes_socket,
        ),
        client(
            SECTION,
            "auth/sessions: an unknown, a malformed or another's session gets SW_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "auth/sessions: DELETE of all ends all but this one",
            end_others,
        ),
    ]
}

async fn list(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let other = another_session(&t, &person).await?;
    let (rows, _) = person.get("/v1/me/sessions").await?.list()?;
    must(rows.len() == 2, || {
        format!("two sign-ins, {} rows", rows.len())
    })?;
    for row in &rows {
        shape("session", row, shapes::SESSION)?;
    }
    let own = judge::row(&rows, "/id", person.account().session_id().await)?;
    judge::equal(own, "/current", true)?;
    let other = judge::row(&rows, "/id", other["session_id"].clone())?;
    judge::equal(other, "/current", false)
}

async fn connected(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let (rows, _) = person.get("/v1/me/sessions").await?.list()?;
    let id = person.account().session_id().await;
    judge::equal(judge::row(&rows, "/id", id.as_str())?, "/connected", false)?;
    let _socket = person.listens().await?;
    t.until("the session is connected", || async {
        let (rows, _) = person.get("/v1/me/sessions").await?.list()?;
        let row = judge::row(&rows, "/id", id.as_str())?;
        Ok((row["connected"] == true).then_some(()))
    })
    .await
}

async fn others(t: Trial) -> Verdict {
    let (person, other) = (t.newcomer().await?, t.newcomer().await?);
    let (rows, _) = person.get("/v1/me/sessions").await?.list()?;
    judge::no_row(&rows, "/id", other.account().session_id().await)
}

async fn end_one(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let ended = another_session(&t, &person).await?;
    let kept = another_session(&t, &person).await?;
    let id = judge::text(&ended, "/session_id")?;
    person
        .delete(format!("/v1/me/sessions/{id}"))
        .await?
        .done()?;
    is_dead(&t, &ended).await?;
    let request = serde_json::json!({"refresh_token": ended["refresh_token"]});
    let answer = t.stranger().post("/v1/auth/refresh", request).await?;
    answer.refused("SW_AUTH_INVALID_TOKEN")?;
    works(&t, &kept).await?;
    let (rows, _) = person.get("/v1/me/sessions").await?.list()?;
    judge::no_row(&rows, "/id", id)
}

async fn end_closes_socket(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let ended = another_session(&t, &person).await?;
    let holder = t
        .stranger()
        .with_token(&judge::text(&ended, "/access_token")?);
    let socket = Socket::open(&holder, TokenIn::Query, "").await?;
    socket
        .wait("hello", |frame| frame["type"] == "hello")
        .await?;
    let id = judge::text(&ended, "/session_id")?;
    person
        .delete(format!("/v1/me/sessions/{id}"))
        .await?
        .done()?;
    socket.closes_with(4001, "SW_AUTH_INVALID_TOKEN").await
}

async fn unknown(t: Trial) -> Verdict {
    let (person, other) = (t.newcomer().await?, t.newcomer().await?);
    let of_other = other.account().session_id().await;
    for id in [
        "00000000-0000-4000-8000-000000000000",
        "x",
        of_other.as_str(),
    ] {
        let answer = person.delete(format!("/v1/me/sessions/{id}")).await?;
        answer.refused("SW_NOT_FOUND")?;
    }
    other.get("/v1/me").await?.ok().map(drop)
}

async fn end_others(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let first = another_session(&t, &person).await?;
    let second = another_session(&t, &person).await?;
    let data = person.delete("/v1/me/sessions").await?.ok()?;
    judge::equal(&data, "/revoked", 2)?;
    is_dead(&t, &first).await?;
    is_dead(&t, &second).await?;
    person.get("/v1/me").await?.ok().map(drop)
}
