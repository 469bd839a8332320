//! A request acts in one tenant; another tenant's things answer like missing ones.

use serde_json::{Value, json};

use crate::cast::account::password_grant;
use crate::check::{Check, Verdict, client};
use crate::trial::Trial;

const SECTION: &str = "client-core 1, Tenant";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "conventions/tenants: a request may name the token's tenant by slug or id",
            own_tenant,
        ),
        client(
            SECTION,
            "conventions/tenants: the field `tenant` of a sign-in chooses the tenant by slug",
            sign_in_names_tenant,
        ),
        client(
            SECTION,
            "conventions/tenants: a `tenant` that matches none gets SW_TENANT_NOT_FOUND",
            unknown_tenant,
        ),
        client(
            SECTION,
            "conventions/tenants: naming another tenant than the token's gets SW_AUTH_TENANT_MISMATCH",
            other_tenant_named,
        ),
        client(
            SECTION,
            "conventions/tenants: another tenant's room answers like a missing one",
            foreign_room,
        ),
        client(
            SECTION,
            "conventions/tenants: another tenant's people answer like missing ones",
            foreign_people,
        ),
    ]
}

async fn own_tenant(t: Trial) -> Verdict {
    let person = t.person().await?;
    let me = person.get("/v1/me").await?.ok()?;
    for name in [&me["tenant"]["slug"], &me["tenant"]["id"]] {
        let name = name.as_str().unwrap_or("");
        let call = person.call("GET", "/v1/me");
        call.header("X-ScaiWave-Tenant", name).send().await?.ok()?;
    }
    Ok(())
}

async fn sign_in_names_tenant(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let me = person.get("/v1/me").await?.ok()?;
    let account = person.account();
    let mut request = password_grant(&account.username, &account.password);
    request["tenant"] = me["tenant"]["slug"].clone();
    t.stranger().post("/v1/auth/token", request).await?.ok()?;
    Ok(())
}

async fn unknown_tenant(t: Trial) -> Verdict {
    let mut request = password_grant("somebody", "some-password");
    request["tenant"] = json!("no-such-tenant");
    let answer = t.stranger().post("/v1/auth/token", request).await?;
    answer.refused("SW_TENANT_NOT_FOUND")?;
    let answer = t
        .stranger()
        .get("/v1/auth/config?tenant=no-such-tenant")
        .await?;
    answer.refused("SW_TENANT_NOT_FOUND").map(drop)
}

async fn other_tenant_named(t: Trial) -> Verdict {
    let foreigner = t.foreigner().await?;
    let person = t.person().await?;
    let other = foreigner.get("/v1/me").await?.ok()?;
    for name in [&other["tenant"]["slug"], &other["tenant"]["id"]] {
        let name = name.as_str().unwrap_or("");
        let call = person.call("GET", "/v1/me");
        let answer = call.header("X-ScaiWave-Tenant", name).send().await?;
        answer.refused("SW_AUTH_TENANT_MISMATCH")?;
    }
    Ok(())
}

async fn foreign_room(t: Trial) -> Verdict {
    let foreigner = t.foreigner().await?;
    let owner = t.person().await?;
    let room = owner.public_with(&[]).await?;
    let message = owner.says(&room, "not for other tenants").await?;
    for path in ["", "/messages", "/members", "/power-levels"] {
        foreigner
            .get(room.at(path))
            .await?
            .refused("SW_ROOM_NOT_FOUND")?;
    }
    for (path, body) in [
        ("/join", json!({})),
        ("/send", json!({"content": {"body": "x"}})),
        ("/kick", json!({"participant_id": owner.id()})),
    ] {
        foreigner
            .post(room.at(path), body)
            .await?
            .refused("SW_ROOM_NOT_FOUND")?;
    }
    foreigner
        .get(room.event(&message, ""))
        .await?
        .refused("SW_ROOM_NOT_FOUND")?;
    let (rows, _) = foreigner
        .get("/v1/directory/rooms?limit=200")
        .await?
        .list()?;
    crate::judge::no_row(&rows, "/id", room.id.as_str())
}

async fn foreign_people(t: Trial) -> Verdict {
    let foreigner = t.foreigner().await?;
    let person = t.person().await?;
    let path = format!("/v1/profiles/{}", person.id());
    foreigner.get(path).await?.refused("SW_NOT_FOUND")?;
    let request: Value = json!({"participant_id": person.id()});
    foreigner
        .post("/v1/rooms/dm", request)
        .await?
        .refused("SW_NOT_FOUND")?;
    Ok(())
}
