//! A whole server for tests inside the crate: router, database in a temporary folder, a clock that the test moves.

use std::path::Path;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::App;
use crate::auth::Accounts;
use crate::auth::password::Password;
use crate::auth::roles::Role;
use crate::auth::user::{Authority, NewUser};
use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::http::client_address::PeerAddress;
use crate::http::server::{self, Bounds};

/// When the clock starts: 2026-11-25T10:00:00Z.
pub(crate) const START: i64 = 1_795_600_800_000;
/// The password of every account.
pub(crate) const PASSWORD: &str = "correct horse";

/// A server that answers without a socket.
pub(crate) struct Server {
    /// What its handlers share.
    pub(crate) app: App,
    router: Router,
    /// Its time.
    pub(crate) clock: Clock,
    folder: tempfile::TempDir,
}

/// What a request was answered.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The envelope.
    pub(crate) body: Value,
}

impl Answer {
    /// A text member of `data`; panics for an error.
    pub(crate) fn data(&self, pointer: &str) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body["data"][pointer].as_str().unwrap().to_owned()
    }

    /// `data`; panics for an error.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body["data"].clone()
    }

    /// The error's code.
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or("none")
    }
}

impl Server {
    /// A server with these settings.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Server {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().display().to_string();
        let fixed = [
            ("SCAIWAVE_DATA_DIR", data_dir.as_str()),
            ("SCAIWAVE_RATE_LOGINS", "0"),
        ];
        let settings = fixed
            .iter()
            .chain(settings)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = Config::load(settings).unwrap().config;
        let clock = Clock::manual(START);
        let (app, _) = super::open(config, clock.clone(), Entropy::system())
            .await
            .unwrap();
        super::start_tasks(&app).await.unwrap();
        let router = super::router(&app);
        Server {
            app,
            router,
            clock,
            folder,
        }
    }

    /// A server in mode `local` with an admin called `root`.
    pub(crate) async fn local() -> Server {
        let server = Server::start(&[]).await;
        server.create("root", &[Role::TenantAdmin]).await;
        server
    }

    /// Makes an account that signs in with [`PASSWORD`].
    pub(crate) async fn create(&self, local_id: &str, roles: &[Role]) {
        let user = NewUser {
            local_id: local_id.parse().unwrap(),
            display_name: local_id.to_owned(),
            email: Some(format!("{local_id}@example.org")),
            password: Some(Password::new(PASSWORD.to_owned())),
            roles: roles.iter().copied().collect(),
        };
        let tenant = self.app.tenants().first().unwrap();
        let by = Authority::Operator {
            is_first_tenant: false,
        };
        Accounts::of(&self.app)
            .create_user(by, &tenant, user)
            .await
            .unwrap();
    }

    /// Answers at an address, too, for other servers in the same test.
    pub(crate) fn listen(&self, at: TcpListener) {
        let (router, stop) = (self.router.clone(), self.app.stop().clone());
        tokio::spawn(server::serve(at, None, router, Bounds::default(), stop));
    }

    /// Sends a request with a JSON body.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut request = request.body(Body::from(body.to_string())).unwrap();
        request
            .extensions_mut()
            .insert(PeerAddress("127.0.0.1:9".parse().unwrap()));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Answer {
            status,
            body: serde_json::from_slice(&body).unwrap(),
        }
    }

    /// Sends a request as it is, and answers JSON.
    pub(crate) async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.exchange(request).await;
        let body = serde_json::from_slice(response.body()).unwrap();
        (response.status(), body)
    }

    /// Sends a request as it is.
    pub(crate) async fn exchange(&self, mut request: Request<Body>) -> Response<Bytes> {
        request
            .extensions_mut()
            .insert(PeerAddress("127.0.0.1:9".parse().unwrap()));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 24).await.unwrap();
        Response::from_parts(parts, body)
    }

    /// Where its data is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Signs in with a password.
    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> Answer {
        let body = json!({"grant_type": "password", "username": username, "password": password});
        self.ask(Method::POST, "/v1/auth/token", None, body).await
    }

    /// Signs in to the tenant with this slug.
    pub(crate) async fn sign_in_at(&self, username: &str, password: &str, tenant: &str) -> Answer {
        let body = json!({"grant_type": "password", "username": username, "password": password, "tenant": tenant});
        self.ask(Method::POST, "/v1/auth/token", None, body).await
    }

    /// Goes on with a session.
    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.ask(
            Method::POST,
            "/v1/auth/refresh",
            None,
            json!({"refresh_token": token}),
        )
        .await
    }

    /// The status, or the code, that the holder of an access token gets.
    pub(crate) async fn standing(&self, token: &str) -> String {
        let answer = self
            .ask(Method::GET, "/v1/me", Some(token), json!({}))
            .await;
        if answer.status == StatusCode::OK {
            "signed in".to_owned()
        } else {
            answer.code().to_owned()
        }
    }

    /// Who holds an access token.
    pub(crate) async fn id_of(&self, token: &str) -> String {
        self.ask(Method::GET, "/v1/me", Some(token), json!({}))
            .await
            .data("participant_id")
    }
}
