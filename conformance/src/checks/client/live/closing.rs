//! Why the server closes a socket, and with what.

use crate::check::{Check, Verdict, client, failed};
use crate::client::Agent;
use crate::client::socket::{Socket, TokenIn};
use crate::judge::{self, must};
use crate::trial::Trial;

const SECTION: &str = "client-core 10";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "stream/close: a bad token is closed with 4001 and the code",
            bad_token,
        ),
        client(
            SECTION,
            "stream/close: no token is closed with 4001 and the code",
            no_token,
        ),
        client(
            SECTION,
            "stream/close: a revoked token is closed with 4001 on opening",
            revoked_before,
        ),
        client(
            SECTION,
            "stream/close: a newer socket with the same token closes the older with 4003 duplicate_connection",
            duplicate,
        ),
        client(
            SECTION,
            "stream/close: another session's socket stays",
            other_device,
        ),
        client(
            SECTION,
            "stream/close: a client frame over 4 KiB is closed with 4003 frame_too_large",
            large_frame,
        ),
        client(
            SECTION,
            "stream/close: the 21st socket of a participant closes the oldest with 4003 too_many_connections",
            too_many,
        ),
    ]
}

async fn is_refused(agent: &Agent) -> Verdict {
    let socket = Socket::open(agent, TokenIn::Query, "").await?;
    socket.closes_with(4001, "SW_AUTH_INVALID_TOKEN").await?;
    must(socket.frames().is_empty(), || {
        "frames came before the close".to_owned()
    })
}

async fn bad_token(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    if config["mode"] == "mock" || config["mode"] == "hybrid" {
        return Err(crate::check::skipped("in this mode any bearer is a user"));
    }
    is_refused(&t.stranger().with_token("nonsense")).await
}

async fn no_token(t: Trial) -> Verdict {
    is_refused(&t.stranger()).await
}

async fn revoked_before(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let token = person
        .token()
        .await?
        .ok_or_else(|| failed("the suite has no token"))?;
    person
        .post("/v1/auth/logout", serde_json::json!({}))
        .await?
        .ok()?;
    is_refused(&t.stranger().with_token(&token)).await
}

async fn duplicate(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let older = person.listens().await?;
    let newer = person.listens().await?;
    older.closes_with(4003, "duplicate_connection").await?;
    newer.send(r#"{"type":"ping"}"#).await?;
    newer
        .wait("pong", |frame| frame["type"] == "pong")
        .await
        .map(drop)
}

async fn other_device(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let account = person.account();
    let grant = crate::cast::account::password_grant(&account.username, &account.password);
    let tokens = t.stranger().post("/v1/auth/token", grant).await?.ok()?;
    let other = t
        .stranger()
        .with_token(&judge::text(&tokens, "/access_token")?);
    let first = person.listens().await?;
    let second = Socket::open(&other, TokenIn::Query, "").await?;
    second
        .wait("hello", |frame| frame["type"] == "hello")
        .await?;
    first.send(r#"{"type":"ping"}"#).await?;
    first
        .wait("pong", |frame| frame["type"] == "pong")
        .await
        .map(drop)
}

async fn large_frame(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let socket = person.listens().await?;
    let filling = "x".repeat(4_000);
    socket
        .send(format!("{{\"type\":\"ignored\",\"x\":\"{filling}\"}}"))
        .await?;
    socket.send(r#"{"type":"ping"}"#).await?;
    socket.wait("pong", |frame| frame["type"] == "pong").await?;
    let filling = "x".repeat(4_097);
    socket
        .send(format!("{{\"type\":\"ignored\",\"x\":\"{filling}\"}}"))
        .await?;
    socket.closes_with(4003, "frame_too_large").await
}

async fn too_many(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let account = person.account();
    let grant = crate::cast::account::password_grant(&account.username, &account.password);
    let mut sockets = Vec::new();
    for _ in 0..21 {
        let tokens = t
            .stranger()
            .post("/v1/auth/token", grant.clone())
            .await?
            .ok()?;
        let device = t
            .stranger()
            .with_token(&judge::text(&tokens, "/access_token")?);
        let socket = Socket::open(&device, TokenIn::Query, "").await?;
        socket
            .wait("hello", |frame| frame["type"] == "hello")
            .await?;
        sockets.push(socket);
    }
    let oldest = sockets.first().ok_or_else(|| failed("no socket"))?;
    oldest.closes_with(4003, "too_many_connections").await
}
