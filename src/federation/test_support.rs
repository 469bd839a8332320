//! A server's federation on a database of its own, for tests.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::{any, post};
use http::{Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

use super::client::{Client, ClientOptions};
use super::core::descriptor::{self, BaseUrl, KeyEntry};
use super::core::http_signature;
use super::core::policy::{DefaultMode, PolicyChange};
use super::signed::{Object, Signed};
use super::{Federation, Parts};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbOptions};
use crate::entropy::Entropy;
use crate::error::render;
use crate::events::core::names::ServerName;
use crate::events::core::sign::KeyPair;
use crate::events::keys::KeyRing;
use crate::http::client_address::ClientAddress;
use crate::http::limits::Limits;
use crate::tenants::{NewTenant, Tenant, Tenants};

pub(crate) const NOW_MS: i64 = 1_780_000_000_000;

/// A server `a.example` with one tenant.
pub(crate) struct TestServer {
    pub(crate) federation: Federation,
    pub(crate) tenant: Tenant,
    pub(crate) clock: Clock,
    _folder: tempfile::TempDir,
}

#[derive(Clone)]
struct State(Federation);

impl FromRef<State> for Federation {
    fn from_ref(state: &State) -> Self {
        state.0.clone()
    }
}

impl TestServer {
    /// A server that reaches its peers at these addresses.
    pub(crate) async fn start(peers: impl IntoIterator<Item = (ServerName, String)>) -> Self {
        Self::with(ClientOptions {
            peer_urls: peers
                .into_iter()
                .map(|(name, url)| (name, url.parse().unwrap()))
                .collect(),
            ..ClientOptions::default()
        })
        .await
    }

    /// A server that reaches its peers so.
    pub(crate) async fn with(options: ClientOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let db = Db::open(&DbOptions { url, pool: 4 }).await.unwrap();
        let clock = Clock::manual(NOW_MS);
        let tenants = Tenants::load(&db).await.unwrap();
        let new = NewTenant {
            slug: "default".to_owned(),
            name: "Default".to_owned(),
            server_name: "a.example".parse().unwrap(),
            scaikey_tenant_id: None,
        };
        let tenant = tenants
            .create(&new, NOW_MS, &Entropy::system())
            .await
            .unwrap()
            .into_inner();
        let keys = KeyRing::new(folder.path(), Entropy::system());
        keys.load(&db, &tenant, NOW_MS).await.unwrap();
        let client = Client::new(&options).unwrap();
        let rates = Config::load([("SCAIWAVE_RATE_ADDRESS".to_owned(), "20".to_owned())])
            .unwrap()
            .config
            .rates;
        let limits = Arc::new(Limits::new(rates));
        let federation = Federation::new(Parts {
            db,
            clock: clock.clone(),
            entropy: Entropy::system(),
            tenants,
            keys,
            client,
            limits,
            metrics: Arc::default(),
            base_url: None,
        });
        Self {
            federation,
            tenant,
            clock,
            _folder: folder,
        }
    }

    /// Sets the default mode and who is allowed.
    pub(crate) async fn policy(&self, mode: DefaultMode, allowed: &[&str]) {
        let change = PolicyChange {
            default_mode: Some(mode),
            allowed_peers: Some(allowed.iter().map(ToString::to_string).collect()),
            ..PolicyChange::default()
        };
        self.federation
            .policies()
            .change(&self.tenant, change, NOW_MS)
            .await
            .unwrap();
    }

    /// Answers a request as the whole server would: the federation's routes, `POST /echo` for signed bodies, and
    /// `/whoami` for requests without one.
    pub(crate) async fn answer(&self, request: Request<Body>) -> (StatusCode, Value) {
        let router = Router::new()
            .route("/echo", post(echo))
            .route("/whoami", any(whoami))
            .merge(super::routes::router())
            .layer(DefaultBodyLimit::max(10_000))
            .with_state(State(self.federation.clone()));
        let response = render(router.oneshot(request).await.unwrap(), "request-1");
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}

#[derive(serde::Deserialize, garde::Validate)]
struct Echo {
    #[garde(skip)]
    n: i64,
}

async fn echo(signed: Signed<Object<Echo>>) -> String {
    let Signed {
        tenant,
        peer,
        body: Object(Echo { n }),
    } = signed;
    serde_json::json!({ "tenant": tenant.slug(), "peer": peer, "n": n }).to_string()
}

async fn whoami(signed: Signed<()>) -> String {
    serde_json::json!(signed.peer).to_string()
}

/// The other side: a server with one key.
pub(crate) struct TestPeer {
    pub(crate) name: ServerName,
    pub(crate) key: KeyPair,
}

impl TestPeer {
    pub(crate) fn new(name: &str, seed: u8) -> Self {
        Self {
            name: name.parse().unwrap(),
            key: KeyPair::from_seed(&[seed; 32]),
        }
    }

    /// Its descriptor, as an HTTP answer.
    pub(crate) fn descriptor(&self) -> String {
        self.descriptor_with(vec![KeyEntry::first(&self.key, NOW_MS)], &self.key, NOW_MS)
    }

    /// A descriptor with these keys, as an HTTP answer.
    pub(crate) fn descriptor_with(
        &self,
        keys: Vec<KeyEntry>,
        current: &KeyPair,
        now_ms: i64,
    ) -> String {
        self.descriptor_at(keys, current, None, now_ms)
    }

    /// The same of a server that lives at `base_url`.
    pub(crate) fn descriptor_at(
        &self,
        keys: Vec<KeyEntry>,
        current: &KeyPair,
        base_url: Option<BaseUrl>,
        now_ms: i64,
    ) -> String {
        let document = descriptor::build(&self.name, keys, current, base_url, now_ms)
            .unwrap()
            .to_string();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{document}",
            document.len()
        )
    }

    /// `POST /echo`, signed now.
    pub(crate) fn echo(&self, body: &str) -> Request<Body> {
        self.echo_at(body, NOW_MS)
    }

    /// `POST /echo`, signed at another time.
    pub(crate) fn echo_at(&self, body: &str, now_ms: i64) -> Request<Body> {
        let signed = http_signature::Request {
            method: "POST",
            authority: "a.example",
            path: "/echo",
            query: None,
            body: body.as_bytes(),
        };
        let mut request = Request::post("/echo")
            .header("host", "a.example")
            .header("content-type", "application/json");
        for (name, value) in http_signature::sign(&signed, &self.name, &self.key, now_ms).unwrap() {
            request = request.header(name, value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request
            .extensions_mut()
            .insert(ClientAddress("192.0.2.1".parse().unwrap()));
        request
    }
}
