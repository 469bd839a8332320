//! An identity provider that a server under measurement trusts: thousands of people sign in, and nobody's password has to be
//! hashed for it.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::trouble::Result;
use crate::clock;
use crate::protocol::base64url;

/// The client at the provider, and the audience of its tokens.
const CLIENT: &str = "scaiwave-load";
/// How long tokens are good, in seconds: longer than any run.
const LIFE: i64 = 7 * 24 * 3600;

const FIRST_NAMES: [&str; 40] = [
    "Ada", "Bela", "Chidi", "Dalia", "Emil", "Farah", "Gino", "Hana", "Ilse", "Jonas", "Kofi",
    "Lena", "Milo", "Nadia", "Otto", "Priya", "Quinn", "Rosa", "Sven", "Tala", "Ugo", "Vera",
    "Wanda", "Xenia", "Yusuf", "Zoe", "Amir", "Birgit", "Carlos", "Doris", "Ewan", "Fatou",
    "Greta", "Hugo", "Ines", "Jakob", "Karin", "Louis", "Marta", "Noor",
];
const LAST_NAMES: [&str; 50] = [
    "Abel", "Baxter", "Costa", "Dietrich", "Engel", "Ferrari", "Gomez", "Hofer", "Ivanov",
    "Jansen", "Keller", "Lopez", "Meier", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Schmidt",
    "Tanaka", "Ulrich", "Vogel", "Weber", "Yilmaz", "Ziegler", "Andersen", "Berger", "Castro",
    "Dubois", "Eriksen", "Fischer", "Garcia", "Haas", "Iversen", "Jung", "Kowalski", "Lang",
    "Moreau", "Nilsen", "Oliveira", "Pavlova", "Rivera", "Sato", "Thomsen", "Urban", "Vidal",
    "Wolf", "Yang", "Zimmer", "Brandt",
];

/// What people are called: the name to sign in with, and the one to show. No two are called alike.
pub fn names(number: usize) -> (String, String) {
    let pick = |names: &'static [&'static str], at: usize| {
        names.get(at % names.len()).copied().unwrap_or_default()
    };
    let first = pick(&FIRST_NAMES, number);
    let last = pick(&LAST_NAMES, number / FIRST_NAMES.len());
    let turn = number / (FIRST_NAMES.len() * LAST_NAMES.len());
    let user = format!("{first}.{last}.{turn}").to_lowercase();
    (user, format!("{first} {last}"))
}

/// The provider.
pub struct Identity {
    key: SigningKey,
    issuer: String,
}

impl Identity {
    /// Listens until the process ends.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let key = SigningKey::from_bytes(&rand::random());
        let public = base64url(key.verifying_key().as_bytes());
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(description))
            .route("/keys", get(keys))
            .with_state((issuer.clone(), public));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { key, issuer })
    }

    /// What a server has to be told to trust it.
    pub fn environment(&self) -> [(String, String); 3] {
        [
            ("SCAIWAVE_AUTH_MODE", "scaikey"),
            ("SCAIWAVE_OIDC_ISSUER", self.issuer.as_str()),
            ("SCAIWAVE_OIDC_CLIENT_ID", CLIENT),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    }

    /// An access token of somebody, whom the server knows from its first use on.
    pub fn token(&self, number: usize) -> String {
        let (user, name) = names(number);
        let now = clock::now_ms() / 1000;
        let header = json!({"alg": "EdDSA", "kid": "1", "typ": "JWT"});
        let claims = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": number.to_string(), "iat": now, "exp": now + LIFE,
            "preferred_username": user, "name": name,
        });
        let part = |value: &Value| base64url(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", base64url(&signature))
    }
}

async fn description(State((issuer, _)): State<(String, String)>) -> Json<Value> {
    let at = |path: &str| format!("{issuer}/{path}");
    Json(json!({
        "issuer": issuer, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
        "jwks_uri": at("keys"),
    }))
}

async fn keys(State((_, public)): State<(String, String)>) -> Json<Value> {
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "1", "use": "sig", "x": public});
    Json(json!({ "keys": [key] }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::names;

    #[test]
    fn nobody_is_called_like_another() {
        let users: HashSet<String> = (0..20_000).map(|number| names(number).0).collect();
        assert_eq!(users.len(), 20_000);
        assert_eq!(names(2_041), ("bela.baxter.1".into(), "Bela Baxter".into()));
    }
}
