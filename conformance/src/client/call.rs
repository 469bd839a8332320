//! One request: built by a check, sent once, answered once.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::Agent;
use super::answer::Answer;
use super::tls::Trust;
use super::transcript::shortened;
use crate::check::{Stop, failed};
use crate::coverage::Asked;

/// How long a request may take in all; the longest lawful long poll takes 60 s.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(75);
/// How long the suite waits at most because a rate limit says so.
const LONGEST_RATE_WAIT: Duration = Duration::from_secs(30);

/// How a server is reached.
#[derive(Clone)]
pub struct Way {
    http: reqwest::Client,
    base: String,
    host: Option<String>,
    trust: Trust,
    asked: Asked,
}

impl Way {
    /// The server at `base` (scheme and authority, without a slash at the end).
    pub fn new(base: &str, trust: Trust) -> Result<Self, String> {
        let http = trust
            .apply(reqwest::Client::builder())?
            .redirect(reqwest::redirect::Policy::none())
            .timeout(REQUEST_TIMEOUT)
            .connect_timeout(Duration::from_secs(5))
            // Servers close the connection of a request that they did not read to its end: no other one is to find itself
            // on it.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            host: None,
            trust,
            asked: Asked::default(),
        })
    }

    /// The same server by another name: the `Host` header chooses among its tenants.
    pub fn with_host(&self, host: Option<&str>) -> Self {
        Self {
            host: host.map(str::to_owned),
            ..self.clone()
        }
    }

    /// The name in the `Host` header, if it is not the address.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Scheme and authority.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Which certificates are believed.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// What was asked by this way, whoever asked.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// The client below, for whoever builds requests by hand.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }
}

/// A request that is not sent yet.
pub struct Call {
    agent: Agent,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    patient: bool,
}

impl Call {
    pub(super) fn new(agent: Agent, method: &str, path: String) -> Self {
        Self {
            agent,
            method: method.to_owned(),
            path,
            headers: Vec::new(),
            body: None,
            patient: true,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sends this JSON value.
    pub fn json(self, body: Value) -> Self {
        self.raw("application/json", body.to_string())
    }

    /// Sends exactly these bytes under this content type.
    pub fn raw(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut call = self.header("Content-Type", content_type);
        call.body = Some(body.into());
        call
    }

    /// Sends these fields as a form.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let encoded = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.raw("application/x-www-form-urlencoded", encoded)
    }

    /// Takes a 429 as the answer, instead of waiting as it says and trying again.
    pub fn impatient(mut self) -> Self {
        self.patient = false;
        self
    }

    /// Sends the request. A server that cannot be reached is a failure.
    pub async fn send(self) -> Result<Answer, Stop> {
        loop {
            let answer = self.send_once().await?;
            let Some(wait) = answer.retry_after().filter(|_| self.patient) else {
                return Ok(answer);
            };
            if wait > LONGEST_RATE_WAIT {
                return Ok(answer);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn send_once(&self) -> Result<Answer, Stop> {
        let method = Method::from_bytes(self.method.as_bytes())
            .map_err(|_| failed(format!("the suite cannot send method {}", self.method)))?;
        let url = format!("{}{}", self.agent.way.base, self.path);
        let mut request = self.agent.way.http.request(method, url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let names_host = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"));
        if let (Some(host), false) = (self.agent.way.host(), names_host) {
            request = request.header("Host", host);
        }
        if let Some(token) = self.agent.token().await? {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let outcome = match request.send().await {
            Ok(response) => Answer::read(response).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(answer) => {
                let asked = self.agent.way.asked();
                asked.note(&self.method, &self.path, answer.status);
                self.agent
                    .transcript
                    .note(self.describe(), answer.describe());
                Ok(answer)
            }
            Err(error) => {
                let reason = with_causes(&error);
                self.agent.transcript.note(self.describe(), reason.clone());
                Err(failed(format!(
                    "no answer to {} {}: {reason}",
                    self.method, self.path
                )))
            }
        }
    }

    fn describe(&self) -> String {
        let mut text = format!("{} {}", self.method, self.path);
        for (name, value) in &self.headers {
            text.push_str(&format!("\n{name}: {value}"));
        }
        if let Some(body) = &self.body {
            text.push_str("\n\n");
            text.push_str(&shortened(&String::from_utf8_lossy(body)));
        }
        text
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
