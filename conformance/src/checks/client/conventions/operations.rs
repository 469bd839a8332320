//! Health and metrics, which stand beside the API: no token, no envelope.

use crate::check::{Check, Verdict, client, skipped};
use crate::judge::{self, must};
use crate::trial::Trial;

const SECTION: &str = "connections-and-operations 10";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "operations/health: tells status, each part and the version, without an envelope",
            health,
        ),
        client(
            SECTION,
            "operations/health: parts that are not configured say disabled",
            disabled_parts,
        ),
        client(SECTION, "operations/health: /health/live is 200", live),
        client(
            SECTION,
            "operations/metrics: Prometheus text with the named families",
            metrics,
        ),
    ]
}

async fn health(t: Trial) -> Verdict {
    let answer = t.stranger().get("/health").await?;
    let body = answer.body()?;
    must(body.get("data").is_none(), || {
        "health has an envelope".to_owned()
    })?;
    must(answer.status == 200, || {
        format!("health is {}", answer.status)
    })?;
    judge::equal(body, "/status", "ok")?;
    judge::equal(body, "/checks/database", "ok")?;
    judge::text(body, "/checks/version").map(drop)
}

async fn disabled_parts(t: Trial) -> Verdict {
    let answer = t.stranger().get("/health").await?;
    let body = answer.body()?;
    for part in ["redis", "nats", "weaviate"] {
        let state = judge::text(body, &format!("/checks/{part}"))?;
        must(["ok", "disabled"].contains(&state.as_str()), || {
            format!("{part} is {state}")
        })?;
    }
    judge::text(body, "/checks/storage")?;
    let key = judge::text(body, "/checks/federation_key")?;
    must(
        ["ok", "expiring", "missing"].contains(&key.as_str()),
        || format!("federation_key is {key}"),
    )
}

async fn live(t: Trial) -> Verdict {
    let answer = t.stranger().get("/health/live").await?;
    must(answer.status == 200, || {
        format!("/health/live is {}", answer.status)
    })
}

async fn metrics(t: Trial) -> Verdict {
    t.stranger().get("/health").await?;
    let answer = t.stranger().get("/metrics").await?;
    if answer.status == 404 {
        return Err(skipped("metrics stand on an address of their own"));
    }
    must(answer.status == 200, || {
        format!("/metrics is {}", answer.status)
    })?;
    for family in [
        "scaiwave_http_requests_total",
        "scaiwave_http_request_duration_seconds",
        "scaiwave_build_info",
    ] {
        must(answer.text.contains(family), || {
            format!("{family} is not there")
        })?;
    }
    Ok(())
}
