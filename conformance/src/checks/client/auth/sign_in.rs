//! `POST /v1/auth/token`, `/login` and `/signup`.

use serde_json::json;

use super::works;
use crate::cast::account::password_grant;
use crate::check::{Check, Verdict, client, skipped};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 2";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "auth/token: the password grant answers Tokens, as JSON",
            json_body,
        ),
        client(
            SECTION,
            "auth/token: the password grant takes a form",
            form_body,
        ),
        client(
            SECTION,
            "auth/token: `username` may be the e-mail",
            by_email,
        ),
        client(
            SECTION,
            "auth/token: an unknown user and a wrong password are indistinguishable",
            indistinguishable,
        ),
        client(
            SECTION,
            "auth/token: a missing field is named",
            missing_fields,
        ),
        client(
            SECTION,
            "auth/token: an unknown grant_type gets SW_VALIDATION_ERROR",
            unknown_grant,
        ),
        client(
            SECTION,
            "auth/token: each sign-in is a session of its own",
            own_sessions,
        ),
        client(
            SECTION,
            "auth/token: `device_name` names the session",
            device_name,
        ),
        client(
            SECTION,
            "auth/token: token exchange without a provider gets SW_AUTH_INSUFFICIENT_PERMISSION",
            token_exchange,
        ),
        client(
            SECTION,
            "auth/login: a browser's code is shown, or handed on in the fragment, and must be there",
            browser_returns,
        ),
        client(
            SECTION,
            "auth/login: without a provider a code gets SW_AUTH_OIDC_FAILED",
            login_without_provider,
        ),
        client(
            SECTION,
            "auth/signup: off gets SW_AUTH_INSUFFICIENT_PERMISSION, on makes an account",
            signup,
        ),
    ]
}

async fn json_body(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let tokens = super::another_session(&t, &person).await?;
    shape("tokens", &tokens, shapes::TOKENS)?;
    judge::equal(&tokens, "/token_type", "Bearer")?;
    must(judge::int(&tokens, "/expires_in")? > 0, || {
        "expires_in is not positive".to_owned()
    })?;
    works(&t, &tokens).await
}

async fn form_body(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let account = person.account();
    let fields = [
        ("grant_type", "password"),
        ("username", account.username.as_str()),
        ("password", account.password.as_str()),
    ];
    let call = t.stranger().call("POST", "/v1/auth/token").form(&fields);
    let tokens = call.send().await?.ok()?;
    shape("tokens", &tokens, shapes::TOKENS)?;
    works(&t, &tokens).await
}

async fn by_email(t: Trial) -> Verdict {
    let local_id = t.subject().cast.new_local_id();
    let email = format!("{local_id}@mail.example");
    let password = "correct horse battery";
    let request = json!({"local_id": local_id, "display_name": "By mail", "email": email, "password": password});
    t.admin()?.post("/v1/admin/users", request).await?.ok()?;
    let grant = password_grant(&email, password);
    let tokens = t.stranger().post("/v1/auth/token", grant).await?.ok()?;
    works(&t, &tokens).await
}

async fn indistinguishable(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let known = password_grant(&person.account().username, "not the password");
    let unknown = password_grant("nobody-has-this-name", "not the password");
    let known = t.stranger().post("/v1/auth/token", known).await?;
    let unknown = t.stranger().post("/v1/auth/token", unknown).await?;
    let known = known.refused("SW_AUTH_INVALID_TOKEN")?;
    let unknown = unknown.refused("SW_AUTH_INVALID_TOKEN")?;
    must(
        known["message"] == unknown["message"] && known["details"] == unknown["details"],
        || format!("{known} differs from {unknown}"),
    )
}

async fn missing_fields(t: Trial) -> Verdict {
    for field in ["grant_type", "username", "password"] {
        let mut request = password_grant("somebody", "some-password");
        if let Some(members) = request.as_object_mut() {
            members.remove(field);
        }
        let answer = t.stranger().post("/v1/auth/token", request).await?;
        answer.invalid(&format!("body.{field}"), Some("missing"))?;
    }
    Ok(())
}

async fn unknown_grant(t: Trial) -> Verdict {
    let request = json!({"grant_type": "client_credentials", "username": "x", "password": "x"});
    let answer = t.stranger().post("/v1/auth/token", request).await?;
    answer.invalid("body.grant_type", Some("enum"))
}

async fn own_sessions(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let first = super::another_session(&t, &person).await?;
    let second = super::another_session(&t, &person).await?;
    must(first["session_id"] != second["session_id"], || {
        "two sign-ins share a session".to_owned()
    })?;
    must(first["access_token"] != second["access_token"], || {
        "two sign-ins share an access token".to_owned()
    })
}

async fn device_name(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let account = person.account();
    let mut request = password_grant(&account.username, &account.password);
    request["device_name"] = json!("Kitchen tablet");
    let tokens = t.stranger().post("/v1/auth/token", request).await?.ok()?;
    let (rows, _) = person.get("/v1/me/sessions").await?.list()?;
    let row = judge::row(&rows, "/id", tokens["session_id"].clone())?;
    judge::equal(row, "/device_name", "Kitchen tablet")
}

async fn token_exchange(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    if config["mode"] != "local" {
        return Err(skipped("the server has a provider or mock users"));
    }
    let request = super::token_exchange("x");
    let answer = t.stranger().post("/v1/auth/token", request).await?;
    answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION").map(drop)
}

async fn login_without_provider(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    if config["mode"] != "local" {
        return Err(skipped("the server has a provider or mock users"));
    }
    let request = json!({"code": "a-code", "redirect_uri": config["redirect_uri"]});
    let answer = t.stranger().post("/v1/auth/login", request).await?;
    answer.refused("SW_AUTH_OIDC_FAILED").map(drop)
}

async fn browser_returns(t: Trial) -> Verdict {
    let answer = t
        .stranger()
        .get("/v1/auth/login?code=a%26b&state=s")
        .await?;
    match answer.status {
        303 => {
            let to = answer.must_header("location")?;
            let fragment = to.split_once('#').map(|(_, fragment)| fragment);
            must(fragment == Some("code=a%26b&state=s"), || {
                format!("the browser is sent to {to}")
            })
        }
        200 => must(answer.text.contains("a&amp;b"), || {
            "the page does not show the code, or not as text".to_owned()
        }),
        status => must(false, || format!("the status is {status}")),
    }?;
    let answer = t.stranger().get("/v1/auth/login?state=s").await?;
    answer.invalid("query.code", Some("missing"))
}

async fn signup(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    let username = t.subject().cast.new_local_id();
    let request = json!({"username": username, "password": "a-password-of-mine"});
    let answer = t
        .stranger()
        .post("/v1/auth/signup", request.clone())
        .await?;
    if config["signup_enabled"] != true {
        answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION")?;
        return Ok(());
    }
    let tokens = answer.ok()?;
    shape("tokens", &tokens, shapes::TOKENS)?;
    works(&t, &tokens).await?;
    let again = t.stranger().post("/v1/auth/signup", request).await?;
    again.invalid("body.username", Some("taken"))
}
