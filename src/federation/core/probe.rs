//! What the answer to a signed probe says about the way to a server. Pure.
//!
//! The probe asks for a profile that nobody has, with a path and a query that a proxy which decodes or rewrites them changes:
//! whoever gets as far as "there is no such participant" has verified the signature over everything as it was sent.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::catalogue::Code;

/// What the probe asks for, below the protocol's base path.
pub const PROBE: &str = "/profile/%40nobody.here?x=a%2Fb";

/// Where the probe was sent to.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// `Host`.
    pub authority: &'a str,
    /// The path as on the wire.
    pub path: &'a str,
    /// The query as on the wire.
    pub query: &'a str,
    /// Whether the server asks itself, so that its key and its policy are no question.
    pub is_own: bool,
}

/// What is wrong with the way, or with what waits at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// For people: what happened, and what to do.
    pub message: String,
    /// For programs: what was sent and what arrived, where the receiver tells.
    pub details: Option<Value>,
}

impl Finding {
    /// A finding without details.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            details: None,
        }
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: RefusalError,
}

/// What is said of a person.
#[derive(Deserialize)]
struct Profile {
    #[serde(rename = "profile")]
    _profile: Map<String, Value>,
}

#[derive(Deserialize)]
struct RefusalError {
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    details: Value,
}

/// Longest part of another server's words that is repeated.
const MAX_REPEATED_CHARS: usize = 300;

/// Judges the answer to the probe.
///
/// # Errors
/// What is wrong.
pub fn judge(sent: Sent<'_>, status: u16, body: &[u8]) -> Result<(), Finding> {
    let Ok(Refusal { error }) = serde_json::from_slice::<Refusal>(body) else {
        // Somebody may really be called as the probe asks.
        let is_profile = serde_json::from_slice::<Profile>(body).is_ok();
        return match status {
            200 if is_profile => Ok(()),
            _ => Err(Finding::new(format!(
                "it answered {status} without an error of this protocol: something before the server answered, or the paths \
                 below /_scaiwave are not passed on to it"
            ))),
        };
    };
    let is = |code: Code| error.code == code.as_str();
    let said = repeated(&error.message);
    if is(Code::NotFound) {
        return Ok(());
    }
    if is(Code::FedSignatureMismatch) {
        return Err(mismatch(sent, &error.details, &said));
    }
    if is(Code::FedPeerUnknown) {
        return Err(Finding::new(
            "it does not federate with this server: its admin has to allow this server's name in the policy there",
        ));
    }
    if is(Code::FedRefused) {
        return Err(Finding::new(match sent.is_own {
            true => "federation is turned off here: default_mode of the policy is closed",
            false => "federation is turned off there",
        }));
    }
    Err(Finding::new(format!("it answered {status}: {said}")))
}

/// The signature was refused: because of what arrived, the clock or the key.
fn mismatch(sent: Sent<'_>, details: &Value, said: &str) -> Finding {
    let arrived = |name: &str| details.get(name).and_then(Value::as_str);
    let mut rewritten = Vec::new();
    for (name, what, sent, hint) in [
        (
            "authority",
            "host",
            sent.authority,
            "nginx: proxy_set_header Host $http_host;",
        ),
        (
            "path",
            "path",
            sent.path,
            "nginx: proxy_pass http://ADDRESS; with nothing after the address, not even a slash",
        ),
        ("query", "query", sent.query, "it must pass as it is"),
    ] {
        if let Some(arrived) = arrived(name).filter(|arrived| *arrived != sent) {
            rewritten.push(format!(
                "a proxy rewrites the {what}: {sent:?} was sent, {:?} arrived ({hint})",
                repeated(arrived)
            ));
        }
    }
    let clock = details.get("created").and_then(Value::as_i64);
    let clock = clock.zip(details.get("now").and_then(Value::as_i64));
    let message = match clock {
        _ if !rewritten.is_empty() => rewritten.join("; "),
        Some((created, now)) => format!(
            "the clocks differ by {} s: set both by a time server",
            created.saturating_sub(now)
        ),
        None if sent.is_own => format!("it does not believe its own signature: {said}"),
        None => format!(
            "it does not believe this server's signature: {said}. Check this server, too: others fetch its key by its name"
        ),
    };
    let received: Value = ["method", "authority", "path", "query", "created", "now"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), details.get(name)?.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into();
    Finding {
        message,
        details: Some(json!({
            "sent": { "method": "GET", "authority": sent.authority, "path": sent.path, "query": sent.query },
            "received": received,
        })),
    }
}

/// Another server's words: bounded, and without what could steer a terminal.
fn repeated(text: &str) -> String {
    text.chars()
        .take(MAX_REPEATED_CHARS)
        .map(|character| match character.is_control() {
            true => ' ',
            false => character,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Sent<'_> = Sent {
        authority: "a.example",
        path: "/_scaiwave/federation/v1/profile/%40nobody.here",
        query: "x=a%2Fb",
        is_own: true,
    };

    fn refused(status: u16, code: &str, details: Value) -> Finding {
        let body = json!({"error": {"code": code, "message": "because", "details": details}});
        judge(SENT, status, body.to_string().as_bytes()).unwrap_err()
    }

    fn arrived(authority: &str, path: &str, query: &str) -> Value {
        json!({"method": "GET", "authority": authority, "path": path, "query": query})
    }

    #[test]
    fn who_finds_nobody_has_verified_the_signature() {
        let nobody = json!({"error": {"code": "SW_NOT_FOUND", "message": "none"}}).to_string();
        assert_eq!(judge(SENT, 404, nobody.as_bytes()), Ok(()));
        let somebody = br#"{"profile": {"fqid": "@nobody.here:a.example"}, "key": {}}"#;
        assert_eq!(judge(SENT, 200, somebody), Ok(()));
        for (status, body) in [
            (404, "<html>"),
            (502, ""),
            (404, "{}"),
            (200, "<html>"),
            (200, "{}"),
        ] {
            let finding = judge(SENT, status, body.as_bytes()).unwrap_err();
            assert!(finding.message.contains("/_scaiwave"), "{finding:?}");
        }
    }

    #[test]
    fn what_a_proxy_rewrites_is_named_with_what_was_sent_and_what_arrived() {
        let (code, decoded) = ("SW_FED_SIGNATURE_MISMATCH", SENT.path.replace("%40", "@"));
        let path = refused(401, code, arrived("a.example", &decoded, "x=a%2Fb"));
        assert!(
            path.message.contains("a proxy rewrites the path"),
            "{path:?}"
        );
        assert!(!path.message.contains("host:"), "{path:?}");
        let details = path.details.unwrap();
        assert_eq!(details["sent"]["path"], SENT.path);
        assert_eq!(details["received"]["path"], decoded);

        let host = refused(401, code, arrived("up:8000", SENT.path, "x=a%2Fb"));
        assert!(
            host.message.contains("a proxy rewrites the host"),
            "{host:?}"
        );
        assert!(host.message.contains("up:8000"));
        let query = refused(401, code, arrived("a.example", SENT.path, "x=a/b"));
        assert!(
            query.message.contains("a proxy rewrites the query"),
            "{query:?}"
        );
    }

    #[test]
    fn clocks_keys_and_policies_are_told_apart() {
        let code = "SW_FED_SIGNATURE_MISMATCH";
        let mut details = arrived(SENT.authority, SENT.path, SENT.query);
        let key = refused(401, code, details.clone());
        assert!(key.message.contains("because"), "{key:?}");
        details["created"] = json!(1_000);
        details["now"] = json!(700);
        assert!(refused(401, code, details).message.contains("300 s"));
        let closed = refused(403, "SW_FED_REFUSED", Value::Null);
        assert!(closed.message.contains("default_mode"));
        let unknown = refused(403, "SW_FED_PEER_UNKNOWN", Value::Null);
        assert!(unknown.message.contains("allow"));
        let busy = refused(429, "SW_RATE_LIMIT_EXCEEDED", Value::Null);
        assert!(busy.message.contains("429"));
    }

    #[test]
    fn another_server_s_words_are_bounded_and_harmless() {
        let finding = refused(500, "SW_X\u{1b}", Value::Null);
        assert!(finding.details.is_none());
        let text = repeated(&format!("\u{1b}[2J{}", "x".repeat(10_000)));
        assert_eq!(text.chars().count(), MAX_REPEATED_CHARS);
        assert!(!text.contains('\u{1b}'));
    }
}
