//! `GET` and `PUT /v1/me`.

use serde_json::{Value, json};

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 3";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "me/profile: GET has every field", fields),
        client(
            SECTION,
            "me/profile: the FQID is @local_id:server_name",
            fqid,
        ),
        client(
            SECTION,
            "me/profile: PUT changes only what is given and answers as GET",
            merge,
        ),
        client(
            SECTION,
            "me/profile: null takes back what the user set",
            null_resets,
        ),
        client(
            SECTION,
            "me/profile: display_name has 1 to 100 characters, bio at most 2000",
            lengths,
        ),
        client(
            SECTION,
            "me/profile: avatar_url is https or a media download",
            avatar_forms,
        ),
        client(
            SECTION,
            "me/profile: a change reaches those who share a room, live",
            updated_frame,
        ),
        client(
            SECTION,
            "me/profile: a change reaches the own devices, live",
            own_frame,
        ),
    ]
}

async fn fields(t: Trial) -> Verdict {
    let person = t.person().await?;
    let me = person.get("/v1/me").await?.ok()?;
    shape("me", &me, shapes::ME)
}

async fn fqid(t: Trial) -> Verdict {
    let person = t.person().await?;
    let me = person.get("/v1/me").await?.ok()?;
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    let server_name = judge::text(&config, "/server_name")?;
    let local_id = judge::text(&me, "/local_id")?;
    judge::equal(&me, "/fqid", format!("@{local_id}:{server_name}"))
}

async fn merge(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let changed = person
        .put("/v1/me", json!({"display_name": "Zoë 🦀", "bio": "Hello"}))
        .await?
        .ok()?;
    shape("me", &changed, shapes::ME)?;
    judge::equal(&changed, "/display_name", "Zoë 🦀")?;
    let changed = person
        .put("/v1/me", json!({"bio": "Changed"}))
        .await?
        .ok()?;
    judge::equal(&changed, "/display_name", "Zoë 🦀")?;
    judge::equal(&changed, "/bio", "Changed")?;
    let me = person.get("/v1/me").await?.ok()?;
    must(
        me["display_name"] == changed["display_name"] && me["bio"] == changed["bio"],
        || format!("GET says {me}"),
    )
}

async fn null_resets(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let before = person.get("/v1/me").await?.ok()?;
    person
        .put("/v1/me", json!({"display_name": "Else", "bio": "x"}))
        .await?
        .ok()?;
    let after = person
        .put("/v1/me", json!({"display_name": null, "bio": null}))
        .await?
        .ok()?;
    judge::equal(&after, "/display_name", before["display_name"].clone())?;
    judge::equal(&after, "/bio", Value::Null)
}

async fn lengths(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    for (field, value) in [
        ("display_name", String::new()),
        ("display_name", "x".repeat(101)),
        ("bio", "x".repeat(2001)),
    ] {
        let answer = person.put("/v1/me", json!({field: value})).await?;
        answer.invalid(&format!("body.{field}"), Some("length"))?;
    }
    let request = json!({"display_name": "é".repeat(100), "bio": "é".repeat(2000)});
    person.put("/v1/me", request).await?.ok().map(drop)
}

async fn avatar_forms(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    for url in [
        "http://pictures.example/a.png",
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "a.png",
    ] {
        let answer = person.put("/v1/me", json!({"avatar_url": url})).await?;
        answer.invalid("body.avatar_url", None)?;
    }
    let url = "https://pictures.example/a.png";
    let me = person
        .put("/v1/me", json!({"avatar_url": url}))
        .await?
        .ok()?;
    judge::equal(&me, "/avatar_url", url)
}

async fn updated_frame(t: Trial) -> Verdict {
    let (changing, viewer) = (t.newcomer().await?, t.person().await?);
    viewer.group_with(&[&changing]).await?;
    let socket = viewer.listens().await?;
    changing
        .put("/v1/me", json!({"display_name": "New name"}))
        .await?
        .ok()?;
    let frame = socket
        .wait("swp.participant.updated", |frame| {
            frame["type"] == "swp.participant.updated"
                && frame["participant"]["id"] == changing.id()
        })
        .await?;
    shape("frame", &frame, "type str, tenant_id id, ts time, id id")?;
    shape("participant", &frame["participant"], shapes::PARTICIPANT)?;
    judge::equal(&frame, "/participant/display_name", "New name")
}

async fn own_frame(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let socket = person.listens().await?;
    person
        .put("/v1/me", json!({"bio": "New bio"}))
        .await?
        .ok()?;
    let frame = socket
        .wait("swp.me.updated", |frame| frame["type"] == "swp.me.updated")
        .await?;
    judge::equal(&frame, "/what", "profile")
}
