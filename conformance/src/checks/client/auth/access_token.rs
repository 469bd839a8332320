//! Access tokens: what is in them, and when they are refused.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::check::{Check, Stop, Verdict, client, failed, skipped};
use crate::judge;
use crate::trial::Trial;

const SECTION: &str = "client-core 2";
/// The longest token life that a check waits for.
const LONGEST_LIFE: i64 = 15;

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "auth/access-token: a local one is a JWT with the named claims",
            claims,
        ),
        client(
            SECTION,
            "auth/access-token: a changed signature gets SW_AUTH_INVALID_TOKEN",
            changed_signature,
        ),
        client(
            SECTION,
            "auth/access-token: changed claims get SW_AUTH_INVALID_TOKEN",
            changed_claims,
        ),
        client(
            SECTION,
            "auth/access-token: algorithm none gets SW_AUTH_INVALID_TOKEN",
            algorithm_none,
        ),
        client(
            SECTION,
            "auth/access-token: past its time it gets SW_AUTH_EXPIRED_TOKEN",
            expired,
        )
        .slow(),
    ]
}

/// Header, claims and signature of a fresh local token.
async fn parts(t: &Trial) -> Result<(Value, [String; 3], Value), Stop> {
    let person = t.newcomer().await?;
    let tokens = super::another_session(t, &person).await?;
    let token = judge::text(&tokens, "/access_token")?;
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let parts: [String; 3] = parts
        .try_into()
        .map_err(|_| skipped("access tokens are no JWTs: no local accounts"))?;
    let bytes = URL_SAFE_NO_PAD
        .decode(&parts[1])
        .map_err(|_| failed("the claims are not base64url"))?;
    let claims = serde_json::from_slice(&bytes).map_err(|_| failed("the claims are not JSON"))?;
    Ok((tokens, parts, claims))
}

async fn refuses(t: &Trial, token: &str) -> Verdict {
    let answer = t.stranger().with_token(token).get("/v1/me").await?;
    answer.refused("SW_AUTH_INVALID_TOKEN").map(drop)
}

async fn claims(t: Trial) -> Verdict {
    let (tokens, _, claims) = parts(&t).await?;
    for claim in ["/iss", "/sub", "/tenant_id", "/jti"] {
        judge::text(&claims, claim)?;
    }
    judge::equal(&claims, "/sid", tokens["session_id"].clone())?;
    let life = judge::int(&claims, "/exp")? - judge::int(&claims, "/iat")?;
    judge::equal(&tokens, "/expires_in", life)
}

async fn changed_signature(t: Trial) -> Verdict {
    let (_, [header, claims, signature], _) = parts(&t).await?;
    let mut bytes = URL_SAFE_NO_PAD
        .decode(&signature)
        .map_err(|_| failed("the signature is not base64url"))?;
    if let Some(first) = bytes.first_mut() {
        *first ^= 1;
    }
    refuses(
        &t,
        &format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(bytes)),
    )
    .await?;
    refuses(&t, &format!("{header}.{claims}.")).await
}

async fn changed_claims(t: Trial) -> Verdict {
    let (_, [header, _, signature], mut claims) = parts(&t).await?;
    claims["exp"] = json!(judge::int(&claims, "/exp")? + 1);
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    refuses(&t, &format!("{header}.{claims}.{signature}")).await
}

async fn algorithm_none(t: Trial) -> Verdict {
    let (_, [_, claims, signature], _) = parts(&t).await?;
    for algorithm in ["none", "None", "nOnE"] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "typ": "JWT"}).to_string());
        refuses(&t, &format!("{header}.{claims}.")).await?;
        refuses(&t, &format!("{header}.{claims}.{signature}")).await?;
    }
    Ok(())
}

async fn expired(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let tokens = super::another_session(&t, &person).await?;
    let life = judge::int(&tokens, "/expires_in")?;
    if life > LONGEST_LIFE {
        return Err(skipped(format!(
            "access tokens live {life} s; set a life of at most {LONGEST_LIFE} s"
        )));
    }
    let token = judge::text(&tokens, "/access_token")?;
    let holder = t.stranger().with_token(&token);
    let deadline = Duration::from_secs(life.unsigned_abs() + 10);
    let refusal = t
        .within(deadline, "the token still works", || async {
            let answer = holder.get("/v1/me").await?;
            Ok((answer.status != 200).then_some(answer))
        })
        .await?;
    refusal.refused("SW_AUTH_EXPIRED_TOKEN").map(drop)
}
