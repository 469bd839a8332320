//! How a server looks to a stranger: whether it is found by its name, what it says about itself, and whether a signed
//! request gets there as it was sent. For one's own name, or another's; nothing is remembered of it.

use http::Method;
use serde::Serialize;
use serde_json::Value;

use super::Federation;
use super::client::{Call, Destination, PeerError, Signer};
use super::core::descriptor::{self, Descriptor, FEDERATION_PATH};
use super::core::probe::{self, Finding, PROBE, Sent};
use super::error::FederationError;
use crate::clock::iso;
use crate::events::core::names::ServerName;
use crate::tenants::Tenant;

/// Largest answer to the probe.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whose name was checked.
    pub server_name: ServerName,
    /// Whether everything is as it should be.
    pub ok: bool,
    /// What was done, in order, up to the first step that the others need.
    pub steps: Vec<Step>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Step {
    /// Which: `policy`, `connection`, `descriptor`, `key`, `signature`.
    pub step: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was seen, or what is wrong and what to do.
    pub message: String,
    /// For programs: what was sent and what arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
}

impl Report {
    fn add(&mut self, step: &'static str, seen: Result<String, Finding>) -> bool {
        let ok = seen.is_ok();
        let (message, details) = match seen {
            Ok(message) => (message, None),
            Err(finding) => (finding.message, finding.details),
        };
        self.ok &= ok;
        self.steps.push(Step {
            step,
            ok,
            message,
            details,
        });
        ok
    }
}

impl Federation {
    /// Looks at a server as a stranger would, in the name of `tenant`.
    ///
    /// # Errors
    /// The database's, or the tenant's key cannot be used.
    pub async fn check(
        &self,
        tenant: &Tenant,
        name: &ServerName,
    ) -> Result<Report, FederationError> {
        let mut report = Report {
            server_name: name.clone(),
            ok: true,
            steps: Vec::new(),
        };
        let is_own = name == tenant.server_name();
        if !is_own {
            let allowed = self.policies().get(tenant).await?.require(name);
            let seen = allowed.map(|()| "this server federates with it".to_owned());
            report.add(
                "policy",
                seen.map_err(|refused| Finding::new(refused.to_string())),
            );
        }
        let bytes = match self.client().descriptor(name).await {
            Ok(bytes) => bytes,
            Err(error) => {
                report.add("connection", Err(Finding::new(unreachable(&error))));
                return Ok(report);
            }
        };
        report.add("connection", Ok(self.found_at(name)));
        let document = match descriptor::read(&bytes, name, self.now_ms()) {
            Ok(document) => document,
            Err(error) => {
                report.add("descriptor", Err(Finding::new(error.to_string())));
                return Ok(report);
            }
        };
        report.add("descriptor", Ok(described(&document)));
        let key = match is_own {
            true => self.shows_own_key(tenant, &document)?,
            false => self.shows_pinned_key(tenant, &document).await?,
        };
        report.add("key", key);
        let signature = self.send_probe(tenant, &document, is_own).await?;
        report.add("signature", signature);
        Ok(report)
    }

    /// Where the server was found.
    fn found_at(&self, name: &ServerName) -> String {
        match self.client().lists(name) {
            true => format!(
                "{name} answers at its address in SCAIWAVE_FEDERATION_PEER_URLS; who has none looks for https://{name}"
            ),
            false => format!("https://{name} answers"),
        }
    }

    /// The descriptor of the own name has to show the key that this server signs with.
    fn shows_own_key(
        &self,
        tenant: &Tenant,
        document: &Descriptor,
    ) -> Result<Result<String, Finding>, FederationError> {
        let current = self.keys().current(tenant);
        let current = current.ok_or_else(|| FederationError::Identity("no current key".into()))?;
        let (shown, own) = (document.public_key.key_id(), current.key_id());
        Ok(match shown == own {
            true => Ok(format!("it shows {own}, which this server signs with")),
            false => Err(Finding::new(format!(
                "it shows {shown}, but this server signs with {own}: another server answers under this name, or something \
                 keeps an old copy of {}",
                descriptor::DESCRIPTOR_PATH
            ))),
        })
    }

    /// The descriptor of another server has to agree with what is believed of it.
    async fn shows_pinned_key(
        &self,
        tenant: &Tenant,
        document: &Descriptor,
    ) -> Result<Result<String, Finding>, FederationError> {
        let shown = document.public_key.key_id();
        let peer = self.peers().get(tenant, &document.server_name).await?;
        Ok(match &peer.pinned {
            None => Ok(format!("it shows {shown}; nothing is known of it yet")),
            Some(pinned) => match pinned.accept(document, self.now_ms()) {
                Ok(_) => Ok(format!("it shows {shown}, which is believed")),
                Err(error) => Err(Finding::new(error.to_string())),
            },
        })
    }

    /// Sends a signed request whose path and query do not survive a proxy that touches them.
    async fn send_probe(
        &self,
        tenant: &Tenant,
        document: &Descriptor,
        is_own: bool,
    ) -> Result<Result<String, Finding>, FederationError> {
        let current = self.keys().current(tenant);
        let key = current.ok_or_else(|| FederationError::Identity("no current key".into()))?;
        let path_and_query = format!("{FEDERATION_PATH}{PROBE}");
        let to = Destination {
            name: &document.server_name,
            base_url: document.base_url.as_ref(),
        };
        let call = Call {
            method: Method::GET,
            path_and_query: &path_and_query,
            body: None,
            max_response: MAX_ANSWER_BYTES,
        };
        let signer = Signer {
            name: tenant.server_name(),
            key: &key,
        };
        let authority = self.client().authority(to);
        let answer = match self.client().send(to, call, signer, self.now_ms()).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(Finding::new(unreachable(&error)))),
        };
        let (path, query) = path_and_query
            .split_once('?')
            .unwrap_or((&path_and_query, ""));
        let sent = Sent {
            authority,
            path,
            query,
            is_own,
        };
        let judged = probe::judge(sent, answer.status.as_u16(), &answer.body);
        Ok(judged.map(|()| {
            format!("a signed request reaches {authority} as it was sent, and is believed")
        }))
    }
}

fn unreachable(error: &PeerError) -> String {
    match error {
        PeerError::NoDescriptor { status } => format!(
            "it answered {status} to GET {}: the proxy before it has to pass that path on, too",
            descriptor::DESCRIPTOR_PATH
        ),
        PeerError::Redirect { status } => format!(
            "it answered {status}, but redirects are not followed between servers: it has to answer under its own name"
        ),
        other => other.to_string(),
    }
}

fn described(document: &Descriptor) -> String {
    let until = iso(document.valid_until);
    match &document.base_url {
        Some(url) => format!("valid until {until}; it lives at {url}"),
        None => format!("valid until {until}"),
    }
}

#[cfg(test)]
mod tests;
