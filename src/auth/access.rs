//! From a bearer token to who acts: what every request with a token goes through.

use std::sync::Arc;

use uuid::Uuid;

use super::Accounts;
use super::accounts::{self, NewAccount};
use super::error::{AccountError, AuthError};
use super::mirror::MOCK_USER;
use super::provider::token::looks_like_jwt;
use super::roles::{Permission, Role, Roles};
use super::sessions::{Change, Live, Person};
use super::sign_in::{Device, make_room};
use super::store::{self, sessions::Kind};
use super::tokens::{SCRIPT_TOKEN_PREFIX, script_token_hash};
use crate::config::AuthMode;
use crate::events::core::hash::Hash;
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::{Fqid, LocalId};
use crate::tenants::{Tenant, TenantState, Tenants};

/// First line of what a mock session's id is the hash of.
const MOCK_SESSION_PREFIX: &str = "scaiwave-mock-session-v1";

/// Who acts, and in which tenant: proven by a token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The tenant in which the request acts.
    pub tenant: Tenant,
    /// Who acts.
    pub participant_id: ParticipantId,
    /// The full name.
    pub fqid: Fqid,
    /// The session that the token belongs to.
    pub session_id: Uuid,
    /// How that session began.
    pub session_kind: Kind,
    /// The roles in the tenant.
    pub roles: Roles,
    /// When the token ends, Unix milliseconds; open sockets close then.
    pub token_expires_at: Option<i64>,
}

impl Caller {
    /// Insists on a permission.
    ///
    /// # Errors
    /// `SW_AUTH_INSUFFICIENT_PERMISSION` with `details.permission`.
    pub fn require(&self, permission: Permission) -> Result<(), AuthError> {
        if self.roles.allow(permission) {
            Ok(())
        } else {
            Err(AuthError::Lacks(permission))
        }
    }
}

/// What a token says, once its signature, or its hash, is known to be right.
pub(super) struct Claimed {
    /// Where.
    pub(super) tenant: Tenant,
    /// In which session.
    pub(super) session: Uuid,
    /// Until when the token is good, Unix milliseconds.
    pub(super) expires_at: Option<i64>,
}

impl Accounts<'_> {
    /// Finds out who acts with a bearer token. `device` is noted where the first request begins the session.
    ///
    /// # Errors
    /// [`AuthError::InvalidToken`], [`AuthError::ExpiredToken`], [`AuthError::SessionEnded`],
    /// [`AuthError::TenantNotFound`], [`AuthError::TenantSuspended`], or the database's.
    pub async fn authenticate(
        &self,
        tenants: &Tenants,
        token: &str,
        device: &Device,
    ) -> Result<Caller, AuthError> {
        let now = self.clock.now_ms();
        let mode = self.auth.mode;
        let claimed = match mode {
            AuthMode::Mock => self.claim_as_mock_user(tenants, token, device).await?,
            _ if token.starts_with(SCRIPT_TOKEN_PREFIX) => {
                self.claim_by_script(tenants, token).await?
            }
            AuthMode::Local => self.claim_by_own_token(tenants, token)?,
            AuthMode::Scaikey => self.claim_by_provider(tenants, token, device).await?,
            AuthMode::Hybrid => match self.claim_by_own_token(tenants, token) {
                // Not of this server.
                Err(AuthError::InvalidToken) if looks_like_jwt(token) => {
                    self.claim_by_provider(tenants, token, device).await?
                }
                Err(AuthError::InvalidToken) => {
                    self.claim_as_mock_user(tenants, token, device).await?
                }
                judged => judged?,
            },
        };
        let (live, person) = self.look_up(&claimed).await?;
        let expires_at = match live.kind {
            Kind::Token => live.expires_at,
            Kind::Password | Kind::Mock | Kind::Provider => claimed.expires_at,
        };
        if expires_at.is_some_and(|at| now >= at) {
            return Err(AuthError::ExpiredToken);
        }
        if claimed.tenant.state() == TenantState::Suspended {
            return Err(AuthError::TenantSuspended);
        }
        if live.is_due(now) {
            self.note_use(&claimed, &live, now);
        }
        Ok(Caller {
            tenant: claimed.tenant,
            participant_id: live.participant_id,
            fqid: person.fqid.clone(),
            session_id: claimed.session,
            session_kind: live.kind,
            roles: person.roles.clone(),
            token_expires_at: expires_at,
        })
    }

    async fn look_up(&self, claimed: &Claimed) -> Result<(Arc<Live>, Arc<Person>), AuthError> {
        let Claimed {
            tenant, session, ..
        } = claimed;
        let sessions = &self.auth.sessions;
        let live = sessions
            .live(tenant, self.db, *session)
            .await?
            .ok_or(AuthError::SessionEnded)?;
        let person = sessions
            .person(tenant, self.db, live.participant_id)
            .await?
            .filter(|person| !person.suspended)
            .ok_or(AuthError::SessionEnded)?;
        Ok((live, person))
    }

    /// Who presents an access token that this server made.
    fn claim_by_own_token(&self, tenants: &Tenants, token: &str) -> Result<Claimed, AuthError> {
        let claims = self.auth.keys.check_access(token, self.clock.now_ms())?;
        Ok(Claimed {
            tenant: tenants
                .by_id(claims.tenant_id)
                .ok_or(AuthError::TenantNotFound)?,
            session: claims.sid,
            expires_at: Some(claims.exp.saturating_mul(1000)),
        })
    }

    async fn claim_by_script(&self, tenants: &Tenants, token: &str) -> Result<Claimed, AuthError> {
        let hash = script_token_hash(token).ok_or(AuthError::InvalidToken)?;
        let (tenant, session) = self
            .auth
            .sessions
            .of_script(self.db, &hash)
            .await?
            .ok_or(AuthError::InvalidToken)?;
        Ok(Claimed {
            tenant: tenants.by_key(tenant).ok_or(AuthError::TenantNotFound)?,
            session,
            expires_at: None,
        })
    }

    /// Mode `mock`: any bearer is `@dev`. The first request makes the account, and a session for each token.
    async fn claim_as_mock_user(
        &self,
        tenants: &Tenants,
        token: &str,
        device: &Device,
    ) -> Result<Claimed, AuthError> {
        if token.is_empty() {
            return Err(AuthError::InvalidToken);
        }
        let tenant = tenants.first().ok_or(AuthError::TenantNotFound)?;
        let local_id: LocalId = MOCK_USER.parse().map_err(|_| AuthError::InvalidToken)?;
        let participant =
            ParticipantId::derive(&Fqid::new(local_id.clone(), tenant.server_name().clone()));
        let session = mock_session_id(token);
        let sessions = &self.auth.sessions;
        if sessions
            .person(&tenant, self.db, participant)
            .await?
            .is_none()
        {
            self.make_mock_user(&tenant, &local_id).await?;
        }
        if sessions.live(&tenant, self.db, session).await?.is_none() {
            let now = self.clock.now_ms();
            let mut tx = self.db.begin().await?;
            let gone = make_room(&tenant, &mut tx, participant).await?;
            let begun = device.session(session, participant, Kind::Mock, now);
            store::sessions::insert(&tenant, &mut tx, &begun).await?;
            sessions
                .commit(&tenant, tx, Change::ending(gone), ())
                .await?;
        }
        Ok(Claimed {
            tenant,
            session,
            expires_at: None,
        })
    }

    async fn make_mock_user(&self, tenant: &Tenant, local_id: &LocalId) -> Result<(), AuthError> {
        let mut tx = self.db.begin().await?;
        let new = NewAccount {
            local_id,
            display_name: "Dev",
            avatar_url: None,
            email: None,
            password_hash: None,
            roles: [Role::TenantAdmin].into_iter().collect(),
        };
        match accounts::create(tenant, &mut tx, &new, self.clock.now_ms()).await {
            Ok(_) => {
                tx.commit(()).await?;
                Ok(())
            }
            // Another first request was faster.
            Err(AccountError::NameTaken) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes down, beside the request, that session and person were seen: nothing hangs on it.
    fn note_use(&self, claimed: &Claimed, live: &Live, now: i64) {
        let (db, tenant, session) = (self.db.clone(), claimed.tenant.clone(), claimed.session);
        let participant = live.participant_id;
        let lives_by_use = live.kind == Kind::Provider;
        let expires_at = now.saturating_add(self.auth.refresh_ttl_ms);
        let keep_until = expires_at.saturating_add(self.auth.refresh_ttl_ms);
        tokio::spawn(async move {
            let noted = async {
                let mut tx = db.begin().await?;
                // The account before its sessions, as where sessions are ended.
                store::accounts::set_last_seen(&tenant, &mut tx, participant, now).await?;
                store::sessions::set_last_seen(&tenant, &mut tx, session, now).await?;
                if lives_by_use {
                    let times = (expires_at, keep_until);
                    store::provider_tokens::prolong(&tenant, &mut tx, session, times).await?;
                }
                tx.commit(()).await
            };
            if let Err(error) = noted.await {
                tracing::debug!(event = "auth.last_seen_failed", %error);
            }
        });
    }
}

fn mock_session_id(token: &str) -> Uuid {
    Hash::of(format!("{MOCK_SESSION_PREFIX}\n{token}").as_bytes()).to_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mock_token_is_a_session_of_its_own() {
        assert_eq!(mock_session_id("a"), mock_session_id("a"));
        assert_ne!(mock_session_id("a"), mock_session_id("b"));
    }
}
