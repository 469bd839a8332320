//! `POST /v1/auth/register`.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape};
use crate::trial::Trial;

const SECTION: &str = "client-core 2";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "auth/register: answers who one is", fields),
        client(SECTION, "auth/register: is harmless to repeat", repeat),
    ]
}

async fn fields(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let data = person.post("/v1/auth/register", json!({})).await?.ok()?;
    shape(
        "register",
        &data,
        "participant_id id, tenant_id id, display_name str, local_id str, personal_workspace_id id",
    )?;
    judge::equal(&data, "/participant_id", person.id())?;
    judge::equal(&data, "/local_id", person.account().local_id.as_str())
}

async fn repeat(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let first = person.post("/v1/auth/register", json!({})).await?.ok()?;
    let second = person.post("/v1/auth/register", json!({})).await?.ok()?;
    must(first == second, || format!("{first} became {second}"))
}
