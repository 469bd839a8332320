//! The table of settings: every environment variable with its type, default and meaning, and nothing else.
//!
//! `show-config`, the reference page and the messages about wrong values are made from these rows.

/// One environment variable.
#[derive(Debug)]
pub struct Setting {
    /// The variable, such as `SCAIWAVE_BIND`.
    pub name: &'static str,
    /// What a value looks like, as in "must be …".
    pub form: &'static str,
    /// What applies when it is not set.
    pub default: Default,
    /// How much of the value may be shown.
    pub secrecy: Secrecy,
    /// What it does.
    pub meaning: &'static str,
}

/// What applies when a variable is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// This value.
    Value(&'static str),
    /// What these words say.
    Derived(&'static str),
    /// Nothing: the feature is off.
    Nothing,
}

/// How much of a value may be shown, in `show-config` or in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// All of it.
    Public,
    /// All but the password of the URL. May also come from the file that `<NAME>_FILE` names.
    Password,
    /// None of it. May also come from the file that `<NAME>_FILE` names.
    Secret,
}

const fn public(
    name: &'static str,
    form: &'static str,
    default: Default,
    meaning: &'static str,
) -> Setting {
    Setting {
        name,
        form,
        default,
        secrecy: Secrecy::Public,
        meaning,
    }
}

const fn rate(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    public(name, RATE_FORM, Default::Value(default), meaning)
}

const RATE_FORM: &str = "a whole number a minute, 0 for no limit";
const SECONDS: &str = "a whole number of seconds";

pub(super) const BIND: Setting = public(
    "SCAIWAVE_BIND",
    "an IP address and a port, such as 127.0.0.1:8000",
    Default::Value("127.0.0.1:8000"),
    "Where the server listens; port 0 takes a free one.",
);
pub(super) const PUBLIC_URL: Setting = public(
    "SCAIWAVE_PUBLIC_URL",
    "an http or https URL without a path, such as https://chat.example.org",
    Default::Derived("made from SCAIWAVE_BIND"),
    "The address that clients see.",
);
pub(super) const WEB_CLIENT_URL: Setting = public(
    "SCAIWAVE_WEB_CLIENT_URL",
    "an http or https URL",
    Default::Nothing,
    "Where a sign-in in the browser returns to.",
);
pub(super) const SERVER_NAME: Setting = public(
    "SCAIWAVE_SERVER_NAME",
    "a lower-case host name (no IP address) with or without a port, such as example.org",
    Default::Derived(
        "host and port of the public URL; localhost for a loopback address; with any other IP address it must be set",
    ),
    "The name of the first tenant in the federation, the part after the colon in @name:server. The first start stores it for good. It needs to resolve only for other servers.",
);
pub(super) const DATA_DIR: Setting = public(
    "SCAIWAVE_DATA_DIR",
    "a folder",
    Default::Value("./data"),
    "Database, keys, media and secrets.",
);
pub(super) const SECRET_KEY: Setting = Setting {
    name: "SCAIWAVE_SECRET_KEY",
    form: "32 bytes in base64",
    default: Default::Derived("made at the first start, kept in the data folder"),
    secrecy: Secrecy::Secret,
    meaning: "Encrypts stored credentials; signs links and the tokens of local accounts.",
};
pub(super) const TLS_CERT_FILE: Setting = public(
    "SCAIWAVE_TLS_CERT_FILE",
    "a readable PEM file, set together with SCAIWAVE_TLS_KEY_FILE",
    Default::Nothing,
    "The certificate chain. With it the server itself speaks TLS. Changed files are read again without a restart.",
);
pub(super) const TLS_KEY_FILE: Setting = public(
    "SCAIWAVE_TLS_KEY_FILE",
    "a readable PEM file, set together with SCAIWAVE_TLS_CERT_FILE",
    Default::Nothing,
    "The certificate's private key.",
);
pub(super) const TRUSTED_PROXIES: Setting = public(
    "SCAIWAVE_TRUSTED_PROXIES",
    "a comma-separated list of networks in CIDR form or addresses, such as 10.0.0.0/8",
    Default::Nothing,
    "Whose X-Forwarded-For counts.",
);
pub(super) const CORS_ORIGINS: Setting = public(
    "SCAIWAVE_CORS_ORIGINS",
    "a comma-separated list of origins, such as https://app.example.org",
    Default::Nothing,
    "Web pages from elsewhere that may call the API.",
);
pub(super) const ALLOW_PRIVATE_HOSTS: Setting = public(
    "SCAIWAVE_ALLOW_PRIVATE_HOSTS",
    "a comma-separated list of host names or IP addresses",
    Default::Nothing,
    "Hosts that outgoing calls may reach although their address is private.",
);
pub(super) const DB_URL: Setting = Setting {
    name: "SCAIWAVE_DB_URL",
    form: "sqlite:<file> or postgres://<user>:<password>@<host>/<database>",
    default: Default::Derived("sqlite:<data folder>/scaiwave.db"),
    secrecy: Secrecy::Password,
    meaning: "The database.",
};
pub(super) const DB_POOL: Setting = public(
    "SCAIWAVE_DB_POOL",
    "a whole number from 1 to 1000",
    Default::Value("16"),
    "Most connections to the database.",
);
pub(super) const AUTH_MODE: Setting = public(
    "SCAIWAVE_AUTH_MODE",
    "local, scaikey, hybrid or mock",
    Default::Value("local"),
    "Who knows the accounts: local is this server itself; scaikey is an identity provider (any that speaks OpenID Connect); with mock, for development, every token is the same user; hybrid is all three.",
);
pub(super) const MOCK_ANYWHERE: Setting = public(
    "SCAIWAVE_MOCK_ANYWHERE",
    "true or false",
    Default::Value("false"),
    "Lets the modes mock and hybrid listen on other than loopback addresses.",
);
pub(super) const SCAIKEY_URL: Setting = public(
    "SCAIWAVE_SCAIKEY_URL",
    "an http or https URL without a path, such as https://scaikey.example.org",
    Default::Nothing,
    "Where ScaiKey is, as the identity provider of the modes scaikey and hybrid. Any other provider is named by SCAIWAVE_OIDC_ISSUER.",
);
pub(super) const OIDC_ISSUER: Setting = public(
    "SCAIWAVE_OIDC_ISSUER",
    "an http or https URL, exactly as the provider writes it in its tokens, such as https://id.example.org/realms/main",
    Default::Derived("with SCAIWAVE_SCAIKEY_URL what that server says of itself"),
    "The identity provider of the modes scaikey and hybrid. Its addresses are read from /.well-known/openid-configuration below it. People are known by issuer and subject: with another issuer they are others.",
);
pub(super) const OIDC_CLIENT_ID: Setting = public(
    "SCAIWAVE_OIDC_CLIENT_ID",
    "the name under which the provider knows this server",
    Default::Nothing,
    "The client at the provider, whose allowed redirect is <public URL>/v1/auth/login.",
);
pub(super) const OIDC_CLIENT_SECRET: Setting = Setting {
    name: "SCAIWAVE_OIDC_CLIENT_SECRET",
    form: "the secret that the provider gave out for the client",
    default: Default::Nothing,
    secrecy: Secrecy::Secret,
    meaning: "Proves to the provider that a code is exchanged by this server. Without it the client is a public one, which PKCE alone protects.",
};
pub(super) const OIDC_AUDIENCE: Setting = public(
    "SCAIWAVE_OIDC_AUDIENCE",
    "a name that the provider writes into tokens for this server",
    Default::Derived("SCAIWAVE_OIDC_CLIENT_ID"),
    "Tokens whose audience does not hold it are refused.",
);
pub(super) const OIDC_TENANT_CLAIM: Setting = public(
    "SCAIWAVE_OIDC_TENANT_CLAIM",
    "the name of a claim",
    Default::Value("tenant_id"),
    "Which claim of a token names the tenant: the id that the tenant was linked with, else its slug or id. Tokens without it are for the only tenant.",
);
pub(super) const ACCESS_TOKEN_TTL: Setting = public(
    "SCAIWAVE_ACCESS_TOKEN_TTL",
    SECONDS,
    Default::Value("3600"),
    "How long an access token lives.",
);
pub(super) const REFRESH_TOKEN_TTL: Setting = public(
    "SCAIWAVE_REFRESH_TOKEN_TTL",
    SECONDS,
    Default::Value("2592000"),
    "How long a session lives from its last use.",
);
pub(super) const CLOCK_SKEW: Setting = public(
    "SCAIWAVE_CLOCK_SKEW",
    SECONDS,
    Default::Value("60"),
    "How far the clocks of others may be off.",
);
pub(super) const FEDERATION_PEER_URLS: Setting = public(
    "SCAIWAVE_FEDERATION_PEER_URLS",
    "a comma-separated list of name=url, such as example.org=https://10.0.0.7:8443",
    Default::Nothing,
    "Fixed addresses of peers, private ones too.",
);
pub(super) const FEDERATION_CA_FILE: Setting = public(
    "SCAIWAVE_FEDERATION_CA_FILE",
    "a readable PEM file",
    Default::Nothing,
    "Further certificate authority for peers.",
);
pub(super) const FEDERATION_STATE_WAIT: Setting = public(
    "SCAIWAVE_FEDERATION_STATE_WAIT",
    SECONDS,
    Default::Value("10"),
    "How long after a start a room's host waits for its peers before it changes the room's state.",
);
pub(super) const EDIT_WINDOW: Setting = public(
    "SCAIWAVE_EDIT_WINDOW",
    SECONDS,
    Default::Value("86400"),
    "How long messages of new rooms can be edited; 0 for never.",
);
pub(super) const MAX_CONTENT: Setting = public(
    "SCAIWAVE_MAX_CONTENT",
    "a whole number of bytes from 1 to 65536",
    Default::Value("65536"),
    "Largest content of an event that own users send.",
);
pub(super) const MAX_UPLOAD: Setting = public(
    "SCAIWAVE_MAX_UPLOAD",
    "a whole number of bytes from 1 to 1099511627776",
    Default::Value("104857600"),
    "Largest file that people upload, and that is fetched from another server.",
);
pub(super) const MAX_FOREIGN_MEDIA: Setting = public(
    "SCAIWAVE_MAX_FOREIGN_MEDIA",
    "a whole number of bytes from 0 to 1125899906842624",
    Default::Value("10737418240"),
    "Room for copies of other servers' files; the one unused longest goes, and is fetched again when somebody asks for it.",
);
pub(super) const MAX_BODY: Setting = public(
    "SCAIWAVE_MAX_BODY",
    "a whole number of bytes from 1024 to 16777216",
    Default::Value("1048576"),
    "Largest body of a client's request; an uploaded file has a limit of its own.",
);
pub(super) const REQUEST_TIMEOUT: Setting = public(
    "SCAIWAVE_REQUEST_TIMEOUT",
    SECONDS,
    Default::Value("30"),
    "How long reading and handling a request may take; long polls, sockets, uploads and downloads are exempt.",
);
pub(super) const MAX_SOCKETS_PER_USER: Setting = public(
    "SCAIWAVE_MAX_SOCKETS_PER_USER",
    "a whole number from 1 to 1000",
    Default::Value("20"),
    "Open sockets of one person; the oldest goes.",
);
pub(super) const RATE_TENANT_SENDS: Setting = rate(
    "SCAIWAVE_RATE_TENANT_SENDS",
    "6000",
    "Messages, edits, redactions and reactions of a tenant that has no limit of its own.",
);
pub(super) const RATE_SENDS: Setting =
    rate("SCAIWAVE_RATE_SENDS", "300", "The same of one participant.");
pub(super) const RATE_WRITES: Setting = rate(
    "SCAIWAVE_RATE_WRITES",
    "300",
    "Other writes of one participant.",
);
pub(super) const RATE_READS: Setting =
    rate("SCAIWAVE_RATE_READS", "600", "Reads of one participant.");
pub(super) const RATE_TYPING: Setting = rate(
    "SCAIWAVE_RATE_TYPING",
    "120",
    "Typing notices of one participant.",
);
pub(super) const RATE_BRIDGE_SENDS: Setting = rate(
    "SCAIWAVE_RATE_BRIDGE_SENDS",
    "600",
    "Events of one bridge; one person on it may send a tenth of that.",
);
pub(super) const RATE_ADDRESS: Setting = rate(
    "SCAIWAVE_RATE_ADDRESS",
    "600",
    "Requests of an address that bring no valid token.",
);
pub(super) const RATE_LOGINS: Setting =
    rate("SCAIWAVE_RATE_LOGINS", "10", "Sign-ins of an account.");
pub(super) const RATE_PEER_EVENTS: Setting =
    rate("SCAIWAVE_RATE_PEER_EVENTS", "600000", "Events of a peer.");
pub(super) const RATE_PEER_REQUESTS: Setting = rate(
    "SCAIWAVE_RATE_PEER_REQUESTS",
    "60000",
    "Requests of a peer, and apart from them its words about presence and typing.",
);
pub(super) const LOG: Setting = public(
    "SCAIWAVE_LOG",
    "a filter, such as info or scaiwave=debug,info",
    Default::Value("info"),
    "What is logged.",
);
pub(super) const LOG_FORMAT: Setting = public(
    "SCAIWAVE_LOG_FORMAT",
    "text or json",
    Default::Derived("text on a terminal, else json"),
    "How it is logged, on the standard error stream.",
);
pub(super) const METRICS_BIND: Setting = public(
    "SCAIWAVE_METRICS_BIND",
    "an IP address and a port, such as 127.0.0.1:9100",
    Default::Nothing,
    "Serves /metrics there and no longer at SCAIWAVE_BIND.",
);
pub(super) const WEAVIATE_URL: Setting = public(
    "SCAIWAVE_WEAVIATE_URL",
    "anything",
    Default::Nothing,
    "Accepted and ignored: search is built in.",
);

/// Every setting, in the order of the reference page.
pub const ALL: &[&Setting] = &[
    &BIND,
    &PUBLIC_URL,
    &WEB_CLIENT_URL,
    &SERVER_NAME,
    &DATA_DIR,
    &SECRET_KEY,
    &TLS_CERT_FILE,
    &TLS_KEY_FILE,
    &TRUSTED_PROXIES,
    &CORS_ORIGINS,
    &ALLOW_PRIVATE_HOSTS,
    &DB_URL,
    &DB_POOL,
    &AUTH_MODE,
    &MOCK_ANYWHERE,
    &SCAIKEY_URL,
    &OIDC_ISSUER,
    &OIDC_CLIENT_ID,
    &OIDC_CLIENT_SECRET,
    &OIDC_AUDIENCE,
    &OIDC_TENANT_CLAIM,
    &ACCESS_TOKEN_TTL,
    &REFRESH_TOKEN_TTL,
    &CLOCK_SKEW,
    &FEDERATION_PEER_URLS,
    &FEDERATION_CA_FILE,
    &FEDERATION_STATE_WAIT,
    &EDIT_WINDOW,
    &MAX_CONTENT,
    &MAX_UPLOAD,
    &MAX_BODY,
    &REQUEST_TIMEOUT,
    &MAX_SOCKETS_PER_USER,
    &MAX_FOREIGN_MEDIA,
    &RATE_TENANT_SENDS,
    &RATE_SENDS,
    &RATE_WRITES,
    &RATE_READS,
    &RATE_TYPING,
    &RATE_BRIDGE_SENDS,
    &RATE_ADDRESS,
    &RATE_LOGINS,
    &RATE_PEER_EVENTS,
    &RATE_PEER_REQUESTS,
    &LOG,
    &LOG_FORMAT,
    &METRICS_BIND,
    &WEAVIATE_URL,
];
