//! The whole HTTP side over real connections: layers, accept loop, TLS, stopping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::client_address::ClientAddress;
use super::envelope::{Data, ok};
use super::layers::Layers;
use super::limits::{Bucket, Limits};
use super::meter::Meter;
use super::metrics::Metrics;
use super::request_id::RequestId;
use super::server::{Bounds, serve};
use super::tls::Certificate;
use crate::clock::Clock;
use crate::config::{Config, TlsFiles};
use crate::error::Result;

const PATIENCE: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    done: tokio::task::JoinHandle<()>,
    metrics: Arc<Metrics>,
}

impl Running {
    async fn start(settings: &[(&str, &str)], routes: Router, bounds: Bounds) -> Self {
        Self::with_tls(settings, routes, bounds, None).await
    }

    async fn with_tls(
        settings: &[(&str, &str)],
        timed: Router,
        bounds: Bounds,
        tls: Option<TlsAcceptor>,
    ) -> Self {
        let owned =
            |(name, value): &(&str, &str)| (format!("SCAIWAVE_{name}"), (*value).to_owned());
        let config = Config::load(settings.iter().map(owned)).unwrap().config;
        let limits = Arc::new(Limits::new(config.rates.clone()));
        let metrics = Arc::new(Metrics::new());
        let layers = Layers::new(&config, limits, Clock::system(), Arc::clone(&metrics));
        let waiting = Router::new().route(
            "/poll",
            get(async || tokio::time::sleep(Duration::from_millis(1_500)).await),
        );
        let router = layers.around(timed, waiting);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let done = tokio::spawn(serve(listener, tls, router, bounds, stop.clone()));
        Self {
            address,
            stop,
            done,
            metrics,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn get(&self, path: &str) -> reqwest::Response {
        client().get(self.url(path)).send().await.unwrap()
    }

    async fn raw(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

fn client() -> reqwest::Client {
    install_crypto();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

fn install_crypto() {
    // Whichever test comes first installs it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

async fn error_of(response: reqwest::Response) -> (u16, String, Value) {
    let status = response.status().as_u16();
    let id = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(body["error"]["request_id"], id.as_str());
    (status, id, body["error"].clone())
}

/// What arrives until the other end closes.
async fn until_closed(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    read.expect("the connection stays open").unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn every_response_has_the_callers_request_id_or_a_new_one() {
    let routes = Router::new().route(
        "/id",
        get(async |id: RequestId| Data(id.as_str().to_owned())),
    );
    let server = Running::start(&[], routes, Bounds::default()).await;
    let sent = client()
        .get(server.url("/id"))
        .header("x-request-id", "my-request.1");
    let response = sent.send().await.unwrap();
    assert_eq!(response.headers()["x-request-id"], "my-request.1");
    assert_eq!(response.text().await.unwrap(), r#"{"data":"my-request.1"}"#);
    let response = server.get("/id").await;
    assert_eq!(response.headers()["x-request-id"].len(), 32);
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_not_found_and_the_method_says_what_is_allowed() {
    let routes = Router::new().route("/cats", post(async || ok()).get(async || ok()));
    let server = Running::start(&[], routes, Bounds::default()).await;
    let (status, _, error) = error_of(server.get("/dogs").await).await;
    assert_eq!((status, &error["code"]), (404, &json!("SW_NOT_FOUND")));
    let response = client().delete(server.url("/cats")).send().await.unwrap();
    let allowed = response.headers()["allow"].to_str().unwrap().to_owned();
    assert!(
        allowed.contains("GET") && allowed.contains("POST"),
        "{allowed}"
    );
    let (status, _, error) = error_of(response).await;
    assert_eq!((status, &error["code"]), (404, &json!("SW_NOT_FOUND")));
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_server_lives_on() {
    async fn broken() -> &'static str {
        panic!("hunter2")
    }
    let routes = Router::new()
        .route("/broken", get(broken))
        .route("/fine", get(async || ok()));
    let server = Running::start(&[], routes, Bounds::default()).await;
    let (status, _, error) = error_of(server.get("/broken").await).await;
    assert_eq!((status, &error["code"]), (500, &json!("SW_INTERNAL_ERROR")));
    assert!(!error.to_string().contains("hunter2"));
    assert_eq!(server.get("/fine").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_slow_request_is_unavailable_but_a_long_poll_may_wait() {
    let routes = Router::new().route("/slow", get(async || std::future::pending::<()>().await));
    let server = Running::start(&[("REQUEST_TIMEOUT", "1")], routes, Bounds::default()).await;
    let (slow, poll) = tokio::join!(server.get("/slow"), server.get("/poll"));
    assert_eq!(poll.status(), StatusCode::OK);
    let (status, _, error) = error_of(slow).await;
    assert_eq!(
        (status, &error["code"]),
        (503, &json!("SW_SERVICE_UNAVAILABLE"))
    );
}

#[tokio::test]
async fn rate_limits_show_in_the_headers() {
    async fn charged(meter: Meter, ClientAddress(address): ClientAddress) -> Result<Data<String>> {
        meter.charge(Bucket::Address, &address.to_string(), None)?;
        Ok(Data(address.to_string()))
    }
    let routes = Router::new().route("/", get(charged));
    let settings = [("RATE_ADDRESS", "2"), ("TRUSTED_PROXIES", "127.0.0.1")];
    let server = Running::start(&settings, routes, Bounds::default()).await;
    let ask = || {
        client()
            .get(server.url("/"))
            .header("x-forwarded-for", "192.0.2.7")
            .send()
    };
    let first = ask().await.unwrap();
    assert_eq!(first.headers()["x-ratelimit-limit"], "2");
    assert_eq!(first.headers()["x-ratelimit-remaining"], "1");
    assert_eq!(first.text().await.unwrap(), r#"{"data":"192.0.2.7"}"#);
    ask().await.unwrap();
    let third = ask().await.unwrap();
    assert_eq!(third.headers()["x-ratelimit-remaining"], "0");
    assert!(third.headers().contains_key("retry-after"));
    let (status, _, error) = error_of(third).await;
    assert_eq!(
        (status, &error["code"]),
        (429, &json!("SW_RATE_LIMIT_EXCEEDED"))
    );
    assert_eq!(error["details"]["bucket"], "address");
}

#[tokio::test]
async fn requests_are_counted_by_route_template() {
    let routes = Router::new().route("/cats/{id}", get(async || ok()));
    let server = Running::start(&[], routes, Bounds::default()).await;
    for path in ["/cats/1", "/cats/2", "/dogs"] {
        server.get(path).await;
    }
    let text = server.metrics.text().unwrap();
    assert!(
        text.contains(r#"http_requests_total{route="/cats/{id}",method="GET",status="200"} 2"#),
        "{text}"
    );
    assert!(
        text.contains(r#"http_requests_total{route="unmatched",method="GET",status="404"} 1"#),
        "{text}"
    );
}

#[tokio::test]
async fn only_listed_origins_may_call_from_a_browser() {
    let routes = Router::new().route("/", get(async || ok()));
    let settings = [("CORS_ORIGINS", "https://app.example.org")];
    let server = Running::start(&settings, routes, Bounds::default()).await;
    for (origin, allowed) in [
        ("https://app.example.org", true),
        ("https://evil.example", false),
    ] {
        let response = client()
            .get(server.url("/"))
            .header("origin", origin)
            .send()
            .await
            .unwrap();
        assert_eq!(
            response
                .headers()
                .contains_key("access-control-allow-origin"),
            allowed
        );
    }
}

#[tokio::test]
async fn who_does_not_send_a_request_in_time_is_disconnected() {
    let bounds = Bounds {
        first_request: Duration::from_millis(200),
        ..Bounds::default()
    };
    let server = Running::start(&[], Router::new(), bounds).await;
    for beginning in [
        "",
        "P",
        "GET / HTTP/1.1\r\nhost: a",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let stream = server.raw(beginning).await;
        let started = Instant::now();
        until_closed(stream).await;
        assert!(started.elapsed() < PATIENCE, "{beginning:?}");
    }
}

/// Says so when it is gone.
struct Held(Arc<Notify>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_not_kept() {
    let gone = Arc::new(Notify::new());
    let endless = {
        let gone = Arc::clone(&gone);
        move || async move {
            let held = Held(gone);
            let pieces = futures::stream::repeat_with(move || {
                let _answer = &held;
                Ok::<_, std::convert::Infallible>(bytes::Bytes::from(vec![b' '; 64 * 1024]))
            });
            axum::body::Body::from_stream(pieces)
        }
    };
    let bounds = Bounds {
        stall: Duration::from_millis(100),
        ..Bounds::default()
    };
    let server = Running::start(&[], Router::new().route("/", get(endless)), bounds).await;
    let _never_read = server.raw("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let dropped = tokio::time::timeout(PATIENCE, gone.notified()).await;
    dropped.expect("the answer is let go");
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_until_one_ends() {
    let routes = Router::new().route("/", get(async || ok()));
    let bounds = Bounds {
        connections: 1,
        ..Bounds::default()
    };
    let server = Running::start(&[], routes, bounds).await;
    let request = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let holder = server.raw("").await;
    let mut waiting = server.raw(request).await;
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(200), waiting.read(&mut byte)).await;
    assert!(early.is_err(), "served beyond the cap");
    drop(holder);
    assert!(until_closed(waiting).await.contains("TTP/1.1 200"));
}

#[tokio::test]
async fn stopping_finishes_requests_under_way_and_takes_no_more() {
    let (begun, finish) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let slow = {
        let (begun, finish) = (Arc::clone(&begun), Arc::clone(&finish));
        move || async move {
            begun.notify_one();
            finish.notified().await;
            ok()
        }
    };
    let server = Running::start(&[], Router::new().route("/", get(slow)), Bounds::default()).await;
    let idle = server.raw("").await;
    let request = tokio::spawn(client().get(server.url("/")).send());
    begun.notified().await;
    server.stop.cancel();
    until_closed(idle).await;
    assert!(TcpStream::connect(server.address).await.is_err());
    finish.notify_one();
    assert_eq!(request.await.unwrap().unwrap().status(), StatusCode::OK);
    tokio::time::timeout(PATIENCE, server.done)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever() {
    let begun = Arc::new(Notify::new());
    let stuck = {
        let begun = Arc::clone(&begun);
        move || async move {
            begun.notify_one();
            std::future::pending::<()>().await;
        }
    };
    let bounds = Bounds {
        grace: Duration::from_millis(100),
        ..Bounds::default()
    };
    let server = Running::start(&[], Router::new().route("/", get(stuck)), bounds).await;
    let _request = tokio::spawn(client().get(server.url("/")).send());
    begun.notified().await;
    server.stop.cancel();
    tokio::time::timeout(PATIENCE, server.done)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn tls_speaks_http_2_and_needs_a_handshake_in_time() {
    install_crypto();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = TlsFiles {
        cert: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    std::fs::write(&files.cert, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let config = Certificate::load(files).unwrap().server_config().unwrap();
    let routes = Router::new().route("/", get(async || ok()));
    let bounds = Bounds {
        first_request: Duration::from_millis(500),
        ..Bounds::default()
    };
    let server = Running::with_tls(&[], routes, bounds, Some(Arc::new(config).into())).await;

    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([trusted])
        .build()
        .unwrap();
    let url = format!("https://localhost:{}/", server.address.port());
    let response = client.get(url).send().await.unwrap();
    assert_eq!(response.version(), http::Version::HTTP_2);
    assert_eq!(response.status(), StatusCode::OK);
    until_closed(server.raw("").await).await;
}
