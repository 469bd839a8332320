//! Codes of sign-in and tenants.

use std::time::Duration;

use serde_json::json;

use crate::cast::account::password_grant;
use crate::check::{Check, Verdict, errors, skipped};
use crate::judge;
use crate::trial::Trial;

const SECTION: &str = "client-core 12";
/// The longest token life that a check waits for, in seconds.
const LONGEST_LIFE: i64 = 15;

pub(super) fn checks() -> Vec<Check> {
    vec![
        errors(
            SECTION,
            "SW_AUTH_INVALID_TOKEN: 401 without a bearer, and with a wrong password",
            invalid_token,
        ),
        errors(
            SECTION,
            "SW_AUTH_EXPIRED_TOKEN: 401 for an access token past its time",
            expired_token,
        )
        .slow(),
        errors(
            SECTION,
            "SW_AUTH_OIDC_FAILED: 400 for a login with a code that nobody gave out",
            oidc_failed,
        ),
        errors(
            SECTION,
            "SW_AUTH_REDIRECT_MISMATCH: 400 for a login with another redirect_uri",
            redirect_mismatch,
        ),
        errors(
            SECTION,
            "SW_AUTH_INSUFFICIENT_PERMISSION: 403 for an admin endpoint without the permission",
            insufficient_permission,
        ),
        errors(
            SECTION,
            "SW_AUTH_TENANT_MISMATCH: 403 where X-ScaiWave-Tenant names another tenant",
            tenant_mismatch,
        ),
        errors(
            SECTION,
            "SW_TENANT_NOT_FOUND: 404 for a tenant that is none",
            tenant_not_found,
        ),
    ]
}

async fn invalid_token(t: Trial) -> Verdict {
    t.stranger()
        .get("/v1/me")
        .await?
        .refused("SW_AUTH_INVALID_TOKEN")?;
    let grant = password_grant("nobody-has-this-name", "not the password");
    let answer = t.stranger().post("/v1/auth/token", grant).await?;
    answer.refused("SW_AUTH_INVALID_TOKEN").map(drop)
}

async fn expired_token(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let account = person.account();
    let grant = password_grant(&account.username, &account.password);
    let tokens = t.stranger().post("/v1/auth/token", grant).await?.ok()?;
    let life = judge::int(&tokens, "/expires_in")?;
    if life > LONGEST_LIFE {
        return Err(skipped(format!(
            "access tokens live {life} s; set a life of at most {LONGEST_LIFE} s"
        )));
    }
    let holder = t
        .stranger()
        .with_token(&judge::text(&tokens, "/access_token")?);
    let deadline = Duration::from_secs(life.unsigned_abs() + 10);
    let answer = t
        .within(deadline, "the token still works", || async {
            let answer = holder.get("/v1/me").await?;
            Ok((answer.status != 200).then_some(answer))
        })
        .await?;
    answer.refused("SW_AUTH_EXPIRED_TOKEN").map(drop)
}

async fn oidc_failed(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    let request = json!({"code": "no-such-code", "redirect_uri": config["redirect_uri"]});
    let answer = t.stranger().post("/v1/auth/login", request).await?;
    answer.refused("SW_AUTH_OIDC_FAILED").map(drop)
}

async fn redirect_mismatch(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    if config["issuer"].is_null() {
        return Err(skipped("the server has no identity provider"));
    }
    let request =
        json!({"code": "a-code", "redirect_uri": "https://elsewhere.example/v1/auth/login"});
    let answer = t.stranger().post("/v1/auth/login", request).await?;
    answer.refused("SW_AUTH_REDIRECT_MISMATCH").map(drop)
}

async fn insufficient_permission(t: Trial) -> Verdict {
    let person = t.person().await?;
    let answer = person.get("/v1/admin/users").await?;
    answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION").map(drop)
}

async fn tenant_mismatch(t: Trial) -> Verdict {
    let (foreigner, person) = (t.foreigner().await?, t.person().await?);
    let other = foreigner.get("/v1/me").await?.ok()?;
    let slug = judge::text(&other, "/tenant/slug")?;
    let call = person
        .call("GET", "/v1/me")
        .header("X-ScaiWave-Tenant", slug);
    call.send()
        .await?
        .refused("SW_AUTH_TENANT_MISMATCH")
        .map(drop)
}

async fn tenant_not_found(t: Trial) -> Verdict {
    let mut grant = password_grant("somebody", "some-password");
    grant["tenant"] = json!("no-such-tenant");
    let answer = t.stranger().post("/v1/auth/token", grant).await?;
    answer.refused("SW_TENANT_NOT_FOUND").map(drop)
}
