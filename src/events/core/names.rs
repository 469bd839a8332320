//! Names of servers and people: `ServerName`, `LocalId`, and the two together as `Fqid`, `@local:server`.
//!
//! A name is compared, hashed and signed as text, so there is one way to write each: whatever needs folding (upper case,
//! Unicode, a trailing dot, leading zeros) is refused, never repaired. Uses nothing but the URL standard's host parser.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::text::{text_form, text_schema};

/// Longest server name in bytes, port included.
const MAX_SERVER_NAME: usize = 255;
/// Longest host in bytes (RFC 1035 section 2.3.4, as text without the final dot).
const MAX_HOST: usize = 253;
/// Longest label of a host in bytes (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;
/// Longest local id in bytes.
const MAX_LOCAL_ID: usize = 64;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing where a name should be.
    #[error("empty name")]
    Empty,
    /// Over the length that such a name, or one of its labels, may have.
    #[error("name too long")]
    TooLong,
    /// A character that such a name cannot hold; upper case and Unicode are among them.
    #[error("character not allowed in a name")]
    Character,
    /// A label that is empty or begins or ends with a hyphen, or an `xn--` label that is no valid A-label.
    #[error("malformed host label")]
    Label,
    /// The part after the colon is not a port (1 to 65535, no leading zero).
    #[error("malformed port")]
    Port,
    /// An IP address, or a host that a URL parser would take for one, where only names are allowed.
    #[error("IP addresses are not server names")]
    IpAddress,
    /// Not of the form `@local:server`.
    #[error("not of the form @local:server")]
    NotFqid,
}

/// The name of a server: `host` or `host:port`, lower-case ASCII, IDNA A-labels, at most 255 bytes
/// (federation specification, names). An IP address is none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, max_length = 255, pattern = "^[a-z0-9.-]+(:[0-9]{1,5})?$")]
pub struct ServerName(Arc<str>);

impl ServerName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without the port.
    pub fn host(&self) -> &str {
        split_port(&self.0).0
    }

    /// The port, if the name has one.
    pub fn port(&self) -> Option<u16> {
        split_port(&self.0).1.and_then(|port| port.parse().ok())
    }
}

impl FromStr for ServerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_SERVER_NAME {
            return Err(NameError::TooLong);
        }
        if text.starts_with('[') {
            return Err(NameError::IpAddress);
        }
        let (host, port) = split_port(text);
        check_host(host)?;
        check_port(port)?;
        Ok(Self(text.into()))
    }
}

/// Splits off what follows the last colon.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

fn check_port(port: Option<&str>) -> Result<(), NameError> {
    let Some(port) = port else { return Ok(()) };
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if digits && !port.starts_with('0') && port.parse::<u16>().is_ok() {
        Ok(())
    } else {
        Err(NameError::Port)
    }
}

fn check_host(host: &str) -> Result<(), NameError> {
    if host.is_empty() {
        return Err(NameError::Empty);
    }
    if host.len() > MAX_HOST {
        return Err(NameError::TooLong);
    }
    let mut a_label = false;
    let mut last = "";
    for label in host.split('.') {
        check_label(label)?;
        a_label |= label.starts_with("xn--");
        last = label;
    }
    // The URL standard takes a host whose last label is a number for an IPv4 address in one of its odd spellings.
    if is_number(last) {
        return Err(NameError::IpAddress);
    }
    if a_label && !is_valid_idna(host) {
        return Err(NameError::Label);
    }
    Ok(())
}

fn check_label(label: &str) -> Result<(), NameError> {
    if !label
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    {
        return Err(NameError::Character);
    }
    if label.is_empty() || label.starts_with('-') || label.ends_with('-') {
        return Err(NameError::Label);
    }
    if label.len() > MAX_LABEL {
        return Err(NameError::TooLong);
    }
    Ok(())
}

fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

fn is_valid_idna(host: &str) -> bool {
    matches!(url::Host::parse(host), Ok(url::Host::Domain(domain)) if domain == host)
}

/// A participant's name within their server: 1 to 64 of `a-z0-9._-`, first a letter or digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, max_length = 64, pattern = "^[a-z0-9][a-z0-9._-]*$")]
pub struct LocalId(Arc<str>);

impl LocalId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for LocalId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let Some(first) = text.bytes().next() else {
            return Err(NameError::Empty);
        };
        if text.len() > MAX_LOCAL_ID {
            return Err(NameError::TooLong);
        }
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        if !text.bytes().all(allowed) || matches!(first, b'.' | b'_' | b'-') {
            return Err(NameError::Character);
        }
        Ok(Self(text.into()))
    }
}

/// A participant's full name, `@local:server`. Ordered as its text.
#[derive(Clone)]
pub struct Fqid {
    text: Arc<str>,
    local_id: LocalId,
    server_name: ServerName,
}

impl Fqid {
    /// The full name of a local id at a server.
    pub fn new(local_id: LocalId, server_name: ServerName) -> Self {
        let text = format!("@{local_id}:{server_name}").into();
        Self {
            text,
            local_id,
            server_name,
        }
    }

    /// The part before the colon, without `@`.
    pub fn local_id(&self) -> &LocalId {
        &self.local_id
    }

    /// The part after the colon: the participant's home server.
    pub fn server_name(&self) -> &ServerName {
        &self.server_name
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Fqid {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let rest = text.strip_prefix('@').ok_or(NameError::NotFqid)?;
        let (local_id, server_name) = rest.split_once(':').ok_or(NameError::NotFqid)?;
        Ok(Self {
            local_id: local_id.parse()?,
            server_name: server_name.parse()?,
            text: text.into(),
        })
    }
}

impl PartialEq for Fqid {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Fqid {}

impl PartialOrd for Fqid {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fqid {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl std::hash::Hash for Fqid {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for LocalId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Fqid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

text_form!(ServerName, LocalId, Fqid);
text_schema!(
    Fqid,
    "^@[a-z0-9][a-z0-9._-]*:[a-z0-9.-]+(:[0-9]{1,5})?$",
    "A participant's full name, `@local:server`."
);

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
