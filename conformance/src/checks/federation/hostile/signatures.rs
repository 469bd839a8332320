//! The edges of request and event signatures: whatever two implementations could read differently is refused.

use super::super::stage::{Stage, message, rejected};
use super::order::in_case;
use super::{HEADS, answers_peer};
use crate::check::{Check, Stop, Verdict, federation};
use crate::peer::outgoing::Signed;
use crate::protocol::base64url;
use crate::protocol::event;
use crate::protocol::forged::{SmallOrder, non_canonical};
use crate::trial::Trial;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

const SECTION: &str = "federation identity, signatures";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "hostile/signature: parameters repeated, missing, superfluous or of another type are refused",
            parameters,
        ),
        federation(
            SECTION,
            "hostile/signature: components with parameters, written as tokens or not at all are refused",
            components,
        ),
        federation(
            SECTION,
            "hostile/signature: two header lines, two members or another label are refused",
            doubled,
        ),
        federation(
            SECTION,
            "hostile/signature: X-ScaiWave-Protocol in two lines gets SW_FED_PROTOCOL_VERSION",
            two_versions,
        ),
        federation(
            SECTION,
            "hostile/signature: a header over 2,048 bytes is refused",
            long_header,
        ),
        federation(
            SECTION,
            "hostile/signature: a digest by another algorithm alone is none, beside sha-256 it is passed over",
            digests,
        ),
        federation(
            SECTION,
            "hostile/signature: the ends of time are off by over 60 s, too",
            ends_of_time,
        ),
        federation(
            SECTION,
            "hostile/signature: S of L or more is refused, of a request and of an event",
            large_s,
        ),
        federation(
            SECTION,
            "hostile/signature: a log key of small order is none, and the old one goes on",
            small_order,
        ),
    ]
}

/// A way to write `Signature-Input`.
type Writes = fn(&str) -> String;

fn heads(t: &Trial) -> Result<Signed, Stop> {
    Ok(t.peer()?.request("GET", HEADS, None))
}

async fn refuses(t: &Trial, case: &str, request: Signed) -> Verdict {
    let answer = request.send(&t.stranger()).await?;
    answer
        .refused("SW_FED_SIGNATURE_MISMATCH")
        .map(drop)
        .map_err(|stop| in_case(case, stop))
}

async fn all_refused(t: &Trial, cases: &[(&str, Writes)]) -> Verdict {
    for (case, writes) in cases {
        let request = heads(t)?.manner(|manner| manner.rewrites_input = *writes);
        refuses(t, case, request).await?;
    }
    answers_peer(t, &t.peer()?).await
}

/// The input without a parameter.
fn lacks(input: &str, name: &str) -> String {
    let start = format!("{name}=");
    let parts = input.split(';').filter(|part| !part.starts_with(&start));
    parts.collect::<Vec<_>>().join(";")
}

async fn parameters(t: Trial) -> Verdict {
    let cases: [(&str, Writes); 17] = [
        ("no created", |input| lacks(input, "created")),
        ("no keyid", |input| lacks(input, "keyid")),
        ("no alg", |input| lacks(input, "alg")),
        ("no tag", |input| lacks(input, "tag")),
        ("created twice", |input| {
            input.replacen(";created", ";created=1;created", 1)
        }),
        ("keyid twice", |input| {
            input.replacen(";keyid", ";keyid=\"x\";keyid", 1)
        }),
        ("alg twice", |input| format!("{input};alg=\"ed25519\"")),
        ("tag twice", |input| {
            input.replacen(";tag", ";tag=\"x\";tag", 1)
        }),
        ("a nonce", |input| format!("{input};nonce=\"x\"")),
        ("expires", |input| format!("{input};expires=9999999999")),
        ("a flag", |input| format!("{input};x")),
        ("alg as a token", |input| {
            input.replace("\"ed25519\"", "ed25519")
        }),
        ("alg in upper case", |input| {
            input.replace("\"ed25519\"", "\"Ed25519\"")
        }),
        ("tag as a token", |input| {
            input.replace("\"scaiwave-federation-v1\"", "scaiwave-federation-v1")
        }),
        ("created as a decimal", |input| {
            input.replacen(";keyid", ".0;keyid", 1)
        }),
        ("created as a text", |input| {
            let text = input.replacen("created=", "created=\"", 1);
            text.replacen(";keyid", "\";keyid", 1)
        }),
        ("keyid of three parts", |input| {
            input.replacen("\";alg", "#x\";alg", 1)
        }),
    ];
    all_refused(&t, &cases).await
}

async fn components(t: Trial) -> Verdict {
    let cases: [(&str, Writes); 6] = [
        ("a parameter req", |input| {
            input.replacen("\"@method\"", "\"@method\";req", 1)
        }),
        ("a parameter sf", |input| {
            input.replacen("\"x-scaiwave-protocol\"", "\"x-scaiwave-protocol\";sf", 1)
        }),
        ("names as tokens", |input| {
            input.replacen("\"x-scaiwave-protocol\"", "x-scaiwave-protocol", 1)
        }),
        ("a name in upper case", |input| {
            input.replacen("\"x-scaiwave-protocol\"", "\"X-ScaiWave-Protocol\"", 1)
        }),
        ("a list in the list", |input| {
            input.replacen("\"@method\"", "(\"@method\")", 1)
        }),
        ("an item for the list", |input| {
            let after = input.split_once(')').map_or("", |(_, after)| after);
            format!("\"@method\"{after}")
        }),
    ];
    all_refused(&t, &cases).await?;
    let nothing = heads(&t)?.manner(|manner| manner.components.clear());
    refuses(&t, "nothing covered", nothing).await
}

async fn doubled(t: Trial) -> Verdict {
    for name in ["Signature", "Signature-Input"] {
        let case = format!("{name} in two lines");
        refuses(&t, &case, heads(&t)?.twice(name)).await?;
    }
    let body = json!({});
    let post = t.peer()?.request("POST", "/ephemeral", Some(&body));
    let post = post.twice("Content-Digest");
    refuses(&t, "Content-Digest in two lines", post).await?;
    let label = heads(&t)?.manner(|manner| manner.signature_label = "sig2");
    refuses(&t, "another label", label).await?;
    let cases: [(&str, Writes); 2] = [
        ("two members", |input| format!("{input}, sig2={input}")),
        ("the same label twice", |input| {
            format!("{input}, sig1={input}")
        }),
    ];
    all_refused(&t, &cases).await
}

async fn two_versions(t: Trial) -> Verdict {
    let request = heads(&t)?.twice("X-ScaiWave-Protocol");
    let answer = request.send(&t.stranger()).await?;
    answer.refused("SW_FED_PROTOCOL_VERSION").map(drop)
}

async fn long_header(t: Trial) -> Verdict {
    let cases: [(&str, Writes); 1] = [("2,048 blanks in the list", |input| {
        input.replacen(" ", &" ".repeat(2_048), 1)
    })];
    all_refused(&t, &cases).await
}

async fn digests(t: Trial) -> Verdict {
    let body = json!({});
    let post = || {
        t.peer()
            .map(|peer| peer.request("POST", "/ephemeral", Some(&body)))
    };
    let other = post()?.manner(|manner| {
        manner.rewrites_digest = |digest| digest.replace("sha-256", "sha-512");
    });
    refuses(&t, "sha-512 alone", other).await?;
    let two = post()?.manner(|manner| {
        manner.rewrites_digest = |digest| format!("{digest}, {digest}x");
    });
    refuses(&t, "no dictionary", two).await?;
    let beside = post()?.manner(|manner| {
        manner.rewrites_digest = |digest| format!("sha-512=:AAAA:, {digest}");
    });
    let answer = beside.send(&t.stranger()).await?;
    super::super::stage::body(&answer).map(drop)
}

async fn ends_of_time(t: Trial) -> Verdict {
    for created in [
        0,
        -1,
        -999_999_999_999_999,
        999_999_999_999_999,
        i64::MAX,
        i64::MIN,
    ] {
        let request = heads(&t)?.manner(|manner| manner.created = created);
        refuses(&t, &format!("created={created}"), request).await?;
    }
    answers_peer(&t, &t.peer()?).await
}

async fn large_s(t: Trial) -> Verdict {
    let request = heads(&t)?.manner(|manner| manner.rewrites_signature = non_canonical);
    refuses(&t, "S of a request", request).await?;
    let stage = Stage::open(&t).await?;
    let mut event = stage.compose("swp.room.message", message("x"));
    let right = URL_SAFE_NO_PAD.decode(event["signature"].as_str().unwrap_or(""));
    let right = right.ok().and_then(|raw| <[u8; 64]>::try_from(raw).ok());
    event["signature"] = json!(base64url(&non_canonical(right.unwrap_or([0; 64]))));
    rejected(
        &stage.send_one(&event).await?,
        "SW_FED_SIGNATURE_MISMATCH",
        false,
    )?;
    stage.says("the log goes on").await.map(drop)
}

async fn small_order(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let weak = SmallOrder::neutral();
    let mut draft = stage.draft(
        "swp.log.key",
        json!({"key_id": weak.key_id(), "public_key": weak.public_key()}),
    );
    draft.sender = json!(null);
    let event = stage.append_draft(&draft);
    stage.send_one(&event).await?;
    let mut forged = stage.compose("swp.room.message", message("anybody could say that"));
    event::sign(&mut forged, stage.peer.key());
    forged["key_id"] = json!(weak.key_id());
    forged["signature"] = json!(weak.sign());
    rejected(
        &stage.send_one(&forged).await?,
        "SW_FED_SIGNATURE_MISMATCH",
        false,
    )?;
    stage.says("under the old key").await.map(drop)
}
