//! `GET` and `POST /v1/admin/users`: making accounts and finding them.

use serde_json::json;

use super::SECTION;
use crate::cast::account::password_grant;
use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "admin/users: POST makes an account that can sign in",
            create,
        ),
        client(
            SECTION,
            "admin/users: POST without a password answers a one-time password",
            one_time_password,
        ),
        client(
            SECTION,
            "admin/users: a taken local_id gets SW_VALIDATION_ERROR for `taken`",
            taken,
        ),
        client(
            SECTION,
            "admin/users: a taken e-mail gets SW_VALIDATION_ERROR for `taken`",
            taken_email,
        ),
        client(
            SECTION,
            "admin/users: a local_id is 1 to 64 of a-z0-9._- and begins with a letter or digit",
            local_ids,
        ),
        client(
            SECTION,
            "admin/users: GET finds accounts by q and counts them",
            list,
        ),
        client(
            SECTION,
            "admin/users: who lacks users.manage gets SW_AUTH_INSUFFICIENT_PERMISSION naming it",
            not_admin,
        ),
    ]
}

async fn create(t: Trial) -> Verdict {
    let local_id = t.subject().cast.new_local_id();
    let request =
        json!({"local_id": local_id, "display_name": "Made here", "password": "some password"});
    let user = t.admin()?.post("/v1/admin/users", request).await?.ok()?;
    judge::equal(&user, "/local_id", local_id.as_str())?;
    judge::equal(&user, "/display_name", "Made here")?;
    judge::equal(&user, "/state", "active")?;
    let grant = password_grant(&local_id, "some password");
    t.stranger()
        .post("/v1/auth/token", grant)
        .await?
        .ok()
        .map(drop)
}

async fn one_time_password(t: Trial) -> Verdict {
    let local_id = t.subject().cast.new_local_id();
    let request = json!({"local_id": local_id, "display_name": "Once"});
    let user = t.admin()?.post("/v1/admin/users", request).await?.ok()?;
    let password = judge::text(&user, "/password")?;
    must(password.len() >= 8, || {
        "the one-time password is short".to_owned()
    })?;
    let grant = password_grant(&local_id, &password);
    t.stranger()
        .post("/v1/auth/token", grant)
        .await?
        .ok()
        .map(drop)
}

async fn taken(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"local_id": person.account().local_id, "display_name": "Twice"});
    let answer = t.admin()?.post("/v1/admin/users", request).await?;
    answer.invalid("body.local_id", Some("taken"))
}

async fn taken_email(t: Trial) -> Verdict {
    let admin = t.admin()?;
    let first = t.subject().cast.new_local_id();
    let email = format!("{first}@mail.example");
    let request = json!({"local_id": first, "display_name": "First", "email": email});
    admin.post("/v1/admin/users", request).await?.ok()?;
    let second = t.subject().cast.new_local_id();
    let request =
        json!({"local_id": second, "display_name": "Second", "email": email.to_uppercase()});
    let answer = admin.post("/v1/admin/users", request).await?;
    answer.invalid("body.email", Some("taken"))
}

async fn local_ids(t: Trial) -> Verdict {
    let admin = t.admin()?;
    let long = "a".repeat(65);
    for local_id in [
        "",
        "Upper",
        "with space",
        "-first",
        ".first",
        "ümlaut",
        "a@b",
        long.as_str(),
    ] {
        let request = json!({"local_id": local_id, "display_name": "Bad name"});
        let answer = admin.post("/v1/admin/users", request).await?;
        answer.invalid("body.local_id", None)?;
    }
    Ok(())
}

async fn list(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let local_id = &person.account().local_id;
    let path = format!("/v1/admin/users?q={local_id}");
    let (rows, meta) = t.admin()?.get(path).await?.list()?;
    let row = judge::row(&rows, "/local_id", local_id.as_str())?;
    shape("user", row, shapes::USER)?;
    must(judge::int(&meta, "/total")? >= 1, || {
        "meta.total is 0".to_owned()
    })
}

async fn not_admin(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"local_id": "whoever", "display_name": "Whoever"});
    for answer in [
        person.get("/v1/admin/users").await?,
        person.post("/v1/admin/users", request).await?,
    ] {
        let error = answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION")?;
        judge::equal(&error, "/details/permission", "users.manage")?;
    }
    Ok(())
}
