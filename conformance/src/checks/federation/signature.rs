//! Request signatures: what is lawful in many forms, and each thing that makes one wrong.

use super::stage::{Stage, body, message};
use crate::check::{Check, Verdict, federation};
use crate::clock;
use crate::judge::{self, must};
use crate::peer::outgoing::Signed;
use crate::protocol::key::Key;
use crate::trial::Trial;

const SECTION: &str = "federation 4, request signatures";
const HEADS: &str = "/rooms/00000000-0000-8000-8000-000000000000/heads";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "signature/lawful: components and parameters may stand in any order",
            any_order,
        ),
        federation(
            SECTION,
            "signature/lawful: a query is covered as it is on the wire",
            query,
        ),
        federation(
            SECTION,
            "signature/lawful: a clock that is off by less than 60 s is fine",
            small_skew,
        ),
        federation(
            SECTION,
            "signature/refused: another method, path, query or authority than was signed",
            other_target,
        ),
        federation(
            SECTION,
            "signature/refused: another body than was signed",
            other_body,
        ),
        federation(
            SECTION,
            "signature/refused: a body without Content-Digest, or with a wrong one",
            digest,
        ),
        federation(
            SECTION,
            "signature/refused: a component that is not covered",
            uncovered,
        ),
        federation(
            SECTION,
            "signature/refused: a component beyond the lawful ones",
            extra_component,
        ),
        federation(
            SECTION,
            "signature/refused: another tag or algorithm",
            tag_and_algorithm,
        ),
        federation(
            SECTION,
            "signature/refused: a clock that is off by over 60 s, and the refusal names both times",
            large_skew,
        ),
        federation(
            SECTION,
            "signature/refused: a key that the server does not have",
            unknown_key,
        ),
        federation(
            SECTION,
            "signature/refused: no signature, no input, no readable keyid",
            missing,
        ),
        federation(
            SECTION,
            "signature/refused: the refusal shows the path as received",
            shows_target,
        ),
        federation(
            SECTION,
            "signature/replay: the same request again changes nothing",
            replay,
        ),
    ]
}

/// A signature that is taken gets as far as the room, which does not exist.
async fn passes(t: &Trial, request: Signed) -> Verdict {
    request
        .send(&t.stranger())
        .await?
        .refused("SW_ROOM_NOT_FOUND")
        .map(drop)
}

async fn refuses(t: &Trial, request: Signed) -> Verdict {
    request
        .send(&t.stranger())
        .await?
        .refused("SW_FED_SIGNATURE_MISMATCH")
        .map(drop)
}

async fn any_order(t: Trial) -> Verdict {
    let request = t.peer()?.request("GET", HEADS, None);
    passes(&t, request).await?;
    let request = t.peer()?.request("GET", HEADS, None).manner(|manner| {
        manner.components.reverse();
        manner.parameters_reversed = true;
    });
    passes(&t, request).await
}

async fn query(t: Trial) -> Verdict {
    let path = "/rooms/00000000-0000-8000-8000-000000000000/backfill?origin=a%2Eb&epoch=1&after_seq=0&limit=5";
    let request = t.peer()?.request("GET", path, None);
    passes(&t, request).await
}

async fn small_skew(t: Trial) -> Verdict {
    for skew in [-50, 50] {
        let request = t.peer()?.request("GET", HEADS, None);
        passes(&t, request.manner(|manner| manner.created += skew)).await?;
    }
    Ok(())
}

async fn other_target(t: Trial) -> Verdict {
    let peer = t.peer()?;
    let heads = || peer.request("GET", HEADS, None);
    refuses(
        &t,
        heads()
            .signs(|target| target.path.push('x'))
            .sends_to(HEADS),
    )
    .await?;
    refuses(&t, heads().sends_to(&format!("{HEADS}?x=1"))).await?;
    let state = HEADS.replace("heads", "state");
    refuses(&t, heads().sends_to(&state)).await?;
    let authority = "other.invalid".to_owned();
    refuses(&t, heads().signs(|target| target.authority = authority)).await
}

async fn other_body(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let event = stage.compose("swp.room.message", message("x"));
    let request = stage.peer.request("POST", "/send", Some(&event));
    // One space more is another body.
    let request = request.sends_body(format!("{event} "));
    refuses(&t, request).await
}

async fn digest(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let event = stage.compose("swp.room.message", message("x"));
    let send = || stage.peer.request("POST", "/send", Some(&event));
    refuses(&t, send().without("Content-Digest")).await?;
    let wrong = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:";
    refuses(&t, send().header("Content-Digest", wrong)).await?;
    let uncovered =
        send().manner(|manner| manner.components.retain(|name| name != "content-digest"));
    refuses(&t, uncovered).await
}

async fn uncovered(t: Trial) -> Verdict {
    for left_out in [
        "@method",
        "@authority",
        "@path",
        "@query",
        "x-scaiwave-protocol",
    ] {
        let request = t.peer()?.request("GET", HEADS, None);
        let request = request.manner(|manner| manner.components.retain(|name| name != left_out));
        refuses(&t, request).await?;
    }
    Ok(())
}

async fn extra_component(t: Trial) -> Verdict {
    for extra in ["@method", "x-request-id", "@target-uri"] {
        let request = t.peer()?.request("GET", HEADS, None);
        let request = request.manner(|manner| manner.components.push(extra.to_owned()));
        refuses(&t, request).await?;
    }
    Ok(())
}

async fn tag_and_algorithm(t: Trial) -> Verdict {
    let heads = || t.peer().map(|peer| peer.request("GET", HEADS, None));
    refuses(
        &t,
        heads()?.manner(|manner| manner.tag = "other".to_owned()),
    )
    .await?;
    refuses(
        &t,
        heads()?.manner(|manner| manner.alg = "hmac-sha256".to_owned()),
    )
    .await
}

async fn large_skew(t: Trial) -> Verdict {
    for skew in [-90, 90] {
        let created = clock::now_ms() / 1000 + skew;
        let request = t.peer()?.request("GET", HEADS, None);
        let answer = request
            .manner(|manner| manner.created = created)
            .send(&t.stranger())
            .await?;
        answer.refused("SW_FED_SIGNATURE_MISMATCH")?;
        must(answer.text.contains(&created.to_string()), || {
            format!("the refusal does not name {created}, when the request says it was made")
        })?;
    }
    Ok(())
}

async fn unknown_key(t: Trial) -> Verdict {
    let key = Key::random();
    let peer = t.peer()?;
    let request = peer.request("GET", HEADS, None);
    let id = format!("{}#{}", peer.name(), key.key_id());
    refuses(
        &t,
        request.with_key(key).manner(|manner| manner.key_id = id),
    )
    .await
}

async fn missing(t: Trial) -> Verdict {
    let heads = || t.peer().map(|peer| peer.request("GET", HEADS, None));
    refuses(&t, heads()?.without("Signature")).await?;
    refuses(&t, heads()?.without("Signature-Input")).await?;
    refuses(&t, heads()?.header("Signature-Input", "nonsense")).await?;
    refuses(
        &t,
        heads()?.manner(|manner| manner.key_id = "no-hash-sign".to_owned()),
    )
    .await
}

async fn shows_target(t: Trial) -> Verdict {
    let request = t.peer()?.request("GET", &format!("{HEADS}?x=a%2Fb"), None);
    let answer = request.with_key(Key::random()).send(&t.stranger()).await?;
    let error = answer.refused("SW_FED_SIGNATURE_MISMATCH")?;
    let details = error["details"].to_string();
    for part in [HEADS, "x=a%2Fb", t.peer()?.subject_name()] {
        must(details.contains(part), || {
            format!("details lack {part:?}: {details}")
        })?;
    }
    Ok(())
}

async fn replay(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let event = stage.append_message("once");
    let first = stage.send_one(&event).await?;
    judge::equal(&first, "/status", "accepted")?;
    let again = stage
        .peer
        .request("POST", "/send", Some(&event))
        .send(&t.stranger())
        .await?;
    judge::equal(&body(&again)?, "/results/0/status", "duplicate")?;
    let shown = stage.shown(&event, |_| true).await?;
    let history = stage.room.history(&stage.owner).await?;
    let count = history
        .iter()
        .filter(|row| row["id"] == shown["id"])
        .count();
    must(count == 1, || format!("it is shown {count} times"))
}
