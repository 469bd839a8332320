//! An account with its session, which renews itself the way clients do: at four fifths of the token's life.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::check::Stop;
use crate::client::Agent;
use crate::judge;

/// Somebody who can sign in.
pub struct Account {
    /// The participant.
    pub id: String,
    /// The name within the tenant.
    pub local_id: String,
    /// The name on the network.
    pub fqid: String,
    /// What `username` takes.
    pub username: String,
    /// The password the account was made with.
    pub password: String,
    session: Mutex<Session>,
}

struct Session {
    access_token: String,
    refresh_token: String,
    session_id: String,
    since: Instant,
    life: Duration,
}

impl Account {
    /// Signs in and asks who that is.
    pub async fn sign_in(stranger: &Agent, username: &str, password: &str) -> Result<Self, Stop> {
        let data = stranger
            .post("/v1/auth/token", password_grant(username, password))
            .await?
            .ok()?;
        let session = Session::from_tokens(&data)?;
        let me = stranger
            .with_token(&session.access_token)
            .get("/v1/me")
            .await?
            .ok()?;
        Ok(Self {
            id: judge::text(&me, "/participant_id")?,
            local_id: judge::text(&me, "/local_id")?,
            fqid: judge::text(&me, "/fqid")?,
            username: username.to_owned(),
            password: password.to_owned(),
            session: Mutex::new(session),
        })
    }

    /// An access token with at least a fifth of its life left.
    pub async fn access_token(&self, stranger: &Agent) -> Result<String, Stop> {
        let mut session = self.session.lock().await;
        if session.since.elapsed() >= session.life.mul_f32(0.8) {
            let request = json!({"refresh_token": session.refresh_token});
            let call = stranger.call("POST", "/v1/auth/refresh").json(request);
            // Boxed because sending asks for a token, which may come here.
            let data = Box::pin(call.send()).await?.ok()?;
            *session = Session::from_tokens(&data)?;
        }
        Ok(session.access_token.clone())
    }

    /// The session that the access token belongs to.
    pub async fn session_id(&self) -> String {
        self.session.lock().await.session_id.clone()
    }
}

impl Session {
    fn from_tokens(data: &Value) -> Result<Self, Stop> {
        let life = judge::int(data, "/expires_in")?;
        Ok(Self {
            access_token: judge::text(data, "/access_token")?,
            refresh_token: judge::text(data, "/refresh_token")?,
            session_id: judge::text(data, "/session_id")?,
            since: Instant::now(),
            life: Duration::from_secs(life.unsigned_abs()),
        })
    }
}

/// The body of a password grant.
pub fn password_grant(username: &str, password: &str) -> Value {
    json!({"grant_type": "password", "username": username, "password": password})
}
