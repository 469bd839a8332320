//! `/v1/admin/users/{participant_id}`: one account, its state, sessions, password and roles.

use serde_json::{Value, json};

use super::SECTION;
use crate::cast::account::password_grant;
use crate::cast::person::Person;
use crate::check::{Check, Stop, Verdict, client, skipped};
use crate::client::answer::Answer;
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "admin/user: GET answers who it is", show),
        client(
            SECTION,
            "admin/user: PATCH changes what is given and keeps the rest",
            change,
        ),
        client(
            SECTION,
            "admin/user: PATCH with bad values gets SW_VALIDATION_ERROR",
            bad_changes,
        ),
        client(
            SECTION,
            "admin/user: suspending ends the sessions at once, their sockets close with 4001",
            suspend,
        ),
        client(
            SECTION,
            "admin/user: the right password of a suspended account gets SW_AUTH_INSUFFICIENT_PERMISSION, until it is active again",
            suspended_sign_in,
        ),
        client(
            SECTION,
            "admin/user: reset-password answers a new one, and ends the sessions",
            reset_password,
        ),
        client(
            SECTION,
            "admin/user: revoke-sessions ends and counts them",
            revoke_sessions,
        ),
        client(
            SECTION,
            "admin/user: roles are replaced and count at once",
            roles,
        ),
        client(
            SECTION,
            "admin/user: a role that is none gets SW_VALIDATION_ERROR",
            unknown_role,
        ),
        client(
            SECTION,
            "admin/user: the last tenant_admin cannot lose the role: SW_VALIDATION_ERROR",
            last_admin,
        ),
        client(
            SECTION,
            "admin/user: an unknown or malformed id gets SW_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "admin/user: who lacks users.manage or roles.manage gets SW_AUTH_INSUFFICIENT_PERMISSION naming it",
            permission,
        ),
    ]
}

fn path(person: &Person, below: &str) -> String {
    format!("/v1/admin/users/{}{below}", person.id())
}

/// Changes an account as the admin.
async fn patch(t: &Trial, person: &Person, change: Value) -> Result<Answer, Stop> {
    let admin = t.admin()?;
    let call = admin.call("PATCH", path(person, ""));
    call.json(change).send().await
}

async fn signs_in(t: &Trial, person: &Person, password: &str) -> Result<Answer, Stop> {
    let grant = password_grant(&person.account().username, password);
    t.stranger().post("/v1/auth/token", grant).await
}

async fn show(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let user = t.admin()?.get(path(&person, "")).await?.ok()?;
    shape("user", &user, shapes::USER)?;
    judge::equal(&user, "/id", person.id())?;
    judge::equal(&user, "/fqid", person.fqid())?;
    judge::equal(&user, "/state", "active")
}

async fn change(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let email = format!("{}@mail.example", person.account().local_id);
    let user = patch(&t, &person, json!({"email": email})).await?.ok()?;
    shape("user", &user, shapes::USER)?;
    judge::equal(&user, "/email", email.as_str())?;
    let user = patch(&t, &person, json!({"display_name": "Named anew"}))
        .await?
        .ok()?;
    judge::equal(&user, "/display_name", "Named anew")?;
    judge::equal(&user, "/email", email.as_str())?;
    let me = person.get("/v1/me").await?.ok()?;
    judge::equal(&me, "/display_name", "Named anew")?;
    let user = patch(&t, &person, json!({"email": null})).await?.ok()?;
    judge::equal(&user, "/email", Value::Null)
}

async fn bad_changes(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    for (change, field) in [
        (json!({"display_name": ""}), "body.display_name"),
        (
            json!({"display_name": "x".repeat(101)}),
            "body.display_name",
        ),
        (json!({"email": "no address"}), "body.email"),
        (json!({"state": "asleep"}), "body.state"),
    ] {
        patch(&t, &person, change).await?.invalid(field, None)?;
    }
    Ok(())
}

async fn suspend(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let socket = person.listens().await?;
    let user = patch(&t, &person, json!({"state": "suspended"}))
        .await?
        .ok()?;
    judge::equal(&user, "/state", "suspended")?;
    judge::equal(&user, "/suspended", true)?;
    person
        .get("/v1/me")
        .await?
        .refused("SW_AUTH_INVALID_TOKEN")?;
    socket.closes_with(4001, "SW_AUTH_INVALID_TOKEN").await
}

async fn suspended_sign_in(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let password = &person.account().password;
    patch(&t, &person, json!({"state": "suspended"}))
        .await?
        .ok()?;
    signs_in(&t, &person, password)
        .await?
        .refused("SW_AUTH_INSUFFICIENT_PERMISSION")?;
    // Nobody learns of the suspension who does not know the password.
    signs_in(&t, &person, "another password")
        .await?
        .refused("SW_AUTH_INVALID_TOKEN")?;
    patch(&t, &person, json!({"state": "active"})).await?.ok()?;
    signs_in(&t, &person, password).await?.ok().map(drop)
}

async fn reset_password(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let answer = t
        .admin()?
        .post(path(&person, "/reset-password"), json!({}))
        .await?
        .ok()?;
    let password = judge::text(&answer, "/password")?;
    person
        .get("/v1/me")
        .await?
        .refused("SW_AUTH_INVALID_TOKEN")?;
    signs_in(&t, &person, &person.account().password)
        .await?
        .refused("SW_AUTH_INVALID_TOKEN")?;
    signs_in(&t, &person, &password).await?.ok().map(drop)
}

async fn revoke_sessions(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    signs_in(&t, &person, &person.account().password)
        .await?
        .ok()?;
    let answer = t
        .admin()?
        .post(path(&person, "/revoke-sessions"), json!({}))
        .await?
        .ok()?;
    judge::equal(&answer, "/revoked", 2)?;
    person
        .get("/v1/me")
        .await?
        .refused("SW_AUTH_INVALID_TOKEN")
        .map(drop)
}

async fn roles(t: Trial) -> Verdict {
    let (admin, person) = (t.admin()?, t.newcomer().await?);
    let given = admin
        .put(path(&person, "/roles"), json!({"roles": ["tenant_admin"]}))
        .await?
        .ok()?;
    shape("user", &given, shapes::USER)?;
    judge::equal(&given, "/roles", json!(["tenant_admin"]))?;
    person.get("/v1/admin/users").await?.ok()?;
    let taken = admin
        .put(path(&person, "/roles"), json!({"roles": []}))
        .await?
        .ok()?;
    judge::equal(&taken, "/roles", json!([]))?;
    person
        .get("/v1/admin/users")
        .await?
        .refused("SW_AUTH_INSUFFICIENT_PERMISSION")
        .map(drop)
}

async fn unknown_role(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let answer = t
        .admin()?
        .put(path(&person, "/roles"), json!({"roles": ["no-such-role"]}))
        .await?;
    answer.refused("SW_VALIDATION_ERROR").map(drop)
}

/// In the other tenant, where no check makes administrators.
async fn last_admin(t: Trial) -> Verdict {
    let admin = t.foreigner().await?;
    let answer = admin.get("/v1/admin/users?limit=200").await?;
    if answer.status != 200 {
        return Err(skipped("the account of the other tenant is no admin"));
    }
    let (rows, meta) = answer.list()?;
    let is_admin = |row: &&Value| {
        let roles = row["roles"].as_array();
        roles.is_some_and(|roles| roles.iter().any(|role| role == "tenant_admin"))
    };
    if judge::int(&meta, "/total")? > 200 || rows.iter().filter(is_admin).count() != 1 {
        return Err(skipped("the other tenant has several admins"));
    }
    let answer = admin
        .put(path(&admin, "/roles"), json!({"roles": []}))
        .await?;
    answer.invalid("body.roles", None)?;
    admin.get("/v1/admin/users").await?.ok().map(drop)
}

async fn unknown(t: Trial) -> Verdict {
    let admin = t.admin()?;
    for id in ["00000000-0000-8000-8000-000000000000", "not-an-id"] {
        let path = format!("/v1/admin/users/{id}");
        let roles = json!({"roles": []});
        for (method, below, body) in [
            ("GET", "", None),
            ("PATCH", "", Some(json!({}))),
            ("POST", "/reset-password", Some(json!({}))),
            ("POST", "/revoke-sessions", Some(json!({}))),
            ("PUT", "/roles", Some(roles)),
        ] {
            let call = admin.call(method, format!("{path}{below}"));
            let call = match body {
                Some(body) => call.json(body),
                None => call,
            };
            call.send().await?.refused("SW_NOT_FOUND")?;
        }
    }
    Ok(())
}

async fn permission(t: Trial) -> Verdict {
    let [person, other] = t.people().await?;
    let lacks = |answer: &Answer, permission: &str| -> Verdict {
        let error = answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION")?;
        judge::equal(&error, "/details/permission", permission)
    };
    lacks(&person.get(path(&other, "")).await?, "users.manage")?;
    for below in ["/reset-password", "/revoke-sessions"] {
        let answer = person.post(path(&other, below), json!({})).await?;
        lacks(&answer, "users.manage")?;
    }
    let call = person.call("PATCH", path(&other, ""));
    lacks(&call.json(json!({})).send().await?, "users.manage")?;
    let answer = person
        .put(path(&other, "/roles"), json!({"roles": []}))
        .await?;
    lacks(&answer, "roles.manage")?;
    let me = other.get("/v1/me").await?;
    must(me.status == 200, || {
        "a refused request had an effect".to_owned()
    })
}
