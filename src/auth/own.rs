//! What people do with their own sessions, tokens and passwords.

use serde::Serialize;
use uuid::Uuid;

use super::Accounts;
use super::access::Caller;
use super::accounts;
use super::error::AuthError;
use super::password::Password;
use super::sessions::Change;
use super::sign_in::{Device, MOST_SCRIPT_TOKENS, Tries};
use super::store::{self, sessions::Kind, sessions::Session};
use super::tokens::{new_script_token, random_id, script_token_hash};
use crate::clock::iso;
use crate::db::Committed;

/// When a session that never ends by itself is said to end.
const FOREVER: &str = "9999-12-31T23:59:59.000Z";

/// A session as its owner sees it (client specification, section 2).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SessionView {
    id: Uuid,
    device_name: Option<String>,
    user_agent: Option<String>,
    ip: Option<String>,
    created_at: String,
    last_seen_at: String,
    expires_at: String,
    current: bool,
    connected: bool,
}

/// An access token for scripts as its owner sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ScriptTokenView {
    id: Uuid,
    name: String,
    created_at: String,
    last_used_at: Option<String>,
    expires_at: Option<String>,
    /// Only in the answer that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    token: Option<String>,
}

/// How many sessions a request ended.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub struct Revoked {
    revoked: usize,
}

impl Revoked {
    /// So many.
    pub(super) fn of(revoked: usize) -> Self {
        Revoked { revoked }
    }
}

impl ScriptTokenView {
    fn of(session: &Session, token: Option<String>) -> Self {
        ScriptTokenView {
            id: session.id,
            name: session.name.clone().unwrap_or_default(),
            created_at: iso(session.created_at),
            last_used_at: session.last_seen_at.map(iso),
            expires_at: session.expires_at.map(iso),
            token,
        }
    }
}

impl Accounts<'_> {
    /// The live sessions of the caller, the newest first.
    pub async fn own_sessions(&self, caller: &Caller) -> Result<Vec<SessionView>, AuthError> {
        let now = self.clock.now_ms();
        let sessions =
            store::sessions::list(&caller.tenant, self.db.reader(), caller.participant_id).await?;
        let live = sessions
            .into_iter()
            .filter(|session| session.expires_at.is_none_or(|at| now < at));
        Ok(live
            .map(|session| SessionView {
                id: session.id,
                device_name: session.name,
                user_agent: session.user_agent,
                ip: session.ip,
                created_at: iso(session.created_at),
                last_seen_at: iso(session.last_seen_at.unwrap_or(session.created_at)),
                expires_at: session.expires_at.map_or_else(|| FOREVER.to_owned(), iso),
                current: session.id == caller.session_id,
                connected: self.auth.sessions.is_connected(session.id),
            })
            .collect())
    }

    /// Ends one session of the caller.
    ///
    /// # Errors
    /// [`AuthError::NoSuchSession`], for another person's too.
    pub async fn end_own_session(
        &self,
        caller: &Caller,
        id: Uuid,
    ) -> Result<Committed<()>, AuthError> {
        self.end_own(caller, &[id])
            .await?
            .ok_or(AuthError::NoSuchSession)
            .map(|done| done.map(|_| ()))
    }

    /// Signs out: ends this session, or all.
    pub async fn log_out(
        &self,
        caller: &Caller,
        all: bool,
    ) -> Result<Committed<Revoked>, AuthError> {
        if all {
            return self.end_all_but(caller, None).await;
        }
        let done = self.end_own(caller, &[caller.session_id]).await?;
        Ok(done.unwrap_or(Committed::already(Revoked { revoked: 0 })))
    }

    /// Ends all sessions of the caller but this one.
    pub async fn end_other_sessions(
        &self,
        caller: &Caller,
    ) -> Result<Committed<Revoked>, AuthError> {
        self.end_all_but(caller, Some(caller.session_id)).await
    }

    async fn end_all_but(
        &self,
        caller: &Caller,
        keep: Option<Uuid>,
    ) -> Result<Committed<Revoked>, AuthError> {
        let mut tx = self.db.begin().await?;
        store::accounts::lock(&caller.tenant, &mut tx, caller.participant_id).await?;
        let ended =
            accounts::end_sessions(&caller.tenant, &mut tx, caller.participant_id, keep).await?;
        let revoked = Revoked::of(ended.len());
        let change = Change::ending(ended);
        Ok(self
            .auth
            .sessions
            .commit(&caller.tenant, tx, change, revoked)
            .await?)
    }

    /// `None`: none of them is a session of the caller.
    async fn end_own(
        &self,
        caller: &Caller,
        ids: &[Uuid],
    ) -> Result<Option<Committed<Revoked>>, AuthError> {
        let mut tx = self.db.begin().await?;
        let ended =
            store::sessions::delete(&caller.tenant, &mut tx, caller.participant_id, ids).await?;
        if ended.is_empty() {
            return Ok(None);
        }
        let revoked = Revoked::of(ended.len());
        let change = Change::ending(ended);
        let committed = self
            .auth
            .sessions
            .commit(&caller.tenant, tx, change, revoked)
            .await?;
        Ok(Some(committed))
    }

    /// What tries of the caller's password are counted under.
    pub fn own_tries(&self, caller: &Caller) -> Tries {
        Tries::of(&caller.tenant, &caller.participant_id.to_string())
    }

    /// Replaces the caller's password and ends all other sessions.
    ///
    /// # Errors
    /// [`AuthError::NoPassword`], [`AuthError::WrongCurrentPassword`].
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: &Password,
        new: &Password,
    ) -> Result<Committed<()>, AuthError> {
        let Caller {
            tenant,
            participant_id,
            ..
        } = caller;
        let account = store::accounts::get(tenant, self.db.reader(), *participant_id).await?;
        let account = account
            .filter(|account| account.password_hash.is_some())
            .ok_or(AuthError::NoPassword)?;
        let stored = account.password_hash.clone();
        if !self
            .check_password(&self.own_tries(caller), current, stored)
            .await?
        {
            return Err(AuthError::WrongCurrentPassword);
        }
        let hash = self.auth.passwords.hash(new).await?;
        let mut tx = self.db.begin().await?;
        // The write also waits for, and notices, an admin who replaces the password meanwhile.
        if !store::accounts::note_sign_in(tenant, &mut tx, &account, self.clock.now_ms()).await? {
            return Err(AuthError::WrongCurrentPassword);
        }
        let keep = Some(caller.session_id);
        let ended =
            accounts::replace_password(tenant, &mut tx, *participant_id, &hash, keep).await?;
        Ok(self
            .auth
            .sessions
            .commit(tenant, tx, Change::ending(ended), ())
            .await?)
    }

    /// The caller's access tokens for scripts.
    pub async fn own_script_tokens(
        &self,
        caller: &Caller,
    ) -> Result<Vec<ScriptTokenView>, AuthError> {
        insist_on_sign_in(caller)?;
        let sessions =
            store::sessions::list(&caller.tenant, self.db.reader(), caller.participant_id).await?;
        let tokens = sessions
            .iter()
            .filter(|session| session.kind == Kind::Token);
        Ok(tokens
            .map(|session| ScriptTokenView::of(session, None))
            .collect())
    }

    /// Makes an access token for scripts that acts as the caller.
    ///
    /// # Errors
    /// [`AuthError::ScriptToken`], [`AuthError::TooManyScriptTokens`].
    pub async fn make_script_token(
        &self,
        caller: &Caller,
        name: String,
        expires_at: Option<i64>,
    ) -> Result<Committed<ScriptTokenView>, AuthError> {
        insist_on_sign_in(caller)?;
        let Caller {
            tenant,
            participant_id,
            ..
        } = caller;
        let now = self.clock.now_ms();
        let mut tx = self.db.begin().await?;
        store::accounts::lock(tenant, &mut tx, *participant_id).await?;
        // The caller's own session may have ended while this waited for the lock.
        if store::sessions::get(tenant, tx.conn(), caller.session_id)
            .await?
            .is_none()
        {
            return Err(AuthError::SessionEnded);
        }
        let sessions = store::sessions::list(tenant, tx.conn(), *participant_id).await?;
        if sessions
            .iter()
            .filter(|session| session.kind == Kind::Token)
            .count()
            >= MOST_SCRIPT_TOKENS
        {
            return Err(AuthError::TooManyScriptTokens(MOST_SCRIPT_TOKENS));
        }
        let token = new_script_token();
        let device = Device {
            name: Some(name),
            ..Device::default()
        };
        let session = Session {
            token_hash: script_token_hash(&token),
            last_seen_at: None,
            expires_at,
            ..device.session(random_id(), *participant_id, Kind::Token, now)
        };
        store::sessions::insert(tenant, &mut tx, &session).await?;
        Ok(tx
            .commit(ScriptTokenView::of(&session, Some(token)))
            .await?)
    }

    /// Ends an access token for scripts.
    ///
    /// # Errors
    /// [`AuthError::ScriptToken`], [`AuthError::NoSuchSession`].
    pub async fn end_script_token(
        &self,
        caller: &Caller,
        id: Uuid,
    ) -> Result<Committed<()>, AuthError> {
        insist_on_sign_in(caller)?;
        let session = store::sessions::get(&caller.tenant, self.db.reader(), id).await?;
        if session.is_none_or(|session| session.kind != Kind::Token) {
            return Err(AuthError::NoSuchSession);
        }
        self.end_own_session(caller, id).await
    }
}

fn insist_on_sign_in(caller: &Caller) -> Result<(), AuthError> {
    match caller.session_kind {
        Kind::Token => Err(AuthError::ScriptToken),
        Kind::Password | Kind::Mock | Kind::Provider => Ok(()),
    }
}
