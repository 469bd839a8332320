//! Bodies that are too large, too deep or no JSON, at every endpoint between servers.

use serde_json::{Value, json};

use super::order::in_case;
use super::{NOWHERE, answers_peer, goes_on};
use crate::check::{Check, Verdict, federation};
use crate::peer::mischief::bomb;
use crate::protocol::key::Key;
use crate::trial::Trial;

const SECTION: &str = "federation checks (check 1), canonical form, limits";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "hostile/bodies: what is not strict JSON gets SW_VALIDATION_ERROR at every endpoint",
            malformed,
        ),
        federation(
            SECTION,
            "hostile/bodies: over 1 MiB gets SW_CONTENT_TOO_LARGE at every endpoint, signed or not",
            oversized,
        ),
        federation(
            SECTION,
            "hostile/bodies: deeper than 64 levels, or half a million, gets SW_VALIDATION_ERROR",
            deep,
        ),
        federation(
            SECTION,
            "hostile/bodies: a compressed body is not unpacked: SW_VALIDATION_ERROR",
            compressed,
        ),
        federation(
            SECTION,
            "hostile/bodies: a request without body that has one gets SW_VALIDATION_ERROR",
            superfluous,
        ),
    ]
}

fn posts() -> Vec<String> {
    vec![
        "/send".to_owned(),
        "/invite".to_owned(),
        "/ephemeral".to_owned(),
        format!("/rooms/{NOWHERE}/join"),
        format!("/rooms/{NOWHERE}/request"),
    ]
}

fn gets() -> Vec<String> {
    vec![
        format!("/rooms/{NOWHERE}/heads"),
        format!("/rooms/{NOWHERE}/backfill?origin=b.example&epoch=1&after_seq=0"),
        format!("/rooms/{NOWHERE}/state"),
        format!("/rooms/{NOWHERE}/members"),
        "/profile/nobody".to_owned(),
        "/directory?q=nobody".to_owned(),
    ]
}

/// Each of these is refused with this code at each path.
async fn all_refused(
    t: &Trial,
    method: &str,
    paths: &[String],
    bodies: &[(&str, Vec<u8>)],
    code: &str,
) -> Verdict {
    let peer = t.peer()?;
    for path in paths {
        for (name, body) in bodies {
            let request = peer.request_raw(method, path, body.clone());
            let answer = request.send(&t.stranger()).await?;
            answer
                .refused(code)
                .map_err(|stop| in_case(&format!("{method} {path} with {name}"), stop))?;
        }
    }
    answers_peer(t, &peer).await
}

async fn malformed(t: Trial) -> Verdict {
    let bodies: Vec<(&str, Vec<u8>)> = [
        ("an open brace", &b"{"[..]),
        ("a text that ends too early", b"{\"a\": \"b"),
        ("a list", b"[]"),
        ("null", b"null"),
        ("a bare number", b"1"),
        ("white space", b" \n"),
        ("two values", b"{} {}"),
        ("a byte order mark", b"\xef\xbb\xbf{}"),
        ("UTF-16", b"{\0}\0"),
        ("bytes that are no UTF-8", b"{\"a\": \"\xff\"}"),
        ("an overlong encoding", b"{\"a\": \"\xc0\xaf\"}"),
        ("half a surrogate pair", b"{\"a\": \"\\ud800\"}"),
        ("U+0000", b"{\"a\": \"\\u0000\"}"),
        ("a key that stands twice", b"{\"a\": 1, \"\\u0061\": 2}"),
        ("2^53", b"{\"a\": 9007199254740992}"),
        ("an infinite number", b"{\"a\": 1e400}"),
        ("a leading zero", b"{\"a\": 01}"),
        ("a word that is none", b"{\"a\": NaN}"),
        ("a comment", b"{/* */}"),
        ("a comma too much", b"{\"a\": 1,}"),
    ]
    .into_iter()
    .map(|(name, body)| (name, body.to_vec()))
    .collect();
    all_refused(&t, "POST", &posts(), &bodies, "SW_VALIDATION_ERROR").await
}

async fn oversized(t: Trial) -> Verdict {
    let filled = json!({"filling": "x".repeat(1 << 20)}).to_string();
    let blank = " ".repeat((1 << 20) + 1);
    let bodies = [
        ("a text of 1 MiB", filled.clone().into_bytes()),
        ("white space beyond 1 MiB", blank.into_bytes()),
    ];
    all_refused(&t, "POST", &posts(), &bodies, "SW_CONTENT_TOO_LARGE").await?;
    for path in posts() {
        let request = t
            .peer()?
            .request_raw("POST", &path, filled.clone().into_bytes());
        let answer = request.with_key(Key::random()).send(&t.stranger()).await?;
        answer.refused("SW_CONTENT_TOO_LARGE")?;
    }
    goes_on(&t).await
}

/// An object of so many levels, itself the first.
fn nested(levels: usize) -> Vec<u8> {
    let inner = levels.saturating_sub(1);
    format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner)).into_bytes()
}

async fn deep(t: Trial) -> Verdict {
    let bodies = [
        ("65 levels", nested(65)),
        ("500,000 levels", nested(500_000)),
        ("lists that are never closed", vec![b'['; 1_000_000]),
        (
            "objects that are never closed",
            b"{\"a\":".repeat(200_000).clone(),
        ),
    ];
    all_refused(&t, "POST", &posts(), &bodies, "SW_VALIDATION_ERROR").await?;
    // Unknown lists are passed over, and 64 levels are allowed.
    let request = t.peer()?.request_raw("POST", "/ephemeral", nested(64));
    let answer = request.send(&t.stranger()).await?;
    super::super::stage::body(&answer)?;
    goes_on(&t).await
}

async fn compressed(t: Trial) -> Verdict {
    let peer = t.peer()?;
    for path in posts() {
        let request = peer.request_raw("POST", &path, bomb());
        let request = request.header("Content-Encoding", "gzip");
        let answer = request.send(&t.stranger()).await?;
        answer.refused("SW_VALIDATION_ERROR")?;
    }
    goes_on(&t).await
}

async fn superfluous(t: Trial) -> Verdict {
    let empty: Value = json!({});
    let bodies = [
        ("an object", empty.to_string().into_bytes()),
        ("no JSON", b"x".to_vec()),
    ];
    all_refused(&t, "GET", &gets(), &bodies, "SW_VALIDATION_ERROR").await
}
