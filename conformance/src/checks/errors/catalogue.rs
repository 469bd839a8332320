//! What every error has, whatever the code.

use serde_json::json;

use crate::check::{Check, Stop, Verdict, errors};
use crate::client::answer::Answer;
use crate::judge::{self, catalogue, must, shape::shape};
use crate::trial::Trial;

const SECTION: &str = "client-core 1, 12";

pub(super) fn checks() -> Vec<Check> {
    vec![
        errors(
            SECTION,
            "catalogue/shape: every error has code, message and request_id, and nothing beside `error`",
            every_error,
        ),
        errors(
            SECTION,
            "catalogue/shape: details is an object where there is one",
            details,
        ),
        errors(
            SECTION,
            "catalogue/shape: errors are JSON, whatever the client accepts",
            always_json,
        ),
        errors(
            SECTION,
            "catalogue/shape: causes, paths of the server and SQL are never shown",
            no_causes,
        ),
    ]
}

/// Answers of many kinds of refusals.
async fn refusals(t: &Trial) -> Result<Vec<Answer>, Stop> {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let stranger = t.stranger();
    Ok(vec![
        stranger.get("/v1/me").await?,
        stranger.get("/v1/no/such/path").await?,
        stranger.post("/v1/auth/token", json!({})).await?,
        owner.call("DELETE", "/v1/me").send().await?,
        owner.post("/v1/rooms", json!({"name": 5})).await?,
        owner
            .call("POST", "/v1/rooms")
            .raw("application/json", "{")
            .send()
            .await?,
        owner
            .call("POST", "/v1/rooms")
            .raw("text/plain", "x")
            .send()
            .await?,
        owner.get("/v1/rooms/x").await?,
        owner.get("/v1/sync?since=abc").await?,
        outsider.get(room.at("/messages")).await?,
        outsider.post(room.at("/join"), json!({})).await?,
        outsider.get("/v1/admin/users").await?,
    ])
}

async fn every_error(t: Trial) -> Verdict {
    for answer in refusals(&t).await? {
        let body = answer.body()?;
        let members: Vec<&String> = body
            .as_object()
            .map(|object| object.keys().collect())
            .unwrap_or_default();
        must(members == ["error"], || {
            format!("the body has members {members:?}")
        })?;
        shape(
            "error",
            &body["error"],
            "code str, message str, request_id str",
        )?;
        let code = judge::text(body, "/error/code")?;
        let status = catalogue::status(&code);
        must(status == Some(answer.status), || {
            format!(
                "{code} came with {}, the catalogue says {status:?}",
                answer.status
            )
        })?;
    }
    Ok(())
}

async fn details(t: Trial) -> Verdict {
    for answer in refusals(&t).await? {
        if let Some(details) = answer.body()?.pointer("/error/details") {
            must(details.is_object(), || format!("details is {details}"))?;
        }
    }
    Ok(())
}

async fn always_json(t: Trial) -> Verdict {
    let call = t
        .stranger()
        .call("GET", "/v1/me")
        .header("Accept", "text/html");
    let answer = call.send().await?;
    answer.refused("SW_AUTH_INVALID_TOKEN")?;
    let kind = answer.must_header("Content-Type")?;
    must(kind.starts_with("application/json"), || {
        format!("Content-Type is {kind}")
    })
}

async fn no_causes(t: Trial) -> Verdict {
    for answer in refusals(&t).await? {
        let text = answer.text.to_lowercase();
        for trace in [
            "src/",
            ".rs:",
            "panicked",
            "sqlx",
            "sqlite",
            "postgres",
            "select ",
            "insert into",
        ] {
            must(!text.contains(trace), || {
                format!("{trace:?} is in {}", answer.text)
            })?;
        }
    }
    Ok(())
}
