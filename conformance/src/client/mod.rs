//! A client without types: it sends what a check asks for, and hands the answer over as it came.
//!
//! [`Agent`] is somebody who sends requests (a stranger, or the holder of a token), [`Call`] one request,
//! [`answer::Answer`] what came back, [`socket::Socket`] a WebSocket. Every exchange goes into the check's
//! [`transcript::Transcript`], which a failure shows.

pub mod answer;
pub mod call;
pub mod socket;
pub mod tls;
pub mod transcript;

use std::sync::Arc;

use serde_json::Value;

use crate::cast::account::Account;
use crate::check::Stop;
use answer::Answer;
use call::{Call, Way};
use transcript::Transcript;

/// Whose token goes with the requests of an [`Agent`].
#[derive(Clone)]
pub enum Bearer {
    /// None at all.
    Nobody,
    /// Exactly this text.
    Token(Arc<str>),
    /// The account's current access token, renewed when it runs out.
    Account(Arc<Account>),
}

/// Somebody who sends requests to the server under test.
#[derive(Clone)]
pub struct Agent {
    way: Way,
    bearer: Bearer,
    transcript: Transcript,
}

impl Agent {
    /// Somebody who reaches the server by `way` and shows `bearer`.
    pub fn new(way: Way, bearer: Bearer, transcript: Transcript) -> Self {
        Self {
            way,
            bearer,
            transcript,
        }
    }

    /// The same way to the server, with another token or none.
    pub fn with_bearer(&self, bearer: Bearer) -> Self {
        Self {
            bearer,
            ..self.clone()
        }
    }

    /// The same way to the server, with exactly this token.
    pub fn with_token(&self, token: &str) -> Self {
        self.with_bearer(Bearer::Token(token.into()))
    }

    /// The token that the next request will carry.
    pub async fn token(&self) -> Result<Option<String>, Stop> {
        match &self.bearer {
            Bearer::Nobody => Ok(None),
            Bearer::Token(token) => Ok(Some(token.to_string())),
            Bearer::Account(account) => account.access_token(&self.stranger()).await.map(Some),
        }
    }

    /// The same way to the server, without a token.
    pub fn stranger(&self) -> Self {
        self.with_bearer(Bearer::Nobody)
    }

    /// How this agent reaches the server.
    pub fn way(&self) -> &Way {
        &self.way
    }

    /// Where this agent's exchanges are written down.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// A request that is not sent yet; `path` may hold a query and is sent as it is.
    pub fn call(&self, method: &str, path: impl Into<String>) -> Call {
        Call::new(self.clone(), method, path.into())
    }

    /// Sends a GET.
    pub async fn get(&self, path: impl Into<String>) -> Result<Answer, Stop> {
        self.call("GET", path).send().await
    }

    /// Sends a POST with a JSON body.
    pub async fn post(&self, path: impl Into<String>, body: Value) -> Result<Answer, Stop> {
        self.call("POST", path).json(body).send().await
    }

    /// Sends a PUT with a JSON body.
    pub async fn put(&self, path: impl Into<String>, body: Value) -> Result<Answer, Stop> {
        self.call("PUT", path).json(body).send().await
    }

    /// Sends a DELETE without a body.
    pub async fn delete(&self, path: impl Into<String>) -> Result<Answer, Stop> {
        self.call("DELETE", path).send().await
    }
}
