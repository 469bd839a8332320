//! Mock users, for development: any bearer is one fixed person.

use serde_json::{Value, json};

use crate::check::{Check, Stop, Verdict, client, skipped};
use crate::judge;
use crate::trial::Trial;

const SECTION: &str = "client-core 2";
/// The bearer that everybody uses.
const CUSTOMARY: &str = "mock-dev-token";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "auth/mock: any bearer is @dev, an admin of the default tenant",
            one_fixed_user,
        ),
        client(
            SECTION,
            "auth/mock: no bearer gets SW_AUTH_INVALID_TOKEN all the same",
            no_bearer,
        ),
        client(
            SECTION,
            "auth/mock: without local accounts the password grant and sign-up get SW_AUTH_INSUFFICIENT_PERMISSION",
            no_passwords,
        ),
    ]
}

/// The server's configuration; skips unless there are mock users.
async fn mock_config(t: &Trial) -> Result<Value, Stop> {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    match config["mode"].as_str() {
        Some("mock" | "hybrid") => Ok(config),
        _ => Err(skipped("the server has no mock users")),
    }
}

async fn one_fixed_user(t: Trial) -> Verdict {
    mock_config(&t).await?;
    let mut ids = Vec::new();
    for bearer in [CUSTOMARY, "anything-else"] {
        let dev = t.stranger().with_token(bearer);
        let me = dev.get("/v1/me").await?.ok()?;
        judge::equal(&me, "/local_id", "dev")?;
        ids.push(me["participant_id"].clone());
        dev.get("/v1/admin/users").await?.ok()?;
        dev.post("/v1/rooms", json!({"name": "Mocked"}))
            .await?
            .ok()?;
    }
    judge::must(ids.first() == ids.last(), || format!("two people: {ids:?}"))
}

async fn no_bearer(t: Trial) -> Verdict {
    mock_config(&t).await?;
    let answer = t.stranger().get("/v1/me").await?;
    answer.refused("SW_AUTH_INVALID_TOKEN").map(drop)
}

async fn no_passwords(t: Trial) -> Verdict {
    let config = mock_config(&t).await?;
    if config["mode"] == "hybrid" {
        return Err(skipped("in this mode there are local accounts too"));
    }
    let grant = crate::cast::account::password_grant("dev", "some password");
    let signup = json!({"username": "somebody", "password": "some password"});
    for (path, request) in [("/v1/auth/token", grant), ("/v1/auth/signup", signup)] {
        let answer = t.stranger().post(path, request).await?;
        answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION")?;
    }
    Ok(())
}
