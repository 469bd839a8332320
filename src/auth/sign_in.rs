//! Beginning a session: with name and password, by signing up, or as a token for a script; and going on with one.

use std::net::IpAddr;

use serde::Serialize;
use uuid::Uuid;

use super::Accounts;
use super::accounts::{self, NewAccount};
use super::error::AuthError;
use super::password::Password;
use super::refresh::{self, Stored, Verdict};
use super::sessions::Change;
use super::store::{self, accounts::Account, sessions::Kind, sessions::Session};
use super::tokens::{RefreshClaims, random_id};
use crate::db::{Committed, DbError, Tx};
use crate::events::core::hash::Hash;
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::{Fqid, LocalId};
use crate::participants;
use crate::tenants::{Tenant, TenantState, Tenants};

/// Sessions of one person, at most; the longest unused goes.
pub const MOST_SESSIONS: usize = 50;
/// Access tokens for scripts of one person, at most.
pub const MOST_SCRIPT_TOKENS: usize = 20;
/// How often a refresh is tried again because another was faster.
const REFRESH_TRIES: usize = 5;
/// Characters of a client's own description that are kept.
const MAX_USER_AGENT: usize = 300;

/// Where a sign-in comes from.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// The name that the client gives.
    pub name: Option<String>,
    /// The client program, as it calls itself.
    pub user_agent: Option<String>,
    /// The address.
    pub ip: Option<IpAddr>,
}

impl Device {
    /// A session that begins on this device.
    pub(super) fn session(
        &self,
        id: Uuid,
        participant_id: ParticipantId,
        kind: Kind,
        now: i64,
    ) -> Session {
        Session {
            id,
            participant_id,
            kind,
            name: self.name.clone(),
            user_agent: self
                .user_agent
                .as_ref()
                .map(|text| text.chars().take(MAX_USER_AGENT).collect()),
            ip: self.ip.map(|ip| ip.to_string()),
            token_hash: None,
            generation: 0,
            created_at: now,
            last_seen_at: Some(now),
            expires_at: None,
        }
    }
}

/// What a sign-in or refresh answers (client specification, section 2).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Tokens {
    /// For requests.
    pub access_token: String,
    /// For the next access token; single use.
    pub refresh_token: String,
    /// `Bearer`
    pub token_type: &'static str,
    /// How long the access token lives, in seconds.
    pub expires_in: i64,
    /// The session.
    pub session_id: Uuid,
}

/// The account that a user name stands for, whether it exists or not.
pub struct Claimed {
    account: Option<Account>,
    tries: Tries,
}

/// What tries of an account's password are counted under, whether it exists or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tries(String);

impl Tries {
    /// Tries of a name, or of the id of an account, in a tenant.
    pub(super) fn of(tenant: &Tenant, name: &str) -> Self {
        // A hash, because a name that somebody sends may be long.
        Tries(format!(
            "account:{}",
            Hash::of(format!("{}\n{name}", tenant.key()).as_bytes())
        ))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Claimed {
    /// Whether it is an account with a password of this server.
    pub fn has_password(&self) -> bool {
        let account = self.account.as_ref();
        account.is_some_and(|account| account.password_hash.is_some())
    }

    /// What tries for this account are counted under.
    pub fn tries(&self) -> &Tries {
        &self.tries
    }
}

impl Accounts<'_> {
    /// Finds the account that a user name, a local id or an e-mail address, stands for.
    pub async fn claim(&self, tenant: &Tenant, username: &str) -> Result<Claimed, DbError> {
        let name = username.to_lowercase();
        let account = if name.contains('@') {
            store::accounts::by_email(tenant, self.db.reader(), &name).await?
        } else if let Ok(local_id) = name.parse::<LocalId>() {
            let fqid = Fqid::new(local_id, tenant.server_name().clone());
            store::accounts::get(tenant, self.db.reader(), ParticipantId::derive(&fqid)).await?
        } else {
            None
        };
        // Both names of an account count together.
        let key = account
            .as_ref()
            .map_or(name, |account| account.participant_id.to_string());
        Ok(Claimed {
            account,
            tries: Tries::of(tenant, &key),
        })
    }

    /// Signs in with a password.
    ///
    /// # Errors
    /// [`AuthError::WrongCredentials`] for name and password alike, [`AuthError::AccountSuspended`] only after the right password.
    pub async fn with_password(
        &self,
        tenant: &Tenant,
        claimed: Claimed,
        password: &Password,
        device: &Device,
    ) -> Result<Committed<Tokens>, AuthError> {
        let Claimed { account, tries } = claimed;
        let hash = account
            .as_ref()
            .and_then(|account| account.password_hash.clone());
        if !self.check_password(&tries, password, hash).await? {
            tracing::info!(
                event = "auth.sign_in_failed",
                participant = account
                    .as_ref()
                    .map(|account| account.participant_id.to_string()),
                ip = device.ip.map(|ip| ip.to_string()),
            );
            return Err(AuthError::WrongCredentials);
        }
        let Some(account) = account else {
            return Err(AuthError::WrongCredentials);
        };
        let now = self.clock.now_ms();
        let mut tx = self.db.begin().await?;
        // The write also waits for, and notices, a password that is being replaced.
        if !store::accounts::note_sign_in(tenant, &mut tx, &account, now).await? {
            return Err(AuthError::WrongCredentials);
        }
        let participant =
            participants::store::get(tenant, tx.conn(), account.participant_id).await?;
        match participant {
            None => return Err(AuthError::WrongCredentials),
            Some(participant) if participant.suspended => return Err(AuthError::AccountSuspended),
            Some(_) => {}
        }
        self.begin(tenant, tx, account.participant_id, device, now)
            .await
    }

    /// Checks a password and notes the outcome for the next try, which may have to wait.
    pub(super) async fn check_password(
        &self,
        tries: &Tries,
        password: &Password,
        hash: Option<String>,
    ) -> Result<bool, AuthError> {
        let is_right = self.auth.passwords.verify(password, hash).await?;
        if is_right {
            self.auth.backoff.succeeded(tries.as_str());
        } else {
            self.auth
                .backoff
                .failed(tries.as_str(), self.clock.now_ms());
        }
        Ok(is_right)
    }

    /// Makes an account for whoever asks, and signs in.
    ///
    /// # Errors
    /// Those of [`accounts::create`].
    pub async fn sign_up(
        &self,
        tenant: &Tenant,
        new: &NewAccount<'_>,
        device: &Device,
    ) -> Result<Committed<Tokens>, AuthError> {
        let now = self.clock.now_ms();
        let mut tx = self.db.begin().await?;
        let participant = accounts::create(tenant, &mut tx, new, now).await?;
        self.begin(tenant, tx, participant.id, device, now).await
    }

    async fn begin(
        &self,
        tenant: &Tenant,
        mut tx: Tx,
        participant: ParticipantId,
        device: &Device,
        now: i64,
    ) -> Result<Committed<Tokens>, AuthError> {
        let mut session = device.session(random_id(), participant, Kind::Password, now);
        session.expires_at = Some(now.saturating_add(self.auth.refresh_ttl_ms));
        let gone = make_room(tenant, &mut tx, participant).await?;
        store::sessions::insert(tenant, &mut tx, &session).await?;
        let tokens = self.tokens(tenant, participant, session.id, session.generation, now)?;
        Ok(self
            .auth
            .sessions
            .commit(tenant, tx, Change::ending(gone), tokens)
            .await?)
    }

    fn tokens(
        &self,
        tenant: &Tenant,
        participant: ParticipantId,
        session: Uuid,
        generation: i64,
        now: i64,
    ) -> Result<Tokens, AuthError> {
        let keys = &self.auth.keys;
        let refresh = RefreshClaims {
            tenant_id: tenant.id(),
            sid: session,
            generation,
        };
        Ok(Tokens {
            access_token: keys.sign_access(participant, tenant.id(), session, random_id(), now)?,
            refresh_token: keys.sign_refresh(&refresh)?,
            token_type: "Bearer",
            expires_in: keys.access_ttl_s(),
            session_id: session,
        })
    }

    /// Goes on with a session.
    ///
    /// # Errors
    /// [`AuthError::InvalidToken`], [`AuthError::SessionEnded`], [`AuthError::ExpiredToken`], and
    /// [`AuthError::RefreshReused`], which ends the session.
    pub async fn refresh(
        &self,
        tenants: &Tenants,
        token: &str,
    ) -> Result<Committed<Tokens>, AuthError> {
        let claims = self.auth.keys.check_refresh(token)?;
        let tenant = tenants
            .by_id(claims.tenant_id)
            .ok_or(AuthError::TenantNotFound)?;
        if tenant.state() == TenantState::Suspended {
            return Err(AuthError::TenantSuspended);
        }
        for _ in 0..REFRESH_TRIES {
            if let Some(tokens) = self.try_refresh(&tenant, &claims).await? {
                return Ok(tokens);
            }
        }
        Err(AuthError::SessionEnded)
    }

    /// `None`: another refresh was faster; what it left behind decides.
    async fn try_refresh(
        &self,
        tenant: &Tenant,
        claims: &RefreshClaims,
    ) -> Result<Option<Committed<Tokens>>, AuthError> {
        let now = self.clock.now_ms();
        let mut tx = self.db.begin().await?;
        let session = store::sessions::get(tenant, tx.conn(), claims.sid)
            .await?
            .filter(|session| session.kind == Kind::Password)
            .ok_or(AuthError::SessionEnded)?;
        let stored = Stored {
            generation: session.generation,
            expires_at: session.expires_at.unwrap_or(i64::MAX),
            replaced_at: store::sessions::replaced_at(
                tenant,
                &mut tx,
                session.id,
                claims.generation,
            )
            .await?,
        };
        let generation = match refresh::judge(claims.generation, stored, now) {
            Verdict::Expired => return Err(AuthError::ExpiredToken),
            Verdict::Reused => return Err(self.end_reused(tenant, tx, &session).await?),
            Verdict::Repeat(generation) => generation,
            Verdict::Replace(generation) => {
                let expires_at = now.saturating_add(self.auth.refresh_ttl_ms);
                let step = (session.generation, generation);
                if !store::sessions::replace_refresh(
                    tenant, &mut tx, session.id, step, now, expires_at,
                )
                .await?
                {
                    return Ok(None);
                }
                generation
            }
        };
        let tokens = self.tokens(tenant, session.participant_id, session.id, generation, now)?;
        Ok(Some(tx.commit(tokens).await?))
    }

    async fn end_reused(
        &self,
        tenant: &Tenant,
        mut tx: Tx,
        session: &Session,
    ) -> Result<AuthError, AuthError> {
        let ended =
            store::sessions::delete(tenant, &mut tx, session.participant_id, &[session.id]).await?;
        self.auth
            .sessions
            .commit(tenant, tx, Change::ending(ended), ())
            .await?;
        tracing::warn!(
            event = "auth.session_ended",
            reason = "refresh_token_reused",
            session = %session.id,
            participant = %session.participant_id,
        );
        Ok(AuthError::RefreshReused)
    }
}

/// Ends the longest unused sessions of a person until one more fits. Tokens for scripts stay.
pub(super) async fn make_room(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
) -> Result<Vec<Uuid>, DbError> {
    let mut sessions = store::sessions::list(tenant, tx.conn(), participant).await?;
    let too_many = (sessions.len() + 1).saturating_sub(MOST_SESSIONS);
    if too_many == 0 {
        return Ok(Vec::new());
    }
    sessions.retain(|session| session.kind != Kind::Token);
    sessions.sort_by_key(|session| session.last_seen_at.unwrap_or(session.created_at));
    let ids: Vec<Uuid> = sessions
        .iter()
        .take(too_many)
        .map(|session| session.id)
        .collect();
    store::sessions::delete(tenant, tx, participant, &ids).await
}
