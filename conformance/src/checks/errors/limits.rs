//! Codes of limits. Those of a tenant are set for the moment of the check and put back.

use futures::StreamExt;
use serde_json::{Value, json};

use crate::check::{Check, Stop, Verdict, errors, failed, skipped};
use crate::client::Agent;
use crate::judge;
use crate::trial::Trial;

const SECTION: &str = "client-core 12";

pub(super) fn checks() -> Vec<Check> {
    vec![
        errors(
            SECTION,
            "SW_RATE_LIMIT_EXCEEDED: 429 where a bucket is empty",
            rate_limit,
        ),
        errors(
            SECTION,
            "SW_TENANT_CAPACITY: 409 for a new room at max_rooms",
            tenant_capacity,
        )
        .alone(),
        errors(
            SECTION,
            "SW_ROOM_CAPACITY: 409 for an invitation at max_participants",
            room_capacity,
        )
        .alone(),
    ]
}

async fn rate_limit(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let first = person.call("GET", "/v1/me").impatient().send().await?;
    let limit: usize = first
        .header("X-RateLimit-Limit")
        .and_then(|limit| limit.parse().ok())
        .ok_or_else(|| skipped("the server has no rate limits for reads"))?;
    if limit > 2_000 {
        return Err(skipped(
            "the server's rate limit for reads is over 2000 a minute",
        ));
    }
    let mut answers = futures::stream::iter(0..limit * 3)
        .map(|_| person.call("GET", "/v1/me").impatient().send())
        .buffer_unordered(16);
    while let Some(answer) = answers.next().await {
        let answer = answer?;
        if answer.status != 200 {
            return answer.refused("SW_RATE_LIMIT_EXCEEDED").map(drop);
        }
    }
    Err(failed("no bucket ever is empty"))
}

/// Sets a limit of the own tenant and answers what undoes it; skips where the admin may not.
async fn limit(admin: &Agent, limits: Value) -> Result<(String, Value), Stop> {
    let me = admin.get("/v1/me").await?.ok()?;
    let path = format!("/v1/admin/tenants/{}", judge::text(&me, "/tenant/id")?);
    let answer = admin.get(path.clone()).await?;
    if answer.status != 200 {
        return Err(skipped("the admin cannot change the tenant's limits"));
    }
    let before = answer.ok()?["limits"].clone();
    let path = format!("{path}/limits");
    admin.put(path.clone(), limits).await?.ok()?;
    Ok((path, before))
}

async fn tenant_capacity(t: Trial) -> Verdict {
    let (admin, person) = (t.admin()?, t.person().await?);
    let (path, before) = limit(&admin, json!({"max_rooms": 0})).await?;
    let answer = person
        .post("/v1/rooms", json!({"name": "One too many"}))
        .await;
    admin.put(path, before).await?.ok()?;
    answer?.refused("SW_TENANT_CAPACITY").map(drop)
}

async fn room_capacity(t: Trial) -> Verdict {
    let admin = t.admin()?;
    let [owner, guest] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let (path, before) = limit(&admin, json!({"max_participants": 1})).await?;
    let request = json!({"participant_id": guest.id()});
    let answer = owner.post(room.at("/invite"), request).await;
    admin.put(path, before).await?.ok()?;
    answer?.refused("SW_ROOM_CAPACITY").map(drop)
}
