//! What a server says about itself at `/.well-known/scaiwave/server`, and which of it a peer believes. Pure.
//!
//! The document is fetched over TLS at first contact and pinned from then on: a later one counts only if its current
//! key is the pinned current one, or descends from it through `signed_by_previous`. It serves request signatures; events
//! are verified by the keys in their logs.
//!
//! - The document's signature is made by the current key over `"scaiwave-descriptor-v1\n"` and the canonical form of the
//!   document without `signature`. Unknown members are covered, and otherwise passed over.
//! - `signed_by_previous` is null for a server's first key, else `{key_id, signature}`: the key before it signs
//!   `"scaiwave-key-v1\n"` and the canonical form of `{key_id, public_key, server_name, valid_from}` of the new one.
//! - Times are Unix milliseconds. Keys that are no longer valid stay listed, so that a peer that was away for long can
//!   follow the chain; the current key is the one in `public_key`.

mod pin;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::{Host, Url};

pub use self::pin::{PinError, Pinned, PinnedKey};
use super::http_signature::PROTOCOL_VERSION;
use crate::events::core::canonical;
use crate::events::core::json::{self as strict_json, JsonError};
use crate::events::core::names::ServerName;
use crate::events::core::sign::{
    self, DESCRIPTOR_PREFIX, KeyId, KeyPair, PublicKey, Signature, SignatureError,
};

/// Where the document stands.
pub const DESCRIPTOR_PATH: &str = "/.well-known/scaiwave/server";
/// Where the signed requests of this protocol version begin.
pub const FEDERATION_PATH: &str = "/_scaiwave/federation/v1";
/// Largest document.
pub const MAX_DESCRIPTOR_BYTES: usize = 64 << 10;
/// Most keys that a document lists.
pub const MAX_KEYS: usize = 16;
/// How long a document is valid after it was made.
pub const VALIDITY_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// How far ahead of the reader's clock a key may begin: clocks differ.
const MAX_SKEW_MS: i64 = 60_000;
const MAX_VERSIONS: usize = 16;
const MAX_ENDPOINTS: usize = 32;

const KEY_PREFIX: &[u8] = b"scaiwave-key-v1\n";

/// A server's document, as written on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// The server's name.
    pub server_name: ServerName,
    /// Its current key.
    pub public_key: PublicKey,
    /// Protocol versions that it speaks.
    pub protocol_versions: Vec<String>,
    /// Where its services begin, by name.
    pub endpoints: BTreeMap<String, String>,
    /// All its keys, those that are no longer valid among them.
    pub keys: Vec<KeyEntry>,
    /// Where it lives, if not at its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// Until when the document may be relied upon.
    pub valid_until: i64,
    /// The current key's id; `public_key` says as much.
    #[serde(default)]
    pub key_id: Option<KeyId>,
    /// By the current key.
    pub signature: Signature,
}

/// One key of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// Derived from the key.
    pub key_id: KeyId,
    /// The key.
    pub public_key: PublicKey,
    /// From when requests may be signed with it.
    pub valid_from: i64,
    /// Until when, if that is known.
    pub expires_at: Option<i64>,
    /// The word of the key before it; null for the first.
    pub signed_by_previous: Option<Endorsement>,
}

/// The signature of one key under the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endorsement {
    /// The key before.
    pub key_id: KeyId,
    /// Its signature.
    pub signature: Signature,
}

impl KeyEntry {
    /// A server's first key.
    #[must_use]
    pub fn first(key: &KeyPair, valid_from: i64) -> Self {
        let public_key = key.public_key().clone();
        Self {
            key_id: public_key.key_id(),
            public_key,
            valid_from,
            expires_at: None,
            signed_by_previous: None,
        }
    }

    /// A key that takes over from `previous`, and is signed by it.
    #[must_use]
    pub fn following(
        previous: &KeyPair,
        server_name: &ServerName,
        key: &PublicKey,
        valid_from: i64,
    ) -> Self {
        let mut entry = Self {
            key_id: key.key_id(),
            public_key: key.clone(),
            valid_from,
            expires_at: None,
            signed_by_previous: None,
        };
        let signature = previous.sign(&entry.signed_bytes(server_name));
        entry.signed_by_previous = Some(Endorsement {
            key_id: previous.key_id(),
            signature,
        });
        entry
    }

    /// Whether requests may be signed with it now.
    #[must_use]
    pub fn is_valid_at(&self, now_ms: i64) -> bool {
        is_valid_at(self.valid_from, self.expires_at, now_ms)
    }

    fn signed_bytes(&self, server_name: &ServerName) -> Vec<u8> {
        let mut bytes = KEY_PREFIX.to_vec();
        let claim = json!({
            "key_id": self.key_id,
            "public_key": self.public_key,
            "server_name": server_name,
            "valid_from": self.valid_from,
        });
        canonical::append(&mut bytes, &claim);
        bytes
    }
}

fn is_valid_at(valid_from: i64, expires_at: Option<i64>, now_ms: i64) -> bool {
    valid_from <= now_ms.saturating_add(MAX_SKEW_MS) && expires_at.is_none_or(|end| now_ms < end)
}

/// The signed document of a server. `keys` holds `current`; those that expired longest ago are left out where there
/// are too many.
///
/// # Errors
/// The document would not be taken by a peer.
pub fn build(
    server_name: &ServerName,
    mut keys: Vec<KeyEntry>,
    current: &KeyPair,
    base_url: Option<BaseUrl>,
    now_ms: i64,
) -> Result<Value, DescriptorError> {
    keys.sort_by_key(|key| key.valid_from);
    let surplus = keys.len().saturating_sub(MAX_KEYS);
    let document = json!({
        "server_name": server_name,
        "public_key": current.public_key(),
        "protocol_versions": [PROTOCOL_VERSION],
        "endpoints": { "federation": FEDERATION_PATH },
        "keys": keys.get(surplus..).unwrap_or_default(),
        "valid_until": now_ms.saturating_add(VALIDITY_MS),
        "key_id": current.key_id(),
    });
    let mut document = into_members(document)?;
    if let Some(base_url) = base_url {
        document.insert("base_url".to_owned(), base_url.as_str().into());
    }
    sign::sign_document(DESCRIPTOR_PREFIX, &mut document, current)?;
    judge(document.clone(), server_name, now_ms)?;
    Ok(Value::Object(document))
}

/// Reads what `server_name` answered, and judges all that can be judged without knowing it from before.
///
/// # Errors
/// Why it is not taken.
pub fn read(
    bytes: &[u8],
    server_name: &ServerName,
    now_ms: i64,
) -> Result<Descriptor, DescriptorError> {
    let limits = strict_json::Limits {
        max_bytes: MAX_DESCRIPTOR_BYTES,
        max_depth: 8,
    };
    judge(
        into_members(strict_json::read(bytes, limits)?)?,
        server_name,
        now_ms,
    )
}

fn into_members(document: Value) -> Result<Map<String, Value>, DescriptorError> {
    match document {
        Value::Object(members) => Ok(members),
        _ => Err(DescriptorError::Shape("not an object".to_owned())),
    }
}

fn judge(
    document: Map<String, Value>,
    server_name: &ServerName,
    now_ms: i64,
) -> Result<Descriptor, DescriptorError> {
    let descriptor: Descriptor = serde_json::from_value(Value::Object(document.clone()))
        .map_err(|error| DescriptorError::Shape(error.to_string()))?;
    if descriptor.server_name != *server_name {
        return Err(DescriptorError::Name {
            found: descriptor.server_name,
        });
    }
    if descriptor.protocol_versions.len() > MAX_VERSIONS
        || descriptor.endpoints.len() > MAX_ENDPOINTS
    {
        return Err(DescriptorError::Shape(
            "too many versions or endpoints".to_owned(),
        ));
    }
    if !descriptor
        .protocol_versions
        .iter()
        .any(|version| version == PROTOCOL_VERSION)
    {
        return Err(DescriptorError::Version {
            found: descriptor.protocol_versions,
        });
    }
    if now_ms >= descriptor.valid_until {
        return Err(DescriptorError::Expired {
            valid_until: descriptor.valid_until,
            now_ms,
        });
    }
    check_keys(&descriptor, now_ms)?;
    sign::verify_document(DESCRIPTOR_PREFIX, &document, &descriptor.public_key)?;
    Ok(descriptor)
}

fn check_keys(descriptor: &Descriptor, now_ms: i64) -> Result<(), DescriptorError> {
    let fault = |reason: &str| DescriptorError::Shape(reason.to_owned());
    if descriptor.keys.len() > MAX_KEYS {
        return Err(fault("too many keys"));
    }
    let mut ids = BTreeSet::new();
    for key in &descriptor.keys {
        if key.key_id != key.public_key.key_id() {
            return Err(fault("a key_id is not derived from its public_key"));
        }
        if !ids.insert(&key.key_id) {
            return Err(fault("a key is listed twice"));
        }
    }
    let key_id = descriptor.public_key.key_id();
    if descriptor.key_id.is_some_and(|stated| stated != key_id) {
        return Err(fault("key_id is not that of public_key"));
    }
    match descriptor.current() {
        None => Err(fault("public_key is not among the keys")),
        Some(current) if current.is_valid_at(now_ms) => Ok(()),
        Some(_) => Err(DescriptorError::CurrentKey),
    }
}

impl Descriptor {
    /// The entry of the current key.
    fn current(&self) -> Option<&KeyEntry> {
        self.keys
            .iter()
            .find(|key| key.public_key == self.public_key)
    }

    /// The listed key with this id.
    fn key(&self, id: &KeyId) -> Option<&KeyEntry> {
        self.keys.iter().find(|key| key.key_id == *id)
    }
}

/// Why a document is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// Not strict JSON, or too much of it.
    #[error("the descriptor is no acceptable JSON: {0}")]
    Json(#[from] JsonError),
    /// A member is missing or is not what it should be.
    #[error("the descriptor is malformed: {0}")]
    Shape(String),
    /// It speaks of another server.
    #[error("the descriptor is that of {found}")]
    Name {
        /// Whose it is.
        found: ServerName,
    },
    /// No common protocol version.
    #[error("no protocol version in common: the peer speaks {}", found.join(", "))]
    Version {
        /// What the peer speaks.
        found: Vec<String>,
    },
    /// Past its time.
    #[error("the descriptor was valid until {valid_until}, it is now {now_ms}")]
    Expired {
        /// Its end, in Unix milliseconds.
        valid_until: i64,
        /// The reader's clock, in Unix milliseconds.
        now_ms: i64,
    },
    /// Its current key is not valid now.
    #[error("the descriptor's current key is not valid now")]
    CurrentKey,
    /// The current key did not sign it.
    #[error("the descriptor's signature is not that of its current key")]
    Signature(#[from] SignatureError),
}

/// Where a server lives, if not at its name: `https://host[:port]` and nothing more. A stranger publishes it, so it is
/// a name like a server's, never an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl {
    url: String,
    authority: ServerName,
}

/// The text is no base URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// It is of another form.
    #[error("a base URL is https://host[:port], with a host name and nothing more")]
    Form,
    /// It leads to an address, which nobody could check by a name.
    #[error("address refused: a base URL names a host, never an address")]
    Address,
}

impl BaseUrl {
    /// The URL without a final slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Host and port, as they stand in `Host`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let url = Url::parse(text).map_err(|_| BaseUrlError::Form)?;
        let host = match url.host() {
            Some(Host::Domain(host)) => host,
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(BaseUrlError::Address),
            None => return Err(BaseUrlError::Form),
        };
        let authority = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let canonical = format!("https://{authority}");
        // Whatever else a URL can hold would show here: another scheme, a path, a user, upper case, odd spellings.
        if text.strip_suffix('/').unwrap_or(text) != canonical {
            return Err(BaseUrlError::Form);
        }
        Ok(Self {
            url: canonical,
            authority: authority.parse().map_err(|_| BaseUrlError::Form)?,
        })
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = BaseUrlError;

    fn try_from(text: String) -> Result<Self, BaseUrlError> {
        text.parse()
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.url
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests;
