//! Envelope, request ids, bearer, unknown paths and methods.

use serde_json::json;

use crate::check::{Check, Verdict, client, failed};
use crate::judge::{self, must, shape::shape};
use crate::trial::Trial;

const SECTION: &str = "client-core 1";
const NOWHERE: &str = "/v1/there/is/no/such/path";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "conventions/envelope: a creation answers 200 with `data`",
            creation_is_200,
        ),
        client(
            SECTION,
            "conventions/envelope: answers are UTF-8 JSON",
            answers_are_json,
        ),
        client(
            SECTION,
            "conventions/envelope: an error has code, message and request_id",
            error_envelope,
        ),
        client(
            SECTION,
            "conventions/request-id: the caller's id comes back",
            request_id_is_echoed,
        ),
        client(
            SECTION,
            "conventions/request-id: an id that is not 8 to 64 safe characters is replaced",
            bad_request_id,
        ),
        client(
            SECTION,
            "conventions/request-id: without one a new one is made each time",
            new_request_id,
        ),
        client(
            SECTION,
            "conventions/request-id: an error's request_id is the header's",
            request_id_of_errors,
        ),
        client(
            SECTION,
            "conventions/paths: an unknown path gets SW_NOT_FOUND",
            unknown_path,
        ),
        client(
            SECTION,
            "conventions/paths: an unknown method gets SW_NOT_FOUND with Allow",
            unknown_method,
        ),
        client(
            SECTION,
            "conventions/ids: a malformed id in a path answers like a missing one",
            malformed_id_in_path,
        ),
        client(
            SECTION,
            "conventions/ids: a malformed id in a body gets SW_VALIDATION_ERROR",
            malformed_id_in_body,
        ),
        client(
            SECTION,
            "conventions/bearer: no token gets SW_AUTH_INVALID_TOKEN",
            no_token,
        ),
        client(
            SECTION,
            "conventions/bearer: a token that is none gets SW_AUTH_INVALID_TOKEN",
            bad_token,
        ),
        client(
            SECTION,
            "conventions/bearer: a scheme other than Bearer gets SW_AUTH_INVALID_TOKEN",
            other_scheme,
        ),
        client(
            SECTION,
            "conventions/bearer: the token is looked at before the body",
            token_before_body,
        ),
    ]
}

async fn creation_is_200(t: Trial) -> Verdict {
    let person = t.person().await?;
    let answer = person.post("/v1/rooms", json!({"name": "Created"})).await?;
    answer.ok().map(drop)
}

async fn answers_are_json(t: Trial) -> Verdict {
    for path in ["/v1/auth/config", NOWHERE] {
        let answer = t.stranger().get(path).await?;
        let kind = answer.must_header("Content-Type")?;
        must(kind.starts_with("application/json"), || {
            format!("{path} answers Content-Type {kind}")
        })?;
        answer.body()?;
    }
    Ok(())
}

async fn error_envelope(t: Trial) -> Verdict {
    let answer = t.stranger().get("/v1/me").await?;
    let error = answer.refused("SW_AUTH_INVALID_TOKEN")?;
    shape(
        "error",
        &error,
        "code str, message str, details obj?, request_id str",
    )?;
    must(!judge::text(&error, "/message")?.is_empty(), || {
        "the message is empty".to_owned()
    })
}

async fn request_id_is_echoed(t: Trial) -> Verdict {
    for id in ["abcd1234", "A-Z_a-z.0-9.caller", &"x".repeat(64)] {
        let call = t.stranger().call("GET", "/v1/auth/config");
        let answer = call.header("X-Request-Id", id).send().await?;
        let echoed = answer.must_header("X-Request-Id")?;
        must(echoed == id, || format!("sent {id}, got {echoed}"))?;
    }
    Ok(())
}

async fn bad_request_id(t: Trial) -> Verdict {
    for id in ["short", "has a space", "slash/slash", &"x".repeat(65)] {
        let call = t.stranger().call("GET", "/v1/auth/config");
        let answer = call.header("X-Request-Id", id).send().await?;
        let made = answer.must_header("X-Request-Id")?;
        must(made != id, || format!("{id} came back"))?;
        must(made.len() >= 8, || format!("the new id is {made}"))?;
    }
    Ok(())
}

async fn new_request_id(t: Trial) -> Verdict {
    let first = t.stranger().get("/v1/auth/config").await?;
    let second = t.stranger().get("/v1/auth/config").await?;
    let first = first.must_header("X-Request-Id")?;
    must(first != second.must_header("X-Request-Id")?, || {
        format!("{first} was given out twice")
    })
}

async fn request_id_of_errors(t: Trial) -> Verdict {
    let answer = t.stranger().get(NOWHERE).await?;
    let error = answer.refused("SW_NOT_FOUND")?;
    judge::equal(&error, "/request_id", answer.must_header("X-Request-Id")?)
}

async fn unknown_path(t: Trial) -> Verdict {
    let person = t.person().await?;
    person.get(NOWHERE).await?.refused("SW_NOT_FOUND")?;
    t.stranger()
        .get("/nowhere")
        .await?
        .refused("SW_NOT_FOUND")?;
    Ok(())
}

async fn unknown_method(t: Trial) -> Verdict {
    let person = t.person().await?;
    let answer = person
        .call("PATCH", "/v1/me")
        .json(json!({}))
        .send()
        .await?;
    answer.refused("SW_NOT_FOUND")?;
    let allow = answer.must_header("Allow")?.to_owned();
    for method in ["GET", "PUT"] {
        must(allow.split(',').any(|known| known.trim() == method), || {
            format!("Allow is {allow:?} and lacks {method}")
        })?;
    }
    Ok(())
}

async fn malformed_id_in_path(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    for id in ["x", "00000000-0000-0000-0000-00000000000", "%F0%9F%A6%80"] {
        person
            .get(format!("/v1/rooms/{id}/messages"))
            .await?
            .refused("SW_ROOM_NOT_FOUND")?;
        person
            .get(room.at(&format!("/events/{id}")))
            .await?
            .refused("SW_EVENT_NOT_FOUND")?;
    }
    Ok(())
}

async fn malformed_id_in_body(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let answer = person
        .post(room.at("/kick"), json!({"participant_id": "not-an-id"}))
        .await?;
    answer.invalid("body.participant_id", None)
}

async fn no_token(t: Trial) -> Verdict {
    for path in [
        "/v1/me",
        "/v1/sync",
        "/v1/directory/rooms",
        "/v1/me/sessions",
    ] {
        t.stranger()
            .get(path)
            .await?
            .refused("SW_AUTH_INVALID_TOKEN")?;
    }
    t.stranger()
        .post("/v1/rooms", json!({"name": "x"}))
        .await?
        .refused("SW_AUTH_INVALID_TOKEN")?;
    Ok(())
}

async fn bad_token(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    if config["mode"] == "mock" || config["mode"] == "hybrid" {
        return Err(crate::check::skipped("in this mode any bearer is a user"));
    }
    for token in [
        "nonsense",
        "a.b.c",
        "swt_0000000000000000000000000000000000000000000",
    ] {
        t.stranger()
            .with_token(token)
            .get("/v1/me")
            .await?
            .refused("SW_AUTH_INVALID_TOKEN")?;
    }
    Ok(())
}

async fn other_scheme(t: Trial) -> Verdict {
    let person = t.person().await?;
    let token = person
        .token()
        .await?
        .ok_or_else(|| failed("the suite has no token"))?;
    let call = t.stranger().call("GET", "/v1/me");
    let answer = call.header("Authorization", format!("Token {token}"));
    answer.send().await?.refused("SW_AUTH_INVALID_TOKEN")?;
    Ok(())
}

async fn token_before_body(t: Trial) -> Verdict {
    let call = t.stranger().call("POST", "/v1/rooms");
    let answer = call.raw("application/json", "{broken").send().await?;
    answer.refused("SW_AUTH_INVALID_TOKEN").map(drop)
}
