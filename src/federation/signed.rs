//! [`Signed`]: a request of another server that passed checks 1 to 5 of the federation specification, on its raw bytes.
//!
//! The answer names the first check that fails, in the specification's order. The work is done in another order where
//! that saves work for strangers: a signature by a key that is known already is verified before the body is parsed, and
//! a request that cannot be verified at once first costs its address one of its bucket.

use axum::extract::{FromRef, FromRequest, FromRequestParts, OriginalUri, Request};
use garde::Validate;
use http::request::Parts;
use http::{HeaderMap, Uri};
use serde::de::DeserializeOwned;

use super::Federation;
use super::core::http_signature::{
    self, Checked, PROTOCOL_HEADER, PROTOCOL_VERSION, Parsed, SIGNATURE_INPUT, SignatureError,
};
use super::error::FederationError;
use super::model::{Check, Rejection};
use super::peers::KeyError;
use super::routes::authority;
use crate::error::{Error, Reason, Result};
use crate::events::core::names::ServerName;
use crate::events::core::sign::{KeyId, PublicKey};
use crate::http::client_address::ClientAddress;
use crate::http::json;
use crate::http::limits::Bucket;
use crate::http::query::Query;
use crate::tenants::Tenant;

/// A verified request of another server. An extractor, the last one of its handler.
#[derive(Debug)]
pub struct Signed<T> {
    /// Whom it calls.
    pub tenant: Tenant,
    /// Who calls.
    pub peer: ServerName,
    /// What its body holds.
    pub body: T,
}

/// The query of a signed request. An extractor before [`Signed`]: one that cannot be read answers before the signature is
/// looked at, so that it costs its address as much as a request without one.
#[derive(Debug)]
pub struct SignedQuery<T>(pub T);

impl<T, S> FromRequestParts<S> for SignedQuery<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
    Federation: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(error) => {
                let address = parts.extensions.get().copied();
                Federation::from_ref(state).charge_stranger(address)?;
                Err(error)
            }
        }
    }
}

/// A body of a signed request: check 1.
pub trait SignedBody: Send + Sized {
    /// Reads the body.
    ///
    /// # Errors
    /// 413 or 422.
    fn read(bytes: &[u8]) -> Result<Self>;
}

/// No body.
impl SignedBody for () {
    fn read(bytes: &[u8]) -> Result<Self> {
        if bytes.is_empty() {
            Ok(())
        } else {
            Err(Error::validation("body", Reason::Length, "must be empty"))
        }
    }
}

/// A JSON object.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<T: DeserializeOwned + Validate<Context = ()> + Send> SignedBody for Object<T> {
    fn read(bytes: &[u8]) -> Result<Self> {
        json::foreign_object(bytes).map(Self)
    }
}

impl<T, S> FromRequest<S> for Signed<T>
where
    T: SignedBody,
    S: Send + Sync,
    Federation: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let federation = Federation::from_ref(state);
        let (parts, body) = request.into_parts();
        let head = Head::of(&parts);
        let bytes = match json::read(Request::from_parts(parts, body)).await {
            Ok(bytes) => bytes,
            Err(error) => {
                federation.charge_stranger(head.address)?;
                return Err(error);
            }
        };
        let (tenant, peer, body) = verify(&federation, &head, &bytes).await?;
        Ok(Self { tenant, peer, body })
    }
}

/// What of a request is needed beside its body.
struct Head {
    method: String,
    authority: String,
    uri: Uri,
    headers: HeaderMap,
    address: Option<ClientAddress>,
}

impl Head {
    fn of(parts: &Parts) -> Self {
        let uri = parts
            .extensions
            .get::<OriginalUri>()
            .map_or_else(|| parts.uri.clone(), |uri| uri.0.clone());
        Self {
            method: parts.method.to_string(),
            authority: authority(&uri, &parts.headers),
            uri,
            headers: parts.headers.clone(),
            address: parts.extensions.get().copied(),
        }
    }

    fn request<'a>(&'a self, body: &'a [u8]) -> http_signature::Request<'a> {
        http_signature::Request {
            method: &self.method,
            authority: &self.authority,
            path: self.uri.path(),
            query: self.uri.query(),
            body,
        }
    }
}

/// How far checks 2 to 5 got without fetching anything.
enum Known {
    /// All passed.
    Verified(Tenant, Checked),
    /// All passed as far as can be said without the caller's key.
    KeyMissing(Tenant, Checked),
}

async fn verify<T: SignedBody>(
    federation: &Federation,
    head: &Head,
    body: &[u8],
) -> Result<(Tenant, ServerName, T)> {
    let known = check_known(federation, head, body).await;
    if !matches!(known, Ok(Known::Verified(..))) {
        federation.charge_stranger(head.address)?;
    }
    let read = T::read(body);
    let (tenant, checked, read) = match (known, read) {
        (Ok(Known::Verified(tenant, checked)), read) => (tenant, checked, read),
        (_, Err(error)) => return Err(error),
        (Ok(Known::KeyMissing(tenant, checked)), Ok(read)) => {
            verify_with_fetched_key(federation, &tenant, &checked).await?;
            (tenant, checked, Ok(read))
        }
        (Err(error), Ok(_)) => return Err(error.into()),
    };
    let peer = checked.server_name().clone();
    federation.charge_peer(&tenant, &peer)?;
    if peer != *tenant.server_name() {
        federation.note_seen(&tenant, &checked).await?;
        let renewed = federation.peers().renew_if_old(&tenant, &peer).await;
        renewed.map_err(FederationError::from)?;
    }
    match read {
        Ok(read) => Ok((tenant, peer, read)),
        Err(error) => {
            federation.note_shape(&tenant, &peer, &error).await;
            Err(error)
        }
    }
}

/// Checks 2 to 5 with what is in memory and in the database.
async fn check_known(
    federation: &Federation,
    head: &Head,
    body: &[u8],
) -> Result<Known, FederationError> {
    check_version(&head.headers)?;
    let Some(tenant) = federation.tenant_of(&head.authority) else {
        return Err(SignatureError::wrong_authority(&head.request(body)).into());
    };
    let policy = federation.policies().get(&tenant).await?;
    policy.require_open()?;
    let parsed = Parsed::read(&head.headers)?;
    let peer = parsed.server_name().clone();
    // Whoever signs with this server's own key is this server, which checks the way to itself and changes nothing.
    let asks_itself = peer == *tenant.server_name() && head.method == "GET";
    if !asks_itself {
        policy.require(&peer)?;
    }
    let own = federation.authorities(&tenant);
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let result = match parsed.check(
        &head.request(body),
        &head.headers,
        &own,
        federation.now_ms(),
    ) {
        Ok(checked) if asks_itself => match federation.own_key(&tenant, checked.key_id()) {
            Some(key) => checked
                .verify(&key)
                .map(|()| Known::Verified(tenant.clone(), checked)),
            None => Err(checked.unknown_key()),
        },
        Ok(checked) => match federation
            .peers()
            .pinned_key(&tenant, &peer, checked.key_id())
            .await?
        {
            Some(key) => checked
                .verify(&key)
                .map(|()| Known::Verified(tenant.clone(), checked)),
            None => Ok(Known::KeyMissing(tenant.clone(), checked)),
        },
        Err(error) => Err(error),
    };
    if let Err(error) = &result {
        federation.note_refused(&tenant, &peer, error).await;
    }
    Ok(result?)
}

async fn verify_with_fetched_key(
    federation: &Federation,
    tenant: &Tenant,
    checked: &Checked,
) -> Result<(), FederationError> {
    let peer = checked.server_name();
    let verified = match federation.peers().key(tenant, peer, checked.key_id()).await {
        Ok(key) => checked.verify(&key),
        Err(KeyError::Unknown) => Err(checked.unknown_key()),
        Err(KeyError::Db(error)) => return Err(error.into()),
    };
    if let Err(error) = &verified {
        federation.note_refused(tenant, peer, error).await;
    }
    Ok(verified?)
}

/// Check 2. A request without any trace of the protocol is an unsigned one, which check 5 refuses.
fn check_version(headers: &HeaderMap) -> Result<(), FederationError> {
    let mut values = headers.get_all(PROTOCOL_HEADER).iter();
    match (values.next(), values.next()) {
        (Some(version), None) if version == PROTOCOL_VERSION => Ok(()),
        (None, _) if !headers.contains_key(SIGNATURE_INPUT) => Ok(()),
        _ => Err(FederationError::Version),
    }
}

impl Federation {
    /// This server's current key, if that is the one.
    fn own_key(&self, tenant: &Tenant, key_id: KeyId) -> Option<PublicKey> {
        let current = self.keys().current(tenant)?;
        (current.key_id() == key_id).then(|| current.public_key().clone())
    }

    /// Takes one from the bucket of the address that a request came from.
    pub(super) fn charge_stranger(&self, address: Option<ClientAddress>) -> Result<()> {
        let Some(address) = address else {
            return Ok(());
        };
        self.limits()
            .check(Bucket::Address, &address.rate_key(), None, self.now_ms())?;
        Ok(())
    }

    /// Takes one from the bucket of a peer's requests.
    fn charge_peer(&self, tenant: &Tenant, peer: &ServerName) -> Result<()> {
        let key = format!("{}/{peer}", tenant.key());
        self.limits()
            .check(Bucket::PeerRequests, &key, None, self.now_ms())?;
        Ok(())
    }

    /// Takes as many from the bucket of a peer's events.
    pub(super) fn charge_events(
        &self,
        tenant: &Tenant,
        peer: &ServerName,
        count: usize,
    ) -> Result<()> {
        let key = format!("{}/{peer}", tenant.key());
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.limits()
            .check_many(Bucket::PeerEvents, &key, count, None, self.now_ms())?;
        Ok(())
    }

    async fn note_seen(&self, tenant: &Tenant, checked: &Checked) -> Result<(), FederationError> {
        let skew_ms = checked.created_ms().saturating_sub(self.now_ms());
        self.ephemeral().heard(tenant, checked.server_name());
        if self
            .peers()
            .seen(tenant, checked.server_name(), skew_ms)
            .await?
        {
            self.wake_senders();
            self.returned().add(tenant, checked.server_name());
        }
        Ok(())
    }

    async fn note_refused(&self, tenant: &Tenant, peer: &ServerName, error: &SignatureError) {
        let rejection = Rejection::request(peer, Check::Signature, error);
        self.journal()
            .note_request(tenant, self.db(), rejection, self.now_ms())
            .await;
    }

    async fn note_shape(&self, tenant: &Tenant, peer: &ServerName, error: &Error) {
        self.note_request(tenant, peer, Check::Shape, error).await;
    }

    /// Writes a refused request into the journal.
    pub(super) async fn note_request(
        &self,
        tenant: &Tenant,
        peer: &ServerName,
        check: Check,
        error: &Error,
    ) {
        let rejection = Rejection {
            peer: peer.clone(),
            check,
            code: error.code(),
            message: error.text().to_owned(),
            event: Default::default(),
        };
        self.journal()
            .note_request(tenant, self.db(), rejection, self.now_ms())
            .await;
    }
}

#[cfg(test)]
mod stranger_tests;
#[cfg(test)]
mod tests;
