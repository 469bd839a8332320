//! From the settings to what the federation is made of.

use url::Host;

use crate::config::Config;
use crate::federation::client::{Client, ClientOptions, ClientSetupError};
use crate::federation::core::descriptor::BaseUrl;

/// The client for calls to other servers.
pub(super) fn client(config: &Config) -> Result<Client, ClientSetupError> {
    let ca_pem = match &config.federation.ca_file {
        None => None,
        Some(path) => {
            Some(
                std::fs::read(path).map_err(|source| ClientSetupError::CaUnreadable {
                    path: path.clone(),
                    source,
                })?,
            )
        }
    };
    Client::new(&ClientOptions {
        peer_urls: config.federation.peer_urls.clone(),
        private_hosts: config.allow_private_hosts.iter().cloned().collect(),
        ca_pem,
        ..ClientOptions::default()
    })
}

/// Where the first tenant lives, if the public URL leads to another host than its name: other servers are sent there.
pub(super) fn base_url(config: &Config) -> Option<BaseUrl> {
    let url = &config.public_url;
    let Some(Host::Domain(host)) = url.host() else {
        return None;
    };
    let authority = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    if authority == config.server_name.name.as_str() {
        return None;
    }
    format!("{}://{authority}", url.scheme()).parse().ok()
}
