//! `/v1/admin/groups`.

use serde_json::json;

use super::SECTION;
use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape};
use crate::trial::Trial;

const PATH: &str = "/v1/admin/groups";
const SHAPE: &str =
    "id id, name str, role_slugs [str], member_ids [id], member_count int, read_only bool";
const NO_ID: &str = "00000000-0000-8000-8000-000000000000";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "admin/groups: a group is made, listed, shown in the directory, changed and deleted",
            life,
        ),
        client(
            SECTION,
            "admin/groups: an unknown group or member gets SW_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "admin/groups: a bad name or too many members get SW_VALIDATION_ERROR",
            invalid,
        ),
        client(
            SECTION,
            "admin/groups: who lacks users.manage gets SW_AUTH_INSUFFICIENT_PERMISSION",
            not_admin,
        ),
    ]
}

async fn life(t: Trial) -> Verdict {
    let ([one, other], admin) = (t.people().await?, t.admin()?);
    let mark = crate::cast::random_suffix();
    let request = json!({"name": format!("Group {mark}"), "member_ids": [one.id()]});
    let group = admin.post(PATH, request).await?.ok()?;
    shape("group", &group, SHAPE)?;
    judge::equal(&group, "/member_ids", json!([one.id()]))?;
    judge::equal(&group, "/read_only", false)?;
    let id = judge::text(&group, "/id")?;
    let path = format!("{PATH}/{id}");
    let (rows, _) = admin.get(format!("{PATH}?q={mark}")).await?.list()?;
    judge::row(&rows, "/id", id.as_str())?;
    let me = one.get("/v1/me").await?.ok()?;
    let groups = judge::list(&me, "/groups")?;
    must(groups.contains(&json!(id)), || {
        format!("the own groups are {groups:?}")
    })?;
    let request = json!({"member_ids": [one.id(), other.id(), one.id()]});
    let group = admin.put(path.as_str(), request).await?.ok()?;
    judge::equal(&group, "/member_count", 2)?;
    judge::equal(&group, "/name", format!("Group {mark}"))?;
    let request = json!({"name": format!("Renamed {mark}")});
    let group = admin.put(path.as_str(), request).await?.ok()?;
    judge::equal(&group, "/member_count", 2)?;
    let shown = format!("/v1/directory/groups?q={mark}");
    let (rows, _) = one.get(shown.as_str()).await?.list()?;
    let row = judge::row(&rows, "/id", id.as_str())?;
    judge::equal(row, "/name", format!("Renamed {mark}"))?;
    admin.delete(path.as_str()).await?.done()?;
    let (rows, _) = one.get(shown.as_str()).await?.list()?;
    judge::no_row(&rows, "/id", id.as_str())?;
    let answer = admin.delete(path.as_str()).await?;
    answer.refused("SW_NOT_FOUND").map(drop)
}

async fn unknown(t: Trial) -> Verdict {
    let admin = t.admin()?;
    for id in [NO_ID, "nonsense"] {
        let path = format!("{PATH}/{id}");
        let request = json!({"name": "Renamed"});
        let answer = admin.put(path.as_str(), request).await?;
        answer.refused("SW_NOT_FOUND")?;
        admin.delete(path.as_str()).await?.refused("SW_NOT_FOUND")?;
    }
    let request = json!({"name": "Nobody", "member_ids": [NO_ID]});
    let answer = admin.post(PATH, request).await?;
    answer.refused("SW_NOT_FOUND").map(drop)
}

async fn invalid(t: Trial) -> Verdict {
    let admin = t.admin()?;
    for name in [String::new(), "x".repeat(101)] {
        let answer = admin.post(PATH, json!({"name": name})).await?;
        answer.invalid("body.name", None)?;
    }
    let many = vec![NO_ID; 1001];
    let request = json!({"name": "Many", "member_ids": many});
    let answer = admin.post(PATH, request).await?;
    answer.invalid("body.member_ids", Some("length"))
}

async fn not_admin(t: Trial) -> Verdict {
    let person = t.person().await?;
    let path = format!("{PATH}/{NO_ID}");
    for answer in [
        person.get(PATH).await?,
        person.post(PATH, json!({"name": "Mine"})).await?,
        person.put(path.as_str(), json!({"name": "Mine"})).await?,
        person.delete(path.as_str()).await?,
    ] {
        let error = answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION")?;
        judge::equal(&error, "/details/permission", "users.manage")?;
    }
    Ok(())
}
