//! The identity provider: any that speaks OpenID Connect, and this server as its client.
//!
//! [`metadata`], [`key_set`], [`token`], [`profile`] and [`local_name`] are pure; [`key_cache`] says when keys are fetched
//! again, [`http`] asks. What a token means for accounts and sessions stands beside this folder, in `provided`.

mod error;
mod http;
mod key_cache;
mod key_set;
pub(crate) mod local_name;
mod metadata;
pub mod profile;
pub mod token;

use std::sync::{Arc, PoisonError, RwLock};

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use self::http::{Http, Proof, Reply};
use self::key_cache::KeyCache;
use self::key_set::KeySet;
use self::token::{Expected, Proven, Signed, Unproven};
use crate::config::ProviderSettings;

pub use error::ProviderError;
pub use metadata::Metadata;

/// How long the provider's description of itself is believed, in milliseconds.
const METADATA_FRESH_MS: i64 = 3_600_000;
/// How soon it is asked for again after it could not be had, in milliseconds.
const METADATA_RETRY_MS: i64 = 5_000;
/// Longest code of an error that is passed on to the log, in bytes.
const MAX_ERROR_CODE: usize = 100;
/// What a sign-in asks to know.
const SCOPE: &str = "openid profile email";

/// The identity provider.
#[derive(Debug)]
pub struct Provider {
    settings: ProviderSettings,
    skew_s: i64,
    http: Http,
    described: RwLock<Described>,
    describing: Mutex<()>,
    keys: KeyCache,
}

#[derive(Clone, Debug, Default)]
struct Described {
    metadata: Option<Arc<Metadata>>,
    next_ask_at: i64,
}

/// What the token endpoint gave.
#[derive(Clone, Deserialize)]
pub struct Granted {
    /// For requests; perhaps not to this server.
    pub access_token: String,
    /// Who signed in.
    pub id_token: Option<String>,
    /// For more of them.
    pub refresh_token: Option<String>,
    /// How long the access token lives, in seconds, if it says.
    pub expires_in: Option<i64>,
}

/// What to give the provider for tokens.
#[derive(Clone, Copy)]
pub enum Grant<'a> {
    /// A code that a browser brought.
    Code {
        /// The code.
        code: &'a str,
        /// Where the provider sent the browser.
        redirect_uri: &'a str,
        /// What proves that the code's finder asked for it (PKCE).
        verifier: Option<&'a str>,
    },
    /// A refresh token.
    Refresh(&'a str),
    /// Name and password.
    Password {
        /// The name at the provider.
        username: &'a str,
        /// The password.
        password: &'a str,
    },
    /// Another token (RFC 8693).
    Exchange {
        /// The token.
        token: &'a str,
        /// What kind of token it is.
        token_type: &'a str,
        /// Whom the new one is to be for.
        audience: Option<&'a str>,
    },
}

impl Provider {
    /// A provider that is not asked anything yet. `skew_s` is how far clocks may be apart, in seconds.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(settings: ProviderSettings, skew_s: i64) -> Result<Self, reqwest::Error> {
        Ok(Provider {
            settings,
            skew_s,
            http: Http::new()?,
            described: RwLock::default(),
            describing: Mutex::default(),
            keys: KeyCache::default(),
        })
    }

    /// The client that this server is there.
    pub fn client_id(&self) -> &str {
        &self.settings.client_id
    }

    /// The issuer, where it is set and not left to the provider.
    pub fn set_issuer(&self) -> Option<&str> {
        self.settings.issuer.as_deref()
    }

    /// Which claim names the tenant.
    pub fn tenant_claim(&self) -> &str {
        &self.settings.tenant_claim
    }

    /// How the provider describes itself; asked for once an hour. An old description serves while the provider is silent.
    ///
    /// # Errors
    /// [`ProviderError::Silent`].
    pub async fn metadata(&self, now: i64) -> Result<Arc<Metadata>, ProviderError> {
        if let Some(metadata) = self.described(now).0 {
            return Ok(metadata);
        }
        let _turn = self.describing.lock().await;
        let (fresh, old, may_ask) = self.described(now);
        if let Some(metadata) = fresh {
            return Ok(metadata);
        }
        let silent = "it gave no description of itself a moment ago".to_owned();
        if !may_ask {
            return old.ok_or(ProviderError::Silent(silent));
        }
        // Noted first: a request that is dropped while it waits for the provider has asked all the same.
        self.note_described(None, now.saturating_add(METADATA_RETRY_MS));
        match self.ask_for_metadata().await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                let next_ask_at = now.saturating_add(METADATA_FRESH_MS);
                self.note_described(Some(Arc::clone(&metadata)), next_ask_at);
                Ok(metadata)
            }
            Err(error) => {
                tracing::warn!(event = "auth.provider_silent", %error, at = %self.settings.discovery);
                old.ok_or(error)
            }
        }
    }

    /// The description if it is fresh, the description however old, and whether it may be asked for.
    fn described(&self, now: i64) -> (Option<Arc<Metadata>>, Option<Arc<Metadata>>, bool) {
        let described = self
            .described
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let Described {
            metadata,
            next_ask_at,
        } = described.clone();
        // A clock that was set back makes nobody wait longer than the rule says.
        let is_due = now >= next_ask_at || next_ask_at.saturating_sub(now) > METADATA_FRESH_MS;
        (metadata.clone().filter(|_| !is_due), metadata, is_due)
    }

    fn note_described(&self, metadata: Option<Arc<Metadata>>, next_ask_at: i64) {
        let mut described = self
            .described
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        described.next_ask_at = next_ask_at;
        if metadata.is_some() {
            described.metadata = metadata;
        }
    }

    async fn ask_for_metadata(&self) -> Result<Metadata, ProviderError> {
        let discovery = &self.settings.discovery;
        let reply = self.http.get(discovery.as_str(), None).await?;
        let body = expect_ok(&reply)?;
        let expected = match &self.settings.issuer {
            Some(issuer) => metadata::Expected::Exactly(issuer),
            None => metadata::Expected::At(discovery),
        };
        metadata::read(body, &expected).map_err(|reason| ProviderError::Silent(reason.to_owned()))
    }

    /// Checks a token that somebody presents to this server.
    ///
    /// # Errors
    /// [`ProviderError::InvalidToken`], [`ProviderError::ExpiredToken`], and [`ProviderError::Silent`] where the keys to check it
    /// cannot be had.
    pub async fn prove(&self, token: &str, now: i64) -> Result<Proven, ProviderError> {
        self.prove_for(&self.settings.audience, token, now).await
    }

    /// Checks an ID token, which is always for the client.
    ///
    /// # Errors
    /// As [`Self::prove`].
    pub async fn prove_id(&self, token: &str, now: i64) -> Result<Proven, ProviderError> {
        self.prove_for(&self.settings.client_id, token, now).await
    }

    async fn prove_for(
        &self,
        audience: &str,
        token: &str,
        now: i64,
    ) -> Result<Proven, ProviderError> {
        let unproven = Unproven::read(token)?;
        let metadata = self.metadata(now).await?;
        let keys = self.keys.get(now, self.ask_for_keys(&metadata)).await?;
        let Some(signed) = self.signed(&unproven, &keys, &metadata, now).await else {
            let reason = "its signature is by none of the provider's keys";
            return Err(ProviderError::InvalidToken(reason));
        };
        signed.meant_for(Expected {
            issuer: &metadata.issuer,
            audience,
            skew_s: self.skew_s,
            now_ms: now,
        })
    }

    async fn signed<'a>(
        &self,
        unproven: &Unproven<'a>,
        keys: &Arc<KeySet>,
        metadata: &Metadata,
        now: i64,
    ) -> Option<Signed<'a>> {
        let signed_by = |keys: &KeySet| {
            let (found, is_exact) = keys.candidates(unproven.algorithm(), unproven.key_id());
            (unproven.signed_by(&found), is_exact)
        };
        match signed_by(keys) {
            (Some(signed), _) => Some(signed),
            // The key is known, and did not sign this.
            (None, true) => None,
            (None, false) => {
                let asking = self.ask_for_keys(metadata);
                let newer = self.keys.newer_than(keys, now, asking).await?;
                signed_by(&newer).0
            }
        }
    }

    async fn ask_for_keys(&self, metadata: &Metadata) -> Result<KeySet, ProviderError> {
        let reply = self.http.get(&metadata.jwks_uri, None).await?;
        let body = expect_ok(&reply)?;
        KeySet::read(body).map_err(|reason| ProviderError::Silent(reason.to_owned()))
    }

    /// Asks the token endpoint.
    ///
    /// # Errors
    /// [`ProviderError::Refused`], [`ProviderError::Silent`].
    pub async fn grant(&self, grant: Grant<'_>, now: i64) -> Result<Granted, ProviderError> {
        let metadata = self.metadata(now).await?;
        let fields = grant.fields();
        let client_id = self.client_id();
        let proof = match &self.settings.client_secret {
            None => Proof::None { client_id },
            Some(secret) => {
                let secret = secret.reveal();
                match metadata.takes_basic {
                    true => Proof::Basic { client_id, secret },
                    false => Proof::Form { client_id, secret },
                }
            }
        };
        let reply = self
            .http
            .post(&metadata.token_endpoint, proof, &fields)
            .await?;
        if reply.status.is_success() {
            return serde_json::from_slice(&reply.body)
                .map_err(|_| ProviderError::Silent("its answer holds no tokens".to_owned()));
        }
        match refusal(&reply) {
            Some(code) => Err(ProviderError::Refused(code)),
            None => Err(unexpected(reply.status)),
        }
    }

    /// What the provider says beyond its tokens of whoever holds an access token; `None`: nothing to this token, or
    /// nothing of this person.
    ///
    /// # Errors
    /// [`ProviderError::Silent`].
    pub async fn user_info(
        &self,
        access_token: &str,
        subject: &str,
        now: i64,
    ) -> Result<Option<Map<String, Value>>, ProviderError> {
        let metadata = self.metadata(now).await?;
        let Some(endpoint) = metadata.userinfo_endpoint.as_deref() else {
            return Ok(None);
        };
        let reply = self.http.get(endpoint, Some(access_token)).await?;
        if reply.status.is_client_error() {
            return Ok(None);
        }
        let claims: Option<Map<String, Value>> = serde_json::from_slice(expect_ok(&reply)?).ok();
        let is_of = |claims: &Map<String, Value>| {
            claims.get("sub").and_then(Value::as_str) == Some(subject)
        };
        Ok(claims.filter(is_of))
    }
}

impl<'a> Grant<'a> {
    fn fields(&self) -> Vec<(&'static str, &'a str)> {
        match *self {
            Grant::Code {
                code,
                redirect_uri,
                verifier,
            } => {
                let mut fields = vec![
                    ("grant_type", "authorization_code"),
                    ("code", code),
                    ("redirect_uri", redirect_uri),
                ];
                fields.extend(verifier.map(|verifier| ("code_verifier", verifier)));
                fields
            }
            Grant::Refresh(token) => {
                vec![("grant_type", "refresh_token"), ("refresh_token", token)]
            }
            Grant::Password { username, password } => vec![
                ("grant_type", "password"),
                ("username", username),
                ("password", password),
                ("scope", SCOPE),
            ],
            Grant::Exchange {
                token,
                token_type,
                audience,
            } => {
                let mut fields = vec![
                    (
                        "grant_type",
                        "urn:ietf:params:oauth:grant-type:token-exchange",
                    ),
                    ("subject_token", token),
                    ("subject_token_type", token_type),
                ];
                fields.extend(audience.map(|audience| ("audience", audience)));
                fields
            }
        }
    }
}

fn expect_ok(reply: &Reply) -> Result<&[u8], ProviderError> {
    match reply.status {
        StatusCode::OK => Ok(&reply.body),
        status => Err(unexpected(status)),
    }
}

fn unexpected(status: StatusCode) -> ProviderError {
    ProviderError::Silent(format!("it answered {status}"))
}

/// The code of a refusal (RFC 6749, section 5.2). A provider that is overloaded refuses nothing.
fn refusal(reply: &Reply) -> Option<String> {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
    }
    let is_final = reply.status.is_client_error()
        && !matches!(
            reply.status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::NOT_FOUND
        );
    if !is_final {
        return None;
    }
    let said = serde_json::from_slice::<Refused>(&reply.body);
    let code = said.map_or_else(|_| reply.status.to_string(), |refused| refused.error);
    Some(
        code.chars()
            .filter(|letter| !letter.is_control())
            .take(MAX_ERROR_CODE)
            .collect(),
    )
}
