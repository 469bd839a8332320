//! Requests whose end could be read in two ways: behind a proxy that reads the other one, what follows would be somebody else's
//! request. Each is refused, or read in one way only, and then nothing after it is.

use tokio::io::AsyncReadExt;

use super::raw::{connect, said_to, statuses};
use crate::support::on_both;

/// A request that would be answered with 200 if it were read as one.
const SMUGGLED: &str = "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// A request with these headers and this body, and the smuggled one after it.
fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /v1/auth/token HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{headers}\r\n{body}"
    )
}

#[tokio::test]
async fn a_request_whose_end_is_not_plain_is_refused() {
    on_both(async |server| {
        let inner = SMUGGLED.len();
        let refused = [
            (
                "two lengths",
                post("content-length: 0\r\ncontent-length: 60\r\n", SMUGGLED),
            ),
            (
                "two lengths in one",
                post("content-length: 0, 60\r\n", SMUGGLED),
            ),
            (
                "a length with a sign",
                post("content-length: +0\r\n", SMUGGLED),
            ),
            (
                "a negative length",
                post("content-length: -1\r\n", SMUGGLED),
            ),
            (
                "a length with a space",
                post("content-length: 0 0\r\n", SMUGGLED),
            ),
            ("a length in hex", post("content-length: 0x0\r\n", SMUGGLED)),
            (
                "a length beyond all numbers",
                post("content-length: 99999999999999999999999\r\n", ""),
            ),
            (
                "a space before the colon",
                post(&format!("content-length : {inner}\r\n"), SMUGGLED),
            ),
            (
                "a folded header",
                post("x-folded: a\r\n b\r\ncontent-length: 0\r\n", SMUGGLED),
            ),
            (
                "a folded first header",
                post(" folded: a\r\ncontent-length: 0\r\n", SMUGGLED),
            ),
            (
                "a bare CR in a header",
                post("x-a: b\rcontent-length: 0\r\n", SMUGGLED),
            ),
            ("a NUL in a header", post("x-a: b\0c\r\n", SMUGGLED)),
            ("a header without a name", post(": a\r\n", SMUGGLED)),
            ("a header name with a space", post("x a: b\r\n", SMUGGLED)),
            (
                "an unknown coding",
                post("transfer-encoding: gzip\r\n", SMUGGLED),
            ),
            (
                "chunked, but not last",
                post("transfer-encoding: chunked, identity\r\n", "0\r\n\r\n"),
            ),
            (
                "nearly chunked",
                post("transfer-encoding: xchunked\r\n", SMUGGLED),
            ),
            (
                "chunked by another name",
                post("transfer-encoding: chunked;q=1\r\n", SMUGGLED),
            ),
            (
                "chunks and HTTP/1.0",
                post("transfer-encoding: chunked\r\n", "0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0"),
            ),
            ("another protocol", SMUGGLED.replace("HTTP/1.1", "HTTP/3.7")),
            ("no protocol", format!("GET /health\r\n\r\n{SMUGGLED}")),
            (
                "two spaces",
                SMUGGLED.replace("GET /health", "GET  /health  /v1/me"),
            ),
        ];
        for (what, bytes) in refused {
            let answers = statuses(&said_to(&server, bytes.as_bytes()).await);
            assert!(
                answers.len() <= 1 && answers.iter().all(|status| (400..500).contains(status)),
                "{what}: {answers:?}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_after_a_body_in_chunks_is_read_as_a_request() {
    on_both(async |server| {
        let chunks = "transfer-encoding: chunked\r\n";
        let whole = "2\r\n{}\r\n0\r\n\r\n";
        for (what, headers, body) in [
            ("chunks alone", chunks.to_owned(), whole),
            (
                "a length before",
                format!("content-length: 5\r\n{chunks}"),
                whole,
            ),
            (
                "a length after",
                format!("{chunks}content-length: 5\r\n"),
                whole,
            ),
            ("chunked twice", format!("{chunks}{chunks}"), whole),
            (
                "in capitals",
                "Transfer-Encoding: CHUNKED\r\n".to_owned(),
                whole,
            ),
            (
                "behind a tab",
                "transfer-encoding:\tchunked\r\n".to_owned(),
                whole,
            ),
            (
                "an extension",
                chunks.to_owned(),
                "2;a=\"b\"\r\n{}\r\n0;c\r\n\r\n",
            ),
            (
                "a trailer",
                chunks.to_owned(),
                "2\r\n{}\r\n0\r\ncontent-length: 60\r\n\r\n",
            ),
            (
                "zeros before the size",
                chunks.to_owned(),
                "00000002\r\n{}\r\n00\r\n\r\n",
            ),
        ] {
            let bytes = post(&headers, &format!("{body}{SMUGGLED}"));
            let answers = statuses(&said_to(&server, bytes.as_bytes()).await);
            // The form lacks its fields; or the request was not even read.
            assert!(matches!(answers[..], [422 | 400]), "{what}: {answers:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn chunks_that_are_none_are_refused() {
    on_both(async |server| {
        for body in [
            "-2\r\n{}\r\n0\r\n\r\n",
            "+2\r\n{}\r\n0\r\n\r\n",
            "0x2\r\n{}\r\n0\r\n\r\n",
            "2 2\r\n{}\r\n0\r\n\r\n",
            "g\r\n{}\r\n0\r\n\r\n",
            "2\n{}\r\n0\r\n\r\n",
            "2\r{}\r\n0\r\n\r\n",
            "2\r\n{}0\r\n\r\n",
            "3\r\n{}\r\n0\r\n\r\n",
            "fffffffffffffffff\r\n{}\r\n0\r\n\r\n",
            "2;\n\r\n{}\r\n0\r\n\r\n",
            "\r\n2\r\n{}\r\n0\r\n\r\n",
        ] {
            let bytes = post(
                "transfer-encoding: chunked\r\n",
                &format!("{body}{SMUGGLED}"),
            );
            let answers = statuses(&said_to(&server, bytes.as_bytes()).await);
            assert!(
                answers.len() <= 1 && answers.iter().all(|status| (400..500).contains(status)),
                "{body:?}: {answers:?}"
            );
        }
        let extension = "x".repeat(64 * 1024);
        let bytes = post(
            "transfer-encoding: chunked\r\n",
            &format!("2;{extension}\r\n{{}}\r\n0\r\n\r\n"),
        );
        let answers = statuses(&said_to(&server, bytes.as_bytes()).await);
        assert!(answers.iter().all(|status| *status != 200), "{answers:?}");
    })
    .await;
}

#[tokio::test]
async fn a_request_cannot_switch_to_another_protocol_than_web_sockets() {
    on_both(async |server| {
        for upgrade in [
            "upgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\nconnection: upgrade, http2-settings, close\r\n",
            "upgrade: TLS/1.0\r\nconnection: upgrade, close\r\n",
        ] {
            let bytes = format!("GET /health HTTP/1.1\r\nhost: a\r\n{upgrade}\r\n");
            let answers = statuses(&said_to(&server, bytes.as_bytes()).await);
            assert_eq!(answers, [200], "{upgrade}");
        }
        let tunnel = "CONNECT 127.0.0.1:1 HTTP/1.1\r\nhost: 127.0.0.1:1\r\nconnection: close\r\n\r\n";
        let answers = statuses(&said_to(&server, tunnel.as_bytes()).await);
        assert!(answers.iter().all(|status| *status >= 400), "{answers:?}");
    })
    .await;
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// A header as it is, without compression.
fn literal(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    let mut bytes = vec![0, length(name)];
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(length(value));
    bytes.extend_from_slice(value.as_bytes());
    bytes
}

/// The kinds of the frames of stream 1, and of those that end the connection, in what came back.
fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut kinds = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let of_stream = head[8] == 1;
        if of_stream || head[3] == 7 {
            kinds.push(head[3]);
        }
        bytes = rest
            .get(usize::try_from(length).unwrap()..)
            .unwrap_or_default();
    }
    kinds
}

#[tokio::test]
async fn what_http_2_forbids_reaches_nobody() {
    const HEADERS: u8 = 1;
    const RESET: u8 = 3;
    const GOAWAY: u8 = 7;
    on_both(async |server| {
        let asked = async |more: &[(&str, &str)], path: &str| -> Vec<u8> {
            let mut block = Vec::new();
            let always = [
                (":method", "GET"),
                (":scheme", "http"),
                (":path", path),
                (":authority", "a"),
            ];
            for (name, value) in always.iter().chain(more) {
                block.extend(literal(name, value));
            }
            let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
            bytes.extend(frame(4, 0, 0, &[]));
            // Ends the headers, and the stream.
            bytes.extend(frame(HEADERS, 0x5, 1, &block));
            let mut stream = connect(&server).await;
            tokio::io::AsyncWriteExt::write_all(&mut stream, &bytes)
                .await
                .unwrap();
            let mut came = Vec::new();
            while !frames(&came)
                .iter()
                .any(|kind| [HEADERS, RESET, GOAWAY].contains(kind))
            {
                let mut some = [0; 4096];
                match stream.read(&mut some).await {
                    Ok(0) | Err(_) => break,
                    Ok(length) => came.extend_from_slice(&some[..length]),
                }
            }
            frames(&came)
        };
        assert_eq!(
            asked(&[], "/health").await.first(),
            Some(&HEADERS),
            "a plain request"
        );
        for (name, value) in [
            ("transfer-encoding", "chunked"),
            ("connection", "close"),
            ("upgrade", "h2c"),
            ("Capital", "a"),
            ("x-a", "b\r\nhost: c"),
            ("x-a", "b\0c"),
            ("x-a\r\nb", "c"),
            ("content-length", "7"),
            (":path", "/v1/me"),
        ] {
            let kinds = asked(&[(name, value)], "/health").await;
            assert!(!kinds.contains(&HEADERS), "{name:?}: {value:?}: {kinds:?}");
        }
        let kinds = asked(&[], "/health HTTP/1.1\r\nhost: b\r\n\r\n").await;
        assert!(!kinds.contains(&HEADERS), "{kinds:?}");
    })
    .await;
}

#[tokio::test]
async fn huge_headers_are_refused_before_they_are_kept() {
    on_both(async |server| {
        let before = server.memory_kib();
        for _ in 0..16 {
            let large = format!(
                "GET /health HTTP/1.1\r\nhost: a\r\nx-a: {}\r\n\r\n",
                "x".repeat(1 << 20)
            );
            let many = format!(
                "GET /health HTTP/1.1\r\nhost: a\r\n{}\r\n",
                "x-a: b\r\n".repeat(10_000)
            );
            let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(1 << 20));
            for bytes in [large, many, long] {
                let answers = statuses(&said_to(&server, bytes.as_bytes()).await);
                assert!(
                    answers
                        .iter()
                        .all(|status| matches!(status, 400 | 414 | 431)),
                    "{answers:?}"
                );
            }
        }
        let after = server.memory_kib();
        assert!(
            after < before + 32 * 1024,
            "{before} KiB before, {after} KiB after"
        );
        server.stranger().get("/health").await.ok();
    })
    .await;
}
