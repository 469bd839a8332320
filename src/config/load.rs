//! From an environment to a [`Config`]: reads each group of settings, then checks what concerns several of them.

use std::net::SocketAddr;

use url::{Host, Url};
use zeroize::Zeroizing;

use super::reader::{Problems, Reader};
use super::settings as s;
use super::{
    AuthSettings, Config, DatabaseSettings, DatabaseUrl, FederationSettings, LimitSettings,
    LogSettings, OwnName, RateSettings, SecretKey, TlsFiles, parse, provider,
};
use crate::events::core::names::ServerName;

/// A year, the longest time that any setting in seconds makes sense for.
const YEAR: u32 = 366 * 24 * 3600;

/// What reading the settings gives.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What the operator should know, one sentence each.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads and checks the settings of an environment, such as `std::env::vars()`.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Loaded, Problems> {
        let mut reader = Reader::new(environment);
        let config = read_all(&mut reader);
        reader.warn_of_unknown();
        match config {
            Some(mut config) if reader.problems.is_empty() => {
                config.shown = reader.shown;
                let warnings = reader.warnings;
                Ok(Loaded { config, warnings })
            }
            _ => Err(Problems(reader.problems)),
        }
    }

    /// These settings for a listener that got `bound`: with port 0, only now the address that clients see is known.
    #[must_use]
    pub fn bound_to(mut self, bound: SocketAddr) -> Self {
        self.bind = bound;
        if self.public_url_is_derived {
            self.public_url = url_of(bound, self.tls.is_some()).unwrap_or(self.public_url);
            if !self.server_name.is_explicit
                && let Some(name) = name_of(&self.public_url)
            {
                self.server_name.name = name;
            }
        }
        self
    }
}

fn read_all(r: &mut Reader) -> Option<Config> {
    let bind = r.value(&s::BIND, parse::plain);
    let public_url = r.read(&s::PUBLIC_URL, parse::origin);
    let web_client_url = r.read(&s::WEB_CLIENT_URL, parse::web_url);
    let server_name = r.read(&s::SERVER_NAME, parse::server_name);
    let data_dir = r.value(&s::DATA_DIR, parse::path);
    let secret_key = r.read(&s::SECRET_KEY, parse::secret_key);
    let tls = tls(r);
    let trusted_proxies = r.read(&s::TRUSTED_PROXIES, parse::list(parse::network));
    let cors_origins = r.read(&s::CORS_ORIGINS, parse::list(parse::origin));
    let allow_private_hosts = r.read(&s::ALLOW_PRIVATE_HOSTS, parse::list(parse::host));
    let database = data_dir.as_ref().and_then(|folder| database(r, folder));
    let auth = auth(r, bind);
    let federation = federation(r);
    let limits = limits(r);
    let rates = rates(r);
    let log = log(r);
    let metrics_bind = r.read(&s::METRICS_BIND, parse::plain);
    if let Some(Some(_)) = r.read(&s::WEAVIATE_URL, parse::any) {
        r.warnings.push(format!(
            "{} is ignored: search is built in",
            s::WEAVIATE_URL.name
        ));
    }

    let (bind, tls) = (bind?, tls?);
    let public_url_is_derived = public_url.as_ref()?.is_none();
    let public_url = public_url?.or_else(|| url_of(bind, tls.is_some()))?;
    r.derived(&s::PUBLIC_URL, &public_url);
    let server_name = match server_name? {
        Some(name) => OwnName {
            name,
            is_explicit: true,
        },
        None => OwnName {
            name: derived_name(r, &public_url)?,
            is_explicit: false,
        },
    };
    if public_url_is_derived && bind.ip().is_unspecified() {
        r.warnings.push(format!(
            "{} is not set: clients are told {public_url}",
            s::PUBLIC_URL.name
        ));
    }
    Some(Config {
        bind,
        public_url,
        public_url_is_derived,
        web_client_url: web_client_url?,
        server_name,
        data_dir: data_dir?,
        secret_key: secret_key?.map(|bytes| SecretKey(Zeroizing::new(bytes))),
        tls,
        trusted_proxies: trusted_proxies?.unwrap_or_default(),
        cors_origins: cors_origins?.unwrap_or_default(),
        allow_private_hosts: allow_private_hosts?.unwrap_or_default(),
        database: database?,
        auth: auth?,
        federation: federation?,
        limits: limits?,
        rates: rates?,
        log: log?,
        metrics_bind: metrics_bind?,
        shown: Vec::new(),
    })
}

#[expect(clippy::option_option, reason = "absent and wrong are two things")]
fn tls(r: &mut Reader) -> Option<Option<TlsFiles>> {
    let cert = r.read(&s::TLS_CERT_FILE, parse::file);
    let key = r.read(&s::TLS_KEY_FILE, parse::file);
    match (cert?, key?) {
        (Some(cert), Some(key)) => Some(Some(TlsFiles { cert, key })),
        (None, None) => Some(None),
        (Some(_), None) => {
            r.problem(
                &s::TLS_KEY_FILE,
                None,
                "must be set together with SCAIWAVE_TLS_CERT_FILE",
            );
            None
        }
        (None, Some(_)) => {
            r.problem(
                &s::TLS_CERT_FILE,
                None,
                "must be set together with SCAIWAVE_TLS_KEY_FILE",
            );
            None
        }
    }
}

fn database(r: &mut Reader, data_dir: &std::path::Path) -> Option<DatabaseSettings> {
    let url = r.read(&s::DB_URL, parse::database_url);
    let pool = r.value(&s::DB_POOL, parse::whole(1..=1000));
    let url = url?.unwrap_or_else(|| {
        DatabaseUrl(format!("sqlite:{}", data_dir.join("scaiwave.db").display()))
    });
    r.derived(&s::DB_URL, url.as_str());
    Some(DatabaseSettings { url, pool: pool? })
}

fn auth(r: &mut Reader, bind: Option<SocketAddr>) -> Option<AuthSettings> {
    let mode = r.value(&s::AUTH_MODE, parse::auth_mode);
    let mock_anywhere = r.value(&s::MOCK_ANYWHERE, parse::flag);
    let access_token_ttl = r.value(&s::ACCESS_TOKEN_TTL, parse::seconds(1..=YEAR));
    let refresh_token_ttl = r.value(&s::REFRESH_TOKEN_TTL, parse::seconds(1..=YEAR));
    let clock_skew = r.value(&s::CLOCK_SKEW, parse::seconds(0..=3600));
    if let Some(mode) = mode.filter(|mode| mode.takes_mock_tokens())
        && mock_anywhere == Some(false)
        && bind.is_some_and(|bind| !bind.ip().is_loopback())
    {
        let expected = "with it everybody is let in: SCAIWAVE_BIND must be a loopback address, or SCAIWAVE_MOCK_ANYWHERE true";
        r.problem(&s::AUTH_MODE, Some(mode.as_str()), expected);
    }
    let provider = provider::read(r, mode);
    Some(AuthSettings {
        mode: mode?,
        access_token_ttl: access_token_ttl?,
        refresh_token_ttl: refresh_token_ttl?,
        clock_skew: clock_skew?,
        provider: provider?,
    })
}

fn federation(r: &mut Reader) -> Option<FederationSettings> {
    let peer_urls = r.read(&s::FEDERATION_PEER_URLS, parse::list(parse::peer));
    let ca_file = r.read(&s::FEDERATION_CA_FILE, parse::file);
    let state_wait = r.value(&s::FEDERATION_STATE_WAIT, parse::seconds(0..=3600));
    Some(FederationSettings {
        peer_urls: peer_urls?.unwrap_or_default().into_iter().collect(),
        ca_file: ca_file?,
        state_wait: state_wait?,
    })
}

fn limits(r: &mut Reader) -> Option<LimitSettings> {
    let edit_window = r.value(&s::EDIT_WINDOW, parse::seconds(0..=u32::MAX));
    let max_content = r.value(&s::MAX_CONTENT, parse::whole(1..=65_536));
    let max_upload = r.value(&s::MAX_UPLOAD, parse::bytes(1..=1 << 40));
    let max_foreign_media = r.value(&s::MAX_FOREIGN_MEDIA, parse::bytes(0..=1 << 50));
    let max_body = r.value(&s::MAX_BODY, parse::whole(1024..=16_777_216));
    let request_timeout = r.value(&s::REQUEST_TIMEOUT, parse::seconds(1..=3600));
    let max_sockets_per_user = r.value(&s::MAX_SOCKETS_PER_USER, parse::whole(1..=1000));
    Some(LimitSettings {
        edit_window: edit_window?,
        max_content: usize::try_from(max_content?).ok()?,
        max_upload: max_upload?,
        max_foreign_media: max_foreign_media?,
        max_body: usize::try_from(max_body?).ok()?,
        request_timeout: request_timeout?,
        max_sockets_per_user: usize::try_from(max_sockets_per_user?).ok()?,
    })
}

fn rates(r: &mut Reader) -> Option<RateSettings> {
    let mut rate = |setting| r.value(setting, parse::whole(0..=u32::MAX));
    let tenant_sends = rate(&s::RATE_TENANT_SENDS);
    let sends = rate(&s::RATE_SENDS);
    let writes = rate(&s::RATE_WRITES);
    let reads = rate(&s::RATE_READS);
    let typing = rate(&s::RATE_TYPING);
    let bridge_sends = rate(&s::RATE_BRIDGE_SENDS);
    let address = rate(&s::RATE_ADDRESS);
    let logins = rate(&s::RATE_LOGINS);
    let peer_events = rate(&s::RATE_PEER_EVENTS);
    let peer_requests = rate(&s::RATE_PEER_REQUESTS);
    Some(RateSettings {
        tenant_sends: tenant_sends?,
        sends: sends?,
        writes: writes?,
        reads: reads?,
        typing: typing?,
        bridge_sends: bridge_sends?,
        address: address?,
        logins: logins?,
        peer_events: peer_events?,
        peer_requests: peer_requests?,
    })
}

fn log(r: &mut Reader) -> Option<LogSettings> {
    let filter = r.value(&s::LOG, parse::log_filter);
    let format = r.read(&s::LOG_FORMAT, parse::log_format);
    Some(LogSettings {
        filter: filter?,
        format: format?,
    })
}

/// The URL of a listener. Nobody can connect to "all addresses", so that becomes the machine itself.
fn url_of(bind: SocketAddr, is_tls: bool) -> Option<Url> {
    let scheme = if is_tls { "https" } else { "http" };
    let text = if bind.ip().is_unspecified() {
        format!("{scheme}://localhost:{}", bind.port())
    } else {
        format!("{scheme}://{bind}")
    };
    Url::parse(&text).ok()
}

fn derived_name(r: &mut Reader, public_url: &Url) -> Option<ServerName> {
    let name = name_of(public_url);
    match &name {
        Some(name) => r.derived(&s::SERVER_NAME, name),
        None => {
            let expected = format!(
                "must be set to a name such as chat.example, which needs to resolve only for other servers: the host of \
                 {public_url} cannot be the server's name"
            );
            r.problem(&s::SERVER_NAME, None, expected);
        }
    }
    name
}

/// The server name that goes with a public URL.
fn name_of(url: &Url) -> Option<ServerName> {
    let is_loopback = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let name = match (url.host_str()?, url.port()) {
        _ if is_loopback => "localhost".to_owned(),
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    name.parse().ok()
}
