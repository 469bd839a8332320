//! Every setting, read from the environment and checked before anything starts.
//!
//! [`settings`] is the table of variables; this module gives the values their types and checks what concerns several of them.
//! All mistakes are reported at once. Uses no other module but the names of servers.

mod load;
mod parse;
mod provider;
mod reader;
pub mod reference;
pub mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;
use zeroize::Zeroizing;

use crate::events::core::names::ServerName;

pub use load::Loaded;
pub use reader::{Problem, Problems, Shown, Source};

/// The settings of a process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server listens.
    pub bind: SocketAddr,
    /// The address that clients see, and whether it was set or made from `bind`.
    pub public_url: Url,
    public_url_is_derived: bool,
    /// Where a sign-in in the browser returns to.
    pub web_client_url: Option<Url>,
    /// The federation name of the first tenant.
    pub server_name: OwnName,
    /// Where database, keys and secrets are.
    pub data_dir: PathBuf,
    /// The key that was set, if one was; else the one in the data folder counts.
    pub secret_key: Option<SecretKey>,
    /// Certificate and key, if the server itself speaks TLS.
    pub tls: Option<TlsFiles>,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins of web pages that may call the API; scheme, host and port.
    pub cors_origins: Vec<Url>,
    /// Hosts that outgoing calls may reach although their address is private; as a parsed URL writes them.
    pub allow_private_hosts: Vec<String>,
    /// The database.
    pub database: DatabaseSettings,
    /// Sign-in.
    pub auth: AuthSettings,
    /// The federation.
    pub federation: FederationSettings,
    /// Sizes and times.
    pub limits: LimitSettings,
    /// Requests and events a minute.
    pub rates: RateSettings,
    /// Logs.
    pub log: LogSettings,
    /// Where `/metrics` is served instead of at `bind`.
    pub metrics_bind: Option<SocketAddr>,
    /// Each setting as it applies, secrets masked.
    pub shown: Vec<Shown>,
}

/// A server name, and whether somebody chose it: only a chosen one may contradict the stored one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnName {
    /// The name.
    pub name: ServerName,
    /// Whether it was set; else it was made from the public URL.
    pub is_explicit: bool,
}

/// The key that encrypts stored credentials. Never shown.
#[derive(Clone)]
pub struct SecretKey(Zeroizing<[u8; 32]>);

impl SecretKey {
    /// The key's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

/// Where certificate chain and private key are, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Which database, and how many connections.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// Where it is.
    pub url: DatabaseUrl,
    /// Most connections.
    pub pool: u32,
}

/// A URL of SQLite or Postgres. `Debug` hides it, for it may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The URL with its password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a file of SQLite; else it is Postgres.
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        self.0.starts_with("sqlite:")
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(***)")
    }
}

/// How people sign in.
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// Who knows the accounts.
    pub mode: AuthMode,
    /// How long an access token lives.
    pub access_token_ttl: Duration,
    /// How long a session lives from its last use.
    pub refresh_token_ttl: Duration,
    /// How far other clocks may be off.
    pub clock_skew: Duration,
    /// The identity provider, in the modes that have one.
    pub provider: Option<ProviderSettings>,
}

/// Who knows the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// This server, with passwords.
    Local,
    /// Nobody: every token is the same user. For development.
    Mock,
    /// An identity provider.
    Scaikey,
    /// All of them: a token's form says whose it is. For development.
    Hybrid,
}

impl AuthMode {
    /// The word for it, as set and as clients see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            AuthMode::Local => "local",
            AuthMode::Mock => "mock",
            AuthMode::Scaikey => "scaikey",
            AuthMode::Hybrid => "hybrid",
        }
    }

    /// Whether this server has accounts with passwords.
    #[must_use]
    pub const fn has_local_accounts(self) -> bool {
        matches!(self, AuthMode::Local | AuthMode::Hybrid)
    }

    /// Whether an identity provider has accounts.
    #[must_use]
    pub const fn has_provider(self) -> bool {
        matches!(self, AuthMode::Scaikey | AuthMode::Hybrid)
    }

    /// Whether any text at all is a good token.
    #[must_use]
    pub const fn takes_mock_tokens(self) -> bool {
        matches!(self, AuthMode::Mock | AuthMode::Hybrid)
    }
}

/// An identity provider, and this server as its client.
#[derive(Clone, Debug)]
pub struct ProviderSettings {
    /// Where the provider describes itself.
    pub discovery: Url,
    /// The issuer in its tokens; without one, what the description says, as long as that lies at the same host.
    pub issuer: Option<String>,
    /// The client.
    pub client_id: String,
    /// Its secret, if it has one.
    pub client_secret: Option<ClientSecret>,
    /// What the audience of tokens has to hold.
    pub audience: String,
    /// Which claim names the tenant.
    pub tenant_claim: String,
}

/// The secret of a client at the provider. Never shown.
#[derive(Clone)]
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    /// The secret.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(***)")
    }
}

/// How this server meets others.
#[derive(Clone, Debug)]
pub struct FederationSettings {
    /// Fixed addresses by server name.
    pub peer_urls: BTreeMap<ServerName, Url>,
    /// A further certificate authority.
    pub ca_file: Option<PathBuf>,
    /// How long a host waits for its peers after a start before it changes a room's state.
    pub state_wait: Duration,
}

/// Sizes and times.
#[derive(Clone, Debug)]
pub struct LimitSettings {
    /// How long messages of new rooms can be edited; zero for never.
    pub edit_window: Duration,
    /// Largest canonical content of an event that own users send, in bytes.
    pub max_content: usize,
    /// Largest file, in bytes.
    pub max_upload: u64,
    /// Bytes that copies of other servers' files take, at most.
    pub max_foreign_media: u64,
    /// Largest body of a request, in bytes.
    pub max_body: usize,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// Open sockets of one participant.
    pub max_sockets_per_user: usize,
}

/// How many a minute; 0 for no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateSettings {
    /// Sends of a tenant without a limit of its own.
    pub tenant_sends: u32,
    /// Sends of a participant.
    pub sends: u32,
    /// Other writes of a participant.
    pub writes: u32,
    /// Reads of a participant.
    pub reads: u32,
    /// Typing notices of a participant.
    pub typing: u32,
    /// Events of a bridge.
    pub bridge_sends: u32,
    /// Requests without a valid token of an address.
    pub address: u32,
    /// Sign-ins of an account.
    pub logins: u32,
    /// Events of a peer.
    pub peer_events: u32,
    /// Requests of a peer.
    pub peer_requests: u32,
}

/// What is logged, and how.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// The filter, in the syntax of `tracing_subscriber::EnvFilter`.
    pub filter: String,
    /// The format, if one was chosen; else text on a terminal and JSON elsewhere.
    pub format: Option<LogFormat>,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one object a line.
    Json,
}
