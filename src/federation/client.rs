//! The one HTTP client for calls to other servers.
//!
//! A peer's name, its addresses and its answers are a stranger's input: no redirect is followed, no proxy or
//! compression used, names resolve through [`super::resolver`], answers are capped in size and time. HTTP/1.1 only,
//! where `Host`, which the signature covers, can be set apart from the address that is connected to.
//!
//! Where a request goes: the operator's listed URL replaces the peer's address and nothing else (Host, SNI and
//! `@authority` stay the server's name); without one, a `base_url` that the peer publishes replaces all of them.

mod error;
#[cfg(test)]
pub(super) mod fake_peer;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use reqwest::{Certificate, ClientBuilder};
use url::{Host, Url};

pub use self::error::{ClientSetupError, PeerError};
use super::core::address::is_public;
use super::core::descriptor::{BaseUrl, DESCRIPTOR_PATH, MAX_DESCRIPTOR_BYTES};
use super::core::http_signature;
use super::resolver::{Guarded, Listed, Lookups};
use crate::events::core::names::ServerName;
use crate::events::core::sign::KeyPair;
use crate::outgoing;

/// Largest answer to a signed request, unless the caller sets a lower limit.
pub const MAX_RESPONSE_BYTES: usize = 16 << 20;
/// For connecting, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept; shorter than common servers and proxies keep theirs.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What the operator sets about calls to other servers.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// `SCAIWAVE_FEDERATION_PEER_URLS`: fixed addresses of peers, `http` or `https`.
    pub peer_urls: BTreeMap<ServerName, Url>,
    /// `SCAIWAVE_ALLOW_PRIVATE_HOSTS`: hosts that may have private addresses.
    pub private_hosts: BTreeSet<String>,
    /// Contents of `SCAIWAVE_FEDERATION_CA_FILE`: certificates in PEM, trusted beside the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// For a whole request, its answer included.
    pub timeout: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            peer_urls: BTreeMap::new(),
            private_hosts: BTreeSet::new(),
            ca_pem: None,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Whom to call.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// The server's name.
    pub name: &'a ServerName,
    /// Where its descriptor says that it lives, if elsewhere.
    pub base_url: Option<&'a BaseUrl>,
}

/// What to ask.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// `GET` or `POST`.
    pub method: Method,
    /// From the first slash, percent-encoded, with the query.
    pub path_and_query: &'a str,
    /// JSON, or nothing.
    pub body: Option<Vec<u8>>,
    /// Largest answer that makes sense.
    pub max_response: usize,
}

/// In whose name a request is signed.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The calling server.
    pub name: &'a ServerName,
    /// Its current key.
    pub key: &'a KeyPair,
}

/// An answer, complete.
#[derive(Debug, Clone)]
pub struct PeerResponse {
    /// Its status; never a redirect.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, no longer than was allowed.
    pub body: Vec<u8>,
}

impl PeerResponse {
    /// The seconds of `Retry-After`, if the peer asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self
            .headers
            .get(header::RETRY_AFTER)?
            .to_str()
            .ok()?
            .parse()
            .ok()?;
        Some(Duration::from_secs(seconds))
    }
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct PeerStream {
    /// Its status; never a redirect.
    pub status: StatusCode,
    response: reqwest::Response,
    limit: usize,
    left: usize,
}

impl PeerStream {
    /// The next bytes of the body; `None`: that was all.
    ///
    /// # Errors
    /// [`PeerError`]: it is longer than was allowed, or breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, PeerError> {
        let Some(chunk) = self.response.chunk().await? else {
            return Ok(None);
        };
        let limit = self.limit;
        let left = self.left.checked_sub(chunk.len());
        self.left = left.ok_or(PeerError::TooLarge { limit })?;
        Ok(Some(chunk))
    }
}

/// The client; clones share its connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    open: reqwest::Client,
    listed: BTreeMap<ServerName, ListedPeer>,
}

/// Each listed peer has connections of its own: two names may share a host and differ in their listed address.
#[derive(Debug)]
struct ListedPeer {
    http: reqwest::Client,
    origin: String,
}

/// Where a request goes and under which name.
struct Route<'a> {
    http: &'a reqwest::Client,
    origin: String,
    authority: &'a str,
}

impl Client {
    /// Sets the client up. Nothing is connected to.
    ///
    /// # Errors
    /// An option that cannot be used.
    pub fn new(options: &ClientOptions) -> Result<Self, ClientSetupError> {
        Self::resolving(options, Lookups::new(), is_public)
    }

    fn resolving(
        options: &ClientOptions,
        lookups: Lookups,
        is_public: fn(IpAddr) -> bool,
    ) -> Result<Self, ClientSetupError> {
        let certificates = read_certificates(options.ca_pem.as_deref())?;
        let guard = Guarded {
            lookups: lookups.clone(),
            private_hosts: Arc::new(options.private_hosts.clone()),
            is_public,
        };
        let open = builder(options, &certificates)
            .dns_resolver(guard)
            .build()?;
        let mut listed = BTreeMap::new();
        for (name, url) in &options.peer_urls {
            let (host, origin) =
                listed_origin(name, url).ok_or_else(|| ClientSetupError::PeerUrl(url.clone()))?;
            let resolver = Listed {
                lookups: lookups.clone(),
                host,
            };
            let http = builder(options, &certificates)
                .dns_resolver(resolver)
                .build()?;
            listed.insert(name.clone(), ListedPeer { http, origin });
        }
        Ok(Self(Arc::new(Inner { open, listed })))
    }

    /// Whether the operator listed this peer's address.
    #[must_use]
    pub fn lists(&self, peer: &ServerName) -> bool {
        self.0.listed.contains_key(peer)
    }

    /// The `Host` under which a server is asked.
    #[must_use]
    pub fn authority<'a>(&self, to: Destination<'a>) -> &'a str {
        match to.base_url.filter(|_| !self.lists(to.name)) {
            Some(url) => url.authority(),
            None => to.name.as_str(),
        }
    }

    /// Fetches a server's descriptor, unsigned, from where its name leads.
    ///
    /// # Errors
    /// [`PeerError`]: nothing usable was answered.
    pub async fn descriptor(&self, peer: &ServerName) -> Result<Vec<u8>, PeerError> {
        let route = self.route(Destination {
            name: peer,
            base_url: None,
        });
        let url = route.url(DESCRIPTOR_PATH)?;
        let request = route.http.get(url).header(header::HOST, route.authority);
        let answer = receive(request, MAX_DESCRIPTOR_BYTES).await?;
        if answer.status != StatusCode::OK {
            return Err(PeerError::NoDescriptor {
                status: answer.status,
            });
        }
        Ok(answer.body)
    }

    /// Sends a signed request and waits for the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`PeerError`]: nothing usable was answered. The request may have taken effect all the same.
    pub async fn send(
        &self,
        to: Destination<'_>,
        call: Call<'_>,
        signer: Signer<'_>,
        now_ms: i64,
    ) -> Result<PeerResponse, PeerError> {
        let max_response = call.max_response;
        receive(self.request(to, call, signer, now_ms)?, max_response).await
    }

    /// Sends a signed request whose answer is read piece by piece, and may take so long in all.
    ///
    /// # Errors
    /// As [`Client::send`]; the answer itself can still break off.
    pub async fn open(
        &self,
        to: Destination<'_>,
        call: Call<'_>,
        signer: Signer<'_>,
        now_ms: i64,
        longest: Duration,
    ) -> Result<PeerStream, PeerError> {
        let max_response = call.max_response;
        let request = self.request(to, call, signer, now_ms)?.timeout(longest);
        open(request, max_response).await
    }

    fn request(
        &self,
        to: Destination<'_>,
        call: Call<'_>,
        signer: Signer<'_>,
        now_ms: i64,
    ) -> Result<reqwest::RequestBuilder, PeerError> {
        let route = self.route(to);
        let url = route.url(call.path_and_query)?;
        let body = call.body.unwrap_or_default();
        let signed = http_signature::Request {
            method: call.method.as_str(),
            authority: route.authority,
            path: url.path(),
            query: url.query(),
            body: &body,
        };
        let headers = http_signature::sign(&signed, signer.name, signer.key, now_ms)?;
        let mut request = route
            .http
            .request(call.method, url)
            .header(header::HOST, route.authority);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !body.is_empty() {
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .body(body);
        }
        Ok(request)
    }

    fn route<'a>(&'a self, to: Destination<'a>) -> Route<'a> {
        let authority = self.authority(to);
        if let Some(listed) = self.0.listed.get(to.name) {
            return Route {
                http: &listed.http,
                origin: listed.origin.clone(),
                authority,
            };
        }
        Route {
            http: &self.0.open,
            origin: format!("https://{authority}"),
            authority,
        }
    }
}

impl Route<'_> {
    fn url(&self, path_and_query: &str) -> Result<Url, PeerError> {
        let url = Url::parse(&format!("{}{path_and_query}", self.origin))
            .map_err(|error| PeerError::Request(error.to_string()))?;
        // A text such as "@host/" or ":1/" would have become part of the authority.
        if path_and_query.starts_with('/') {
            Ok(url)
        } else {
            Err(PeerError::Request(format!(
                "{path_and_query:?} is not a path"
            )))
        }
    }
}

fn builder(options: &ClientOptions, certificates: &[Certificate]) -> ClientBuilder {
    let builder = outgoing::client()
        .connect_timeout(CONNECT_TIMEOUT.min(options.timeout))
        .timeout(options.timeout)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(2);
    let certificates = certificates.iter().cloned();
    match cfg!(test) {
        false => builder.tls_certs_merge(certificates),
        // Unit tests start servers by the thousand, and none of them meets one that the system's certificates vouch for.
        true => builder.tls_certs_only(certificates),
    }
}

fn read_certificates(pem: Option<&[u8]>) -> Result<Vec<Certificate>, ClientSetupError> {
    let Some(pem) = pem else {
        return Ok(Vec::new());
    };
    match Certificate::from_pem_bundle(pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(ClientSetupError::CaFile(None)),
        Err(error) => Err(ClientSetupError::CaFile(Some(error))),
    }
}

/// Where a listed peer is connected to, and the origin under which it is asked: the name's host, which TLS then names
/// and verifies, with the listed port. Without TLS the listed URL itself will do.
fn listed_origin(name: &ServerName, url: &Url) -> Option<(Host<String>, String)> {
    let host = url.host()?.to_owned();
    let port = url.port_or_known_default()?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let origin = match url.scheme() {
        "https" => Url::parse(&format!("https://{}:{port}", name.host()))
            .ok()?
            .origin(),
        "http" => url.origin(),
        _ => return None,
    };
    Some((host, origin.ascii_serialization()))
}

/// Sends a request and reads the answer chunk by chunk, since a length may be absent or a lie.
async fn receive(
    request: reqwest::RequestBuilder,
    limit: usize,
) -> Result<PeerResponse, PeerError> {
    let mut answer = open(request, limit).await?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
    }
    let headers = std::mem::take(answer.response.headers_mut());
    Ok(PeerResponse {
        status: answer.status,
        headers,
        body,
    })
}

async fn open(request: reqwest::RequestBuilder, limit: usize) -> Result<PeerStream, PeerError> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_redirection() {
        return Err(PeerError::Redirect { status });
    }
    let stated = response.content_length().unwrap_or(0);
    if usize::try_from(stated).map_or(true, |stated| stated > limit) {
        return Err(PeerError::TooLarge { limit });
    }
    Ok(PeerStream {
        status,
        response,
        limit,
        left: limit,
    })
}

#[cfg(test)]
mod rebinding_tests;
#[cfg(test)]
mod tests;
