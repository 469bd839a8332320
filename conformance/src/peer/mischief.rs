//! What a hostile peer answers: for requests that a check chooses, and only as long as the check holds the [`Mischief`].
//!
//! Every kind is something that a server must survive by itself: it may not follow, unpack, collect or wait without a bound.
//! What was handed out is counted, so that a check can tell how much the server under test took.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures::{Stream, stream};
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;

use super::Peer;
use super::received::{Received, json_response};

/// After so many bytes even an endless answer ends: a server that took them all has no bound.
const ENOUGH: u64 = 256 << 20;
/// What one piece of an endless answer has.
const PIECE: usize = 64 << 10;

/// One way not to answer as a peer should.
#[derive(Clone, Debug)]
pub enum Ill {
    /// White space without end, as JSON.
    Endless,
    /// White space without end, whose stated length is small enough to be believed nowhere: 2^40 bytes.
    StatedHuge,
    /// A few kilobytes that say they unpack to many megabytes.
    Bomb,
    /// A byte a second.
    Trickle,
    /// Nothing at all.
    Silent,
    /// 307 to this place.
    Redirect(String),
    /// A page for people.
    Page,
    /// Some thousand headers.
    ManyHeaders,
    /// One header of a megabyte.
    LongHeader,
    /// This text, as JSON.
    Text(String),
    /// This value.
    Json(Value),
}

/// Holds the peer to its mischief; it answers as it should once this is dropped.
pub struct Mischief {
    peer: Peer,
    rule: Arc<Rule>,
}

/// Which requests are answered how.
pub(super) struct Rule {
    fits: Box<dyn Fn(&Received) -> bool + Send + Sync>,
    ill: Ill,
    times: AtomicU64,
    bytes: Arc<AtomicU64>,
    is_open: Arc<AtomicBool>,
}

impl Mischief {
    /// How often the peer was asked what it answers like that.
    pub fn times(&self) -> u64 {
        self.rule.times.load(Ordering::SeqCst)
    }

    /// How many bytes of a body without end were handed out.
    pub fn bytes(&self) -> u64 {
        self.rule.bytes.load(Ordering::SeqCst)
    }

    /// Whether the last body without end is still being taken.
    pub fn is_open(&self) -> bool {
        self.rule.is_open.load(Ordering::SeqCst)
    }
}

impl Drop for Mischief {
    fn drop(&mut self) {
        self.peer
            .rules()
            .retain(|rule| !Arc::ptr_eq(rule, &self.rule));
    }
}

impl Peer {
    /// Answers ill what fits, instead of as it should.
    pub fn misbehaves(
        &self,
        ill: Ill,
        fits: impl Fn(&Received) -> bool + Send + Sync + 'static,
    ) -> Mischief {
        let rule = Arc::new(Rule {
            fits: Box::new(fits),
            ill,
            times: AtomicU64::new(0),
            bytes: Arc::default(),
            is_open: Arc::default(),
        });
        self.rules().push(rule.clone());
        Mischief {
            peer: self.clone(),
            rule,
        }
    }

    /// The rule for a request, if there is one.
    pub(super) fn rule_for(&self, request: &Received) -> Option<Arc<Rule>> {
        let rules = self.rules();
        rules.iter().find(|rule| (rule.fits)(request)).cloned()
    }
}

impl Rule {
    /// The answer.
    pub(super) async fn answer(&self) -> Response {
        self.times.fetch_add(1, Ordering::SeqCst);
        match &self.ill {
            Ill::Endless => body(Body::from_stream(self.endless()), &[]),
            Ill::StatedHuge => body(
                Body::from_stream(self.endless()),
                &[("content-length", "1099511627776")],
            ),
            Ill::Bomb => body(Body::from(bomb()), &[("content-encoding", "gzip")]),
            Ill::Trickle => body(Body::from_stream(self.trickle()), &[]),
            Ill::Silent => std::future::pending().await,
            Ill::Redirect(to) => {
                let to = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, to)], "").into_response()
            }
            Ill::Page => (
                [(header::CONTENT_TYPE, "text/html")],
                "<html><body>It works!</body></html>",
            )
                .into_response(),
            Ill::ManyHeaders => {
                let names: Vec<String> = (0..2_000).map(|number| format!("x-{number}")).collect();
                let headers: Vec<(&str, &str)> =
                    names.iter().map(|name| (name.as_str(), "x")).collect();
                body(Body::from("{}"), &headers)
            }
            Ill::LongHeader => body(Body::from("{}"), &[("x-long", &"x".repeat(1 << 20))]),
            Ill::Text(text) => body(Body::from(text.clone()), &[]),
            Ill::Json(value) => json_response(value),
        }
    }

    fn endless(&self) -> impl Stream<Item = Result<Bytes, std::io::Error>> + use<> {
        let (bytes, open) = (self.bytes.clone(), Open::new(&self.is_open));
        stream::unfold((bytes, open), |(bytes, open)| async move {
            let given = bytes.fetch_add(PIECE as u64, Ordering::SeqCst);
            let piece = Bytes::from(vec![b' '; PIECE]);
            (given < ENOUGH).then_some((Ok(piece), (bytes, open)))
        })
    }

    fn trickle(&self) -> impl Stream<Item = Result<Bytes, std::io::Error>> + use<> {
        let (bytes, open) = (self.bytes.clone(), Open::new(&self.is_open));
        let ticks = tokio::time::interval(Duration::from_secs(1));
        stream::unfold(
            (bytes, open, ticks),
            |(bytes, open, mut ticks)| async move {
                ticks.tick().await;
                bytes.fetch_add(1, Ordering::SeqCst);
                Some((Ok(Bytes::from_static(b" ")), (bytes, open, ticks)))
            },
        )
    }
}

/// Says that a body is being taken, as long as it is there.
struct Open(Arc<AtomicBool>);

impl Open {
    fn new(flag: &Arc<AtomicBool>) -> Self {
        flag.store(true, Ordering::SeqCst);
        Self(flag.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

fn body(body: Body, headers: &[(&str, &str)]) -> Response {
    let mut builder = Response::builder().header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder
        .body(body)
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

/// A gzip file that unpacks to about 80 MB of one byte: 320 KB, written without a library. One literal, then matches of the
/// greatest length at distance 1, in a block with the fixed codes of RFC 1951.
pub fn bomb() -> Vec<u8> {
    const MATCHES: u32 = 320_000;
    let mut bits = Bits::default();
    bits.push(&[1, 1, 0]);
    // The literal 0x20 has the code 0x50, in eight bits.
    bits.push(&[0, 1, 0, 1, 0, 0, 0, 0]);
    for _ in 0..MATCHES {
        // Length 258 has the code 285, which is 11000101; distance 1 the code 0 in five bits.
        bits.push(&[1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
    }
    bits.push(&[0; 7]);
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    file.extend(bits.bytes);
    // Nobody gets as far as the checksum.
    file.extend([0; 8]);
    file
}

/// Bits in the order of RFC 1951: the first one is the lowest of its byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn push(&mut self, bits: &[u8]) {
        for bit in bits {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << (self.count % 8);
            }
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bomb_is_small_and_begins_as_gzip() {
        let bomb = bomb();
        assert!(bomb.starts_with(&[0x1f, 0x8b, 8]));
        assert!(bomb.len() < 600_000);
        assert_eq!(bomb.get(10), Some(&0b0101_0011));
    }
}
