//! `PUT /v1/auth/password`.

use serde_json::json;

use super::{another_session, is_dead};
use crate::cast::account::password_grant;
use crate::check::{Check, Verdict, client};
use crate::trial::Trial;

const SECTION: &str = "client-core 2";
const NEW: &str = "a new password 1";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "auth/password: a change makes the new one good and the old one bad",
            change,
        ),
        client(
            SECTION,
            "auth/password: a change ends all other sessions",
            ends_others,
        ),
        client(
            SECTION,
            "auth/password: a wrong current one gets SW_AUTH_INSUFFICIENT_PERMISSION",
            wrong_current,
        ),
        client(
            SECTION,
            "auth/password: a new one must have 8 to 256 characters",
            lengths,
        ),
        client(SECTION, "auth/password: both fields are needed", missing),
    ]
}

async fn change(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let account = person.account();
    let request = json!({"current_password": account.password, "new_password": NEW});
    person.put("/v1/auth/password", request).await?.done()?;
    let new = password_grant(&account.username, NEW);
    t.stranger().post("/v1/auth/token", new).await?.ok()?;
    let old = password_grant(&account.username, &account.password);
    let answer = t.stranger().post("/v1/auth/token", old).await?;
    answer.refused("SW_AUTH_INVALID_TOKEN").map(drop)
}

async fn ends_others(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let other = another_session(&t, &person).await?;
    let request = json!({"current_password": person.account().password, "new_password": NEW});
    person.put("/v1/auth/password", request).await?.done()?;
    is_dead(&t, &other).await?;
    person.get("/v1/me").await?.ok().map(drop)
}

async fn wrong_current(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let request = json!({"current_password": "not the password", "new_password": NEW});
    let answer = person.put("/v1/auth/password", request).await?;
    answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION").map(drop)
}

async fn lengths(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let current = &person.account().password;
    for new in ["1234567".to_owned(), "x".repeat(257)] {
        let request = json!({"current_password": current, "new_password": new});
        let answer = person.put("/v1/auth/password", request).await?;
        answer.invalid("body.new_password", Some("length"))?;
    }
    // Characters count, not bytes.
    let request = json!({"current_password": current, "new_password": "🦀".repeat(256)});
    person.put("/v1/auth/password", request).await?.done()
}

async fn missing(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let answer = person.put("/v1/auth/password", json!({})).await?;
    answer.invalid("body.current_password", Some("missing"))
}
