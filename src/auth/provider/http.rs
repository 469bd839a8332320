//! The HTTP client for the identity provider.
//!
//! The operator names the provider, which may well be in a private network, so its addresses are not judged as those of
//! strangers are. It is bounded all the same, in time, size and number, and no redirect is followed: a secret goes
//! where it was meant to go or nowhere.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{StatusCode, header};
use reqwest::RequestBuilder;
use tokio::sync::Semaphore;
use url::form_urlencoded;

use super::error::ProviderError;
use crate::outgoing;

/// For connecting, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// For a whole request, its answer and the wait for a free place included.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Requests at one time.
const AT_ONCE: usize = 32;
/// Largest answer, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// The client. Connections are kept.
#[derive(Debug)]
pub(super) struct Http {
    client: reqwest::Client,
    places: Semaphore,
}

/// A complete answer.
#[derive(Debug)]
pub(super) struct Reply {
    /// Its status; never a redirect.
    pub(super) status: StatusCode,
    /// Its body.
    pub(super) body: Vec<u8>,
}

/// How this server proves at the token endpoint that it is the client.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof<'a> {
    /// Not at all: the client is a public one, which names itself in the form.
    None { client_id: &'a str },
    /// With name and secret in the header.
    Basic { client_id: &'a str, secret: &'a str },
    /// With name and secret in the form.
    Form { client_id: &'a str, secret: &'a str },
}

impl Http {
    /// Sets the client up. Nothing is connected to.
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let client = outgoing::client()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .build()?;
        Ok(Http {
            client,
            places: Semaphore::new(AT_ONCE),
        })
    }

    /// Asks for a document; with `bearer`, in somebody's name.
    pub(super) async fn get(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<Reply, ProviderError> {
        let mut request = self
            .client
            .get(url)
            .header(header::ACCEPT, "application/json");
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        self.send(request).await
    }

    /// Sends a form.
    pub(super) async fn post(
        &self,
        url: &str,
        proof: Proof<'_>,
        fields: &[(&str, &str)],
    ) -> Result<Reply, ProviderError> {
        let request = self
            .client
            .post(url)
            .header(header::ACCEPT, "application/json")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = match proof {
            Proof::Basic { client_id, secret } => {
                request.header(header::AUTHORIZATION, basic(client_id, secret))
            }
            Proof::None { .. } | Proof::Form { .. } => request,
        };
        self.send(request.body(form(proof, fields))).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Reply, ProviderError> {
        let answering = async {
            let _place = self.places.acquire().await;
            let mut response = request.send().await?;
            let status = response.status();
            if status.is_redirection() {
                let said = format!("it answered with a redirect ({status})");
                return Err(ProviderError::Silent(said));
            }
            let mut body = Vec::new();
            // A length may be absent or a lie.
            while let Some(chunk) = response.chunk().await? {
                if body.len() + chunk.len() > MAX_ANSWER {
                    let said = format!("its answer has more than {MAX_ANSWER} bytes");
                    return Err(ProviderError::Silent(said));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Reply { status, body })
        };
        match tokio::time::timeout(TIMEOUT, answering).await {
            Ok(answer) => answer,
            Err(_) => Err(ProviderError::Silent("no answer in time".to_owned())),
        }
    }
}

/// The fields, and those of the client that do not stand in the header.
fn form(proof: Proof<'_>, fields: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    match proof {
        Proof::None { client_id } => {
            form.append_pair("client_id", client_id);
        }
        Proof::Form { client_id, secret } => {
            form.append_pair("client_id", client_id)
                .append_pair("client_secret", secret);
        }
        Proof::Basic { .. } => {}
    }
    form.finish()
}

/// Name and secret are encoded as in a form before they are joined (RFC 6749, section 2.3.1).
fn basic(client_id: &str, secret: &str) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(client_id), encoded(secret));
    format!("Basic {}", BASE64_STANDARD.encode(pair))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_secret_are_encoded_before_they_are_joined() {
        assert_eq!(basic("a", "b"), "Basic YTpi");
        let header = basic("a:b", "c d/+");
        let decoded = BASE64_STANDARD.decode(header.trim_start_matches("Basic "));
        assert_eq!(decoded.unwrap(), b"a%3Ab:c+d%2F%2B");
    }
}
