//! What a provider's token means here: whose it is, and which session it belongs to.
//!
//! A person is known by issuer and subject and by nothing else. A session is known by what the provider calls the sign-in
//! (`sid`), else by the token (`jti`, else all of it); tokens that this server fetched itself are bound to their session as
//! well, so that it outlives them. What stands for an ended session goes on standing for it: its tokens are still good
//! at the provider, and are refused here.

use uuid::Uuid;

use super::Accounts;
use super::access::Claimed;
use super::error::AuthError;
use super::mirror::{self, Mirrored};
use super::provider::profile::Profile;
use super::provider::token::{Proven, refresh_key};
use super::provider::{Provider, ProviderError};
use super::sessions::Change;
use super::sign_in::{Device, make_room};
use super::store::identities::{self, Identity, Name};
use super::store::{self, provider_tokens, sessions::Kind};
use super::tokens::random_id;
use crate::db::{Committed, DbError, Tx};
use crate::events::core::hash::Hash;
use crate::events::core::ids::ParticipantId;
use crate::tenants::{self, Tenant, TenantState, Tenants};

/// How a token got here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arrival<'a> {
    /// Somebody presented it.
    Presented,
    /// This server fetched it for somebody who signed in.
    SignIn {
        /// The refresh token that came with it.
        refresh: Option<&'a str>,
    },
    /// This server fetched it to go on with a session.
    Refresh {
        /// The session.
        session: Uuid,
        /// The refresh token that is good now.
        refresh: &'a str,
    },
}

/// A token's claims, and what else the provider said with it.
#[derive(Clone, Debug)]
pub(super) struct Described {
    /// What the token proves.
    pub(super) proven: Proven,
    /// The person, from all that was said.
    pub(super) profile: Profile,
    /// Whether all was said that the provider says at a sign-in, so that what is absent is not so.
    pub(super) is_complete: bool,
}

/// Whose a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// The person.
    pub(super) participant_id: ParticipantId,
    /// The session.
    pub(super) session: Uuid,
    /// Whether the person now looks otherwise to others.
    pub(super) looks_changed: bool,
}

impl Described {
    /// A token that came alone.
    pub(super) fn alone(proven: Proven) -> Self {
        Described {
            profile: Profile::of(&proven.claims),
            proven,
            is_complete: false,
        }
    }

    pub(super) fn name(&self) -> Name<'_> {
        Name {
            issuer: &self.proven.issuer,
            subject: &self.proven.subject,
        }
    }

    /// Whether these claims are newer than those that were taken over last.
    pub(super) fn is_newer_than(&self, identity: &Identity) -> bool {
        self.is_complete || self.proven.issued_at > identity.claims_at
    }
}

/// The tenant that a token is for: the one that its claim names, else the only one.
///
/// # Errors
/// [`AuthError::TenantNotFound`], [`AuthError::TenantSuspended`].
pub(super) fn tenant_of(
    tenants: &Tenants,
    provider: &Provider,
    proven: &Proven,
) -> Result<Tenant, AuthError> {
    let found = match proven.tenant(provider.tenant_claim()) {
        Some(name) => tenants.by_provider_id(&name),
        None => tenants.only(),
    };
    let tenant = found.ok_or(AuthError::TenantNotFound)?;
    match tenant.state() {
        TenantState::Active => Ok(tenant),
        TenantState::Suspended => Err(AuthError::TenantSuspended),
    }
}

impl Accounts<'_> {
    /// The provider.
    ///
    /// # Errors
    /// [`AuthError::NoProvider`].
    pub(super) fn provider(&self) -> Result<&Provider, AuthError> {
        self.auth.provider.as_ref().ok_or(AuthError::NoProvider)
    }

    /// Who presents a token of the provider. The first one of a session begins it, the first one of a person makes the
    /// account.
    pub(super) async fn claim_by_provider(
        &self,
        tenants: &Tenants,
        token: &str,
        device: &Device,
    ) -> Result<Claimed, AuthError> {
        let provider = self.provider().map_err(|_| AuthError::InvalidToken)?;
        let now = self.clock.now_ms();
        let proven = provider.prove(token, now).await.map_err(|error| {
            tracing::debug!(event = "auth.token_refused", %error);
            match error {
                ProviderError::ExpiredToken => AuthError::ExpiredToken,
                // Keys that cannot be had make no token good.
                _ => AuthError::InvalidToken,
            }
        })?;
        let tenant = tenant_of(tenants, provider, &proven)?;
        let (hash, expires_at) = (Hash::of(token.as_bytes()), proven.expires_at);
        let sessions = &self.auth.sessions;
        let session = match sessions.of_provided(&tenant, &hash) {
            Some(session) => session,
            None => {
                let described = self.describe_newcomer(&tenant, token, proven, now).await?;
                let settled = self
                    .settle(&tenant, &described, Arrival::Presented, device)
                    .await?;
                let session = settled.into_inner().session;
                sessions.keep_provided(&tenant, hash, session);
                session
            }
        };
        Ok(Claimed {
            tenant,
            session,
            expires_at: Some(expires_at),
        })
    }

    /// Of somebody who was never here the provider is asked for a name, if the token has none.
    async fn describe_newcomer(
        &self,
        tenant: &Tenant,
        token: &str,
        proven: Proven,
        now: i64,
    ) -> Result<Described, AuthError> {
        let mut described = Described::alone(proven);
        if described.profile.name.is_none()
            && identities::get(tenant, self.db.reader(), described.name())
                .await?
                .is_none()
        {
            let subject = &described.proven.subject;
            let said = self.provider()?.user_info(token, subject, now).await;
            if let Ok(Some(claims)) = said {
                described.profile = described.profile.or(Profile::of(&claims));
            }
        }
        Ok(described)
    }

    /// Finds out whose a token is, and takes over what it says of the person. Costs no write where nothing is new.
    ///
    /// # Errors
    /// [`AuthError::SessionEnded`]; for who signs in [`AuthError::AccountSuspended`]; those of [`super::accounts::create`].
    pub(super) async fn settle(
        &self,
        tenant: &Tenant,
        described: &Described,
        arrival: Arrival<'_>,
        device: &Device,
    ) -> Result<Committed<Settled>, AuthError> {
        if let Arrival::Presented = arrival
            && let Some(settled) = self.known(tenant, described).await?
        {
            return Ok(Committed::already(settled));
        }
        let now = self.clock.now_ms();
        let mut tx = self.db.begin().await?;
        // First of all, as where accounts are made: two that wait for each other would wait for ever.
        tenants::store::lock(tenant, &mut tx).await?;
        let reserved = self.auth.mode.takes_mock_tokens();
        let mirrored = mirror::take_over(tenant, &mut tx, described, reserved, now).await?;
        store::accounts::lock(tenant, &mut tx, mirrored.participant_id).await?;
        if mirrored.is_suspended {
            return Err(match arrival {
                Arrival::Presented => AuthError::SessionEnded,
                Arrival::SignIn { .. } | Arrival::Refresh { .. } => AuthError::AccountSuspended,
            });
        }
        let placing = Placing {
            tenant,
            proven: &described.proven,
            participant: mirrored.participant_id,
            device,
            now,
            ttl: self.auth.refresh_ttl_ms,
        };
        let (session, ended) = placing.place(&mut tx, arrival).await?;
        let Mirrored {
            participant_id,
            looks_changed,
            ..
        } = mirrored;
        let change = Change {
            ended,
            person: Some(participant_id),
        };
        let settled = Settled {
            participant_id,
            session,
            looks_changed,
        };
        Ok(self
            .auth
            .sessions
            .commit(tenant, tx, change, settled)
            .await?)
    }

    /// What is known of a token already; `None`: something has to be written.
    async fn known(
        &self,
        tenant: &Tenant,
        described: &Described,
    ) -> Result<Option<Settled>, AuthError> {
        let identity = identities::get(tenant, self.db.reader(), described.name()).await?;
        let session = self.session_of(tenant, &described.proven).await?;
        match (identity, session) {
            (Some(identity), Some(session)) if !described.is_newer_than(&identity) => {
                Ok(Some(Settled {
                    participant_id: identity.participant_id,
                    session,
                    looks_changed: false,
                }))
            }
            _ => Ok(None),
        }
    }

    /// The session that a token belongs to, whether it lives or has ended.
    pub(super) async fn session_of(
        &self,
        tenant: &Tenant,
        proven: &Proven,
    ) -> Result<Option<Uuid>, DbError> {
        let reader = self.db.reader();
        let of_token = provider_tokens::session_of(tenant, reader, &proven.token_key).await?;
        match (of_token, &proven.sign_in_key) {
            (None, Some(key)) => provider_tokens::session_of(tenant, reader, key).await,
            _ => Ok(of_token),
        }
    }
}

/// Finding, or beginning, the session of a token.
struct Placing<'a> {
    tenant: &'a Tenant,
    proven: &'a Proven,
    participant: ParticipantId,
    device: &'a Device,
    now: i64,
    /// How long a session lives from its last use, in milliseconds.
    ttl: i64,
}

impl Placing<'_> {
    /// The session, and those that made room for it.
    async fn place(
        &self,
        tx: &mut Tx,
        arrival: Arrival<'_>,
    ) -> Result<(Uuid, Vec<Uuid>), AuthError> {
        let Proven {
            token_key,
            sign_in_key,
            ..
        } = self.proven;
        let of_token = provider_tokens::session_of(self.tenant, tx.conn(), token_key).await?;
        let of_sign_in = match sign_in_key {
            Some(key) => provider_tokens::session_of(self.tenant, tx.conn(), key).await?,
            None => None,
        };
        let (known, refresh) = match arrival {
            Arrival::Presented => (of_token.or(of_sign_in), None),
            Arrival::SignIn { refresh } => (of_token.or(of_sign_in), refresh),
            Arrival::Refresh { session, refresh } => (Some(session), Some(refresh)),
        };
        let (session, ended) = match known {
            Some(session) if self.is_live(tx, session).await? => (session, Vec::new()),
            // Whoever signs in anew at a provider that still calls it the same sign-in begins a session that old tokens
            // have no part in.
            Some(_) if of_token.is_none() && matches!(arrival, Arrival::SignIn { .. }) => {
                self.begin(tx).await?
            }
            Some(_) => return Err(AuthError::SessionEnded),
            None => self.begin(tx).await?,
        };
        let times = self.until();
        let fetched_here = !matches!(arrival, Arrival::Presented);
        let mut keys = Vec::with_capacity(3);
        keys.extend(sign_in_key.filter(|_| of_sign_in.is_none()));
        // A token that its sign-in stands for needs no row of its own, unless this server vouches for it.
        keys.extend((fetched_here || sign_in_key.is_none()).then_some(*token_key));
        keys.extend(refresh.map(refresh_key));
        for key in &keys {
            provider_tokens::bind(self.tenant, tx, key, session, times.1).await?;
        }
        provider_tokens::prolong(self.tenant, tx, session, times).await?;
        provider_tokens::forget_old(self.tenant, tx, self.now).await?;
        Ok((session, ended))
    }

    /// Until when the session lives, and until when it is known to have ended: then nothing that was given out for it is
    /// good any more.
    fn until(&self) -> (i64, i64) {
        let expires_at = self.now.saturating_add(self.ttl);
        (expires_at, expires_at.saturating_add(self.ttl))
    }

    async fn is_live(&self, tx: &mut Tx, session: Uuid) -> Result<bool, DbError> {
        let found = store::sessions::get(self.tenant, tx.conn(), session).await?;
        Ok(found.is_some_and(|session| session.participant_id == self.participant))
    }

    async fn begin(&self, tx: &mut Tx) -> Result<(Uuid, Vec<Uuid>), DbError> {
        let id = random_id();
        let mut session = self
            .device
            .session(id, self.participant, Kind::Provider, self.now);
        session.expires_at = Some(self.until().0);
        let gone = make_room(self.tenant, tx, self.participant).await?;
        store::sessions::insert(self.tenant, tx, &session).await?;
        Ok((id, gone))
    }
}
