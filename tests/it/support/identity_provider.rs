//! A real OpenID Connect provider beside a server, and a browser that signs in there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Answer, Api, Backend, Server};

/// Redirects that a sign-in takes, at most.
const MOST_REDIRECTS: usize = 8;
/// What proves that a code was asked for by whoever brings it.
pub(crate) const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";

/// The provider's process. It is gone when this value is.
pub(crate) struct IdentityProvider {
    process: Option<Child>,
    environment: Vec<(&'static str, &'static str)>,
    issuer: String,
    api: Api,
}

impl IdentityProvider {
    /// A provider with access tokens that a server can read.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with variables in its environment.
    pub(crate) fn start_with(environment: &[(&'static str, &'static str)]) -> Self {
        let mut provider = IdentityProvider {
            process: None,
            environment: environment.to_vec(),
            issuer: String::new(),
            api: Api::new(""),
        };
        provider.launch("0");
        provider
    }

    fn launch(&mut self, port: &str) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/provider");
        assert!(
            folder.join("node_modules/oidc-provider").exists(),
            "the provider's packages are missing: start the tests with tests/run, which installs them"
        );
        let mut child = Command::new("node")
            .arg(folder.join("provider.mjs"))
            .arg(port)
            .envs(self.environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts: tests/run installs it");
        let stdout = child.stdout.take().expect("stdout is piped");
        self.process = Some(child);
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned()));
        self.issuer = address.expect("the provider says where it listens");
        self.api = Api::new(&self.issuer);
        // Read to the end, so that the provider never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
    }

    /// Ends it, as a power cut would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.kill());
            drop(process.wait());
        }
    }

    /// Starts it again at the same address, with another key and without its memory.
    pub(crate) async fn start_again(&mut self, server: &Server) {
        let port = url::Url::parse(&self.issuer).expect("a URL").port();
        self.launch(&port.expect("a port").to_string());
        self.send_back_to(server).await;
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A server whose people sign in here.
    pub(crate) async fn server(&self, backend: Backend, settings: &[(&str, &str)]) -> Server {
        let own = [
            ("SCAIWAVE_AUTH_MODE", "scaikey"),
            ("SCAIWAVE_OIDC_ISSUER", self.issuer()),
            ("SCAIWAVE_OIDC_CLIENT_ID", "scaiwave"),
            ("SCAIWAVE_OIDC_CLIENT_SECRET", "a secret of the client"),
        ];
        let server = Server::start(backend, &[&own, settings].concat()).await;
        self.send_back_to(&server).await;
        server
    }

    /// Lets browsers be sent back to a server.
    pub(crate) async fn send_back_to(&self, server: &Server) {
        self.control("redirect", &json!({ "uri": redirect_uri(server) }))
            .await;
    }

    async fn control(&self, lever: &str, with: &Value) -> Value {
        self.api.post(&format!("/control/{lever}"), with).await.ok()
    }

    /// What is said of somebody: in ID tokens, and in access tokens beside what they always hold.
    pub(crate) async fn knows(&self, sub: &str, claims: Value, token: Value) {
        let account = json!({"sub": sub, "claims": claims, "token": token});
        self.control("account", &account).await;
    }

    /// Lets somebody sign in with a password.
    pub(crate) async fn knows_password(&self, username: &str, password: &str) {
        let pair = json!({"username": username, "password": password});
        self.control("password", &pair).await;
    }

    /// Replaces its key; the old one is good no more.
    pub(crate) async fn rotate_key(&self, algorithm: &str) {
        self.control("rotate", &json!({ "alg": algorithm })).await;
    }

    /// A token with these claims beside issuer, audience and times, signed with its own key.
    pub(crate) async fn sign(&self, claims: Value) -> String {
        self.sign_as(json!({ "claims": claims })).await
    }

    /// The same with more to say: `header`, `unknown_key`.
    pub(crate) async fn sign_as(&self, what: Value) -> String {
        let token = self.control("sign", &what).await;
        token["token"].as_str().expect("a token").to_owned()
    }

    /// Lets a path answer with a status and nothing else, or, with 0, all of them as they should.
    pub(crate) async fn answers(&self, path: &str, status: u16) {
        let status = (status > 0).then_some(status);
        self.control("fail", &json!({"path": path, "status": status}))
            .await;
    }

    /// How often a path was asked for.
    pub(crate) async fn count(&self, path: &str) -> u64 {
        self.control("counts", &json!({})).await[path]
            .as_u64()
            .unwrap_or_default()
    }

    /// Signs somebody in by browser and code.
    pub(crate) async fn sign_in(&self, server: &Server, sub: &str) -> Answer {
        let code = Browser::new(self).code_for(server, sub).await;
        exchange(server, &code, VERIFIER).await
    }
}

impl Drop for IdentityProvider {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where the provider sends browsers back to.
pub(crate) fn redirect_uri(server: &Server) -> String {
    format!("{}/v1/auth/login", server.url())
}

/// Gives a server the code that a browser got.
pub(crate) async fn exchange(server: &Server, code: &str, verifier: &str) -> Answer {
    let login =
        json!({"code": code, "redirect_uri": redirect_uri(server), "code_verifier": verifier});
    server.stranger().post("/v1/auth/login", &login).await
}

/// A browser with its cookies.
pub(crate) struct Browser {
    http: reqwest::Client,
    issuer: String,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A browser that was never at this provider.
    pub(crate) fn new(provider: &IdentityProvider) -> Self {
        Browser {
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .expect("an HTTP client"),
            issuer: provider.issuer.clone(),
            cookies: BTreeMap::new(),
        }
    }

    /// Signs in and comes back with a code, which the server is not told yet.
    pub(crate) async fn code_for(&mut self, server: &Server, sub: &str) -> String {
        let back = self.sign_in(server, sub).await;
        let pairs: BTreeMap<_, _> = back.query_pairs().into_owned().collect();
        assert_eq!(pairs.get("state").map(String::as_str), Some("a state"));
        pairs
            .get("code")
            .unwrap_or_else(|| panic!("a code in {back}"))
            .clone()
    }

    /// Goes the way that `GET /v1/auth/config` describes, up to the address that the provider sends it back to.
    async fn sign_in(&mut self, server: &Server, sub: &str) -> url::Url {
        let config = server.stranger().get("/v1/auth/config").await.data();
        let text = |name: &str| config[name].as_str().expect("a provider").to_owned();
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let scopes = config["scopes_supported"].as_array().expect("a list");
        let scopes: Vec<_> = scopes.iter().filter_map(Value::as_str).collect();
        let mut next = url::Url::parse(&text("authorization_endpoint")).expect("a URL");
        next.query_pairs_mut().extend_pairs([
            ("client_id", text("client_id").as_str()),
            ("response_type", "code"),
            ("redirect_uri", text("redirect_uri").as_str()),
            ("scope", scopes.join(" ").as_str()),
            ("state", "a state"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
            ("login_hint", sub),
            ("prompt", "login"),
        ]);
        for _ in 0..MOST_REDIRECTS {
            if !next.as_str().starts_with(&self.issuer) {
                return next;
            }
            next = self.follow(next).await;
        }
        panic!("the provider sends browsers in circles: {next}");
    }

    async fn follow(&mut self, to: url::Url) -> url::Url {
        let cookies = self.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = self
            .http
            .get(to.clone())
            .header("cookie", cookies.join("; "));
        let answer = request.send().await.expect("the provider answers");
        for cookie in answer.headers().get_all("set-cookie") {
            let pair = cookie.to_str().expect("text").split(';').next();
            let (name, value) = pair
                .and_then(|pair| pair.split_once('='))
                .expect("a cookie");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let location = answer.headers().get("location").cloned();
        let Some(location) = location else {
            let status = answer.status();
            let text = answer.text().await.unwrap_or_default();
            panic!("{to} answered {status}: {text}");
        };
        to.join(location.to_str().expect("text")).expect("a URL")
    }
}

/// Waiting for something that the provider or the server does in its own time.
pub(crate) const IN_TIME: Duration = Duration::from_secs(30);
