//! What the played peer sends: requests signed as the specification asks, or with one thing wrong.

use serde_json::Value;

use super::{FEDERATION, Peer};
use crate::check::Stop;
use crate::client::Agent;
use crate::client::answer::Answer;
use crate::clock;
use crate::protocol::http_signature::{self, Manner, Target};
use crate::protocol::key::Key;

/// A signed request that is not sent yet.
pub struct Signed {
    target: Target,
    key: Key,
    manner: Manner,
    sent_body: Vec<u8>,
    sent_path: String,
    headers: Vec<(String, String)>,
    left_out: Vec<String>,
    twice: Vec<String>,
    impatient: bool,
}

impl Peer {
    /// A lawful request to a path below the federation's root; `query` is what follows the question mark.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Signed {
        let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
        self.request_raw(method, path, body)
    }

    /// The same with a body of any bytes.
    pub fn request_raw(&self, method: &str, path: &str, body: Vec<u8>) -> Signed {
        let full = format!("{FEDERATION}{path}");
        let (path, query) = full.split_once('?').unwrap_or((&full, ""));
        let manner = Manner::lawful(self.name(), self.key(), !body.is_empty(), clock::now_ms());
        Signed {
            target: Target {
                method: method.to_owned(),
                authority: self.subject_name().to_owned(),
                path: path.to_owned(),
                query: query.to_owned(),
                body: body.clone(),
            },
            key: self.key().clone(),
            manner,
            sent_body: body,
            sent_path: full.clone(),
            headers: Vec::new(),
            left_out: Vec::new(),
            twice: Vec::new(),
            impatient: false,
        }
    }

    /// Sends a lawful GET.
    pub async fn get(&self, agent: &Agent, path: &str) -> Result<Answer, Stop> {
        self.request("GET", path, None).send(agent).await
    }

    /// Sends a lawful POST.
    pub async fn post(&self, agent: &Agent, path: &str, body: &Value) -> Result<Answer, Stop> {
        self.request("POST", path, Some(body)).send(agent).await
    }
}

impl Signed {
    /// Changes how it is signed.
    pub fn manner(mut self, change: impl FnOnce(&mut Manner)) -> Self {
        change(&mut self.manner);
        self
    }

    /// Signs something else than is sent.
    pub fn signs(mut self, change: impl FnOnce(&mut Target)) -> Self {
        change(&mut self.target);
        self
    }

    /// Signs with another key, under the `keyid` that the manner says.
    pub fn with_key(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    /// Sends another body than was signed.
    pub fn sends_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.sent_body = body.into();
        self
    }

    /// Sends to another path than was signed.
    pub fn sends_to(mut self, path: &str) -> Self {
        self.sent_path = format!("{FEDERATION}{path}");
        self
    }

    /// Adds a header, or replaces one of the signature's.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.left_out.push(name.to_ascii_lowercase());
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves out one of the signature's headers.
    pub fn without(mut self, name: &str) -> Self {
        self.left_out.push(name.to_ascii_lowercase());
        self
    }

    /// Sends one of the signature's headers in two lines that say the same.
    pub fn twice(mut self, name: &str) -> Self {
        self.twice.push(name.to_ascii_lowercase());
        self
    }

    /// Takes a 429 as the answer.
    pub fn impatient(mut self) -> Self {
        self.impatient = true;
        self
    }

    /// Sends it.
    pub async fn send(self, agent: &Agent) -> Result<Answer, Stop> {
        let mut call = agent
            .stranger()
            .call(&self.target.method, self.sent_path.clone())
            .header("Host", self.target.authority.clone());
        if !self.sent_body.is_empty() {
            call = call.raw("application/json", self.sent_body.clone());
        }
        let signed = http_signature::headers(&self.target, &self.manner, &self.key);
        let kept = signed
            .into_iter()
            .filter(|(name, _)| !self.left_out.contains(&name.to_ascii_lowercase()));
        for (name, value) in kept.chain(self.headers) {
            if self.twice.contains(&name.to_ascii_lowercase()) {
                call = call.header(&name, value.clone());
            }
            call = call.header(&name, value);
        }
        if self.impatient {
            call = call.impatient();
        }
        call.send().await
    }
}
