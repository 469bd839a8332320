//! `GET /v1/profiles/{participant_id}`.

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 3";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "profiles/get: by id it has every field, and never the e-mail",
            by_id,
        ),
        client(SECTION, "profiles/get: by FQID it is the same", by_fqid),
        client(
            SECTION,
            "profiles/get: an unknown id, FQID or a malformed one gets SW_NOT_FOUND",
            unknown,
        ),
    ]
}

async fn by_id(t: Trial) -> Verdict {
    let [viewer, other] = t.people().await?;
    let profile = viewer
        .get(format!("/v1/profiles/{}", other.id()))
        .await?
        .ok()?;
    shape("profile", &profile, shapes::PARTICIPANT)?;
    shape("profile", &profile, "bio str~, presence str")?;
    judge::equal(&profile, "/id", other.id())?;
    judge::equal(&profile, "/fqid", other.fqid())?;
    judge::equal(&profile, "/participant_type", "human")?;
    judge::equal(&profile, "/suspended", false)?;
    must(profile.get("email").is_none(), || {
        "the e-mail is shown".to_owned()
    })
}

async fn by_fqid(t: Trial) -> Verdict {
    let [viewer, other] = t.people().await?;
    let path = format!(
        "/v1/profiles/{}",
        other.fqid().replace('@', "%40").replace(':', "%3A")
    );
    let profile = viewer.get(path).await?.ok()?;
    judge::equal(&profile, "/id", other.id())
}

async fn unknown(t: Trial) -> Verdict {
    let viewer = t.person().await?;
    let server_name = viewer
        .fqid()
        .split_once(':')
        .map_or("", |(_, name)| name)
        .to_owned();
    for name in [
        "00000000-0000-8000-8000-000000000000",
        "not-an-id",
        &format!("%40nobody-has-this-name:{server_name}"),
    ] {
        let answer = viewer.get(format!("/v1/profiles/{name}")).await?;
        answer.refused("SW_NOT_FOUND")?;
    }
    Ok(())
}
