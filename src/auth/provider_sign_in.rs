//! Signing in at an identity provider: codes, passwords and refresh tokens go there, and what comes back is checked, taken
//! over and handed on.

use uuid::Uuid;

use super::Accounts;
use super::error::AuthError;
use super::password::Password;
use super::provided::{Arrival, Described, tenant_of};
use super::provider::profile::Profile;
use super::provider::token::refresh_key;
use super::provider::{Grant, Granted, Provider, ProviderError};
use super::sign_in::{Claimed, Device, Tokens};
use super::store::{self, provider_tokens};
use crate::db::Committed;
use crate::events::core::hash::Hash;
use crate::events::core::ids::ParticipantId;
use crate::tenants::{Tenant, TenantState, Tenants};

/// The code of a refusal that means: not this code, password or token.
const INVALID_GRANT: &str = "invalid_grant";
/// Codes of refusals that mean: not in this way.
const NOT_THIS_WAY: [&str; 3] = [
    "unsupported_grant_type",
    "unauthorized_client",
    "invalid_scope",
];

/// The switch of a tenant for passwords that are handed on to the provider.
const PASSWORD_GRANT: &str = "auth.password_grant_enabled";

/// Somebody who signed in, or goes on.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// What to answer.
    pub tokens: Tokens,
    /// Whose name or picture are others now, which others want to know.
    pub changed: Option<(Tenant, ParticipantId)>,
}

impl SignedIn {
    /// Somebody whom this server knows by itself.
    fn here(tokens: Tokens) -> Self {
        SignedIn {
            tokens,
            changed: None,
        }
    }
}

/// A code that a browser brought from the provider.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    /// The code.
    pub code: &'a str,
    /// Where the browser was sent: this server's own address.
    pub redirect_uri: &'a str,
    /// What proves that whoever sends the code asked for it (PKCE).
    pub verifier: Option<&'a str>,
}

/// A token to exchange for another one (RFC 8693).
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// The token.
    pub token: &'a str,
    /// What kind of token it is.
    pub token_type: &'a str,
    /// Whom the new one is to be for.
    pub audience: Option<&'a str>,
}

/// The token of several that requests to this server are to bring, and what all of them say.
struct Chosen {
    bearer: String,
    described: Described,
    refresh: Option<String>,
}

fn silent_or(error: ProviderError, refused: AuthError) -> AuthError {
    match error {
        ProviderError::Silent(_) => AuthError::ProviderSilent,
        error => {
            tracing::info!(event = "auth.provider_refused", %error);
            refused
        }
    }
}

impl Accounts<'_> {
    /// Whether somebody can sign in to a tenant with a password.
    pub fn takes_passwords(&self, tenant: &Tenant) -> bool {
        let mode = self.auth.mode;
        mode.has_local_accounts() || mode.has_provider() && tenant.feature(PASSWORD_GRANT)
    }

    /// Signs in with a password: of an account here, else of one at the provider.
    ///
    /// # Errors
    /// Those of [`Self::with_password`] and [`Self::with_provider_password`].
    pub async fn with_any_password(
        &self,
        tenants: &Tenants,
        tenant: &Tenant,
        claimed: Claimed,
        (username, password): (&str, &Password),
        device: &Device,
    ) -> Result<Committed<SignedIn>, AuthError> {
        let mode = self.auth.mode;
        let asks_provider = mode.has_provider()
            && tenant.feature(PASSWORD_GRANT)
            && !(mode.has_local_accounts() && claimed.has_password());
        if !asks_provider {
            let tokens = self
                .with_password(tenant, claimed, password, device)
                .await?;
            return Ok(tokens.map(SignedIn::here));
        }
        let accept = |of_token: &Tenant| match of_token == tenant {
            true => Ok(()),
            false => Err(AuthError::TenantMismatch),
        };
        let pair = (username, password.reveal());
        let signed_in = self
            .with_provider_password(tenants, pair, device, accept)
            .await;
        let backoff = &self.auth.backoff;
        match &signed_in {
            Ok(_) => backoff.succeeded(claimed.tries().as_str()),
            Err(AuthError::WrongCredentials) => {
                backoff.failed(claimed.tries().as_str(), self.clock.now_ms());
            }
            Err(_) => {}
        }
        signed_in
    }

    /// Goes on with a session, of this server or at the provider.
    ///
    /// # Errors
    /// Those of [`Self::refresh`] and [`Self::refresh_at_provider`].
    pub async fn go_on(
        &self,
        tenants: &Tenants,
        token: &str,
        device: &Device,
    ) -> Result<Committed<SignedIn>, AuthError> {
        let mode = self.auth.mode;
        let is_own = || mode.has_local_accounts() && self.auth.keys.check_refresh(token).is_ok();
        if mode.has_provider() && !is_own() {
            return self.refresh_at_provider(tenants, token, device).await;
        }
        let tokens = self.refresh(tenants, token).await?;
        Ok(tokens.map(SignedIn::here))
    }

    /// Exchanges a code. `accept` refuses a tenant that the request does not mean.
    ///
    /// # Errors
    /// [`AuthError::NoProvider`], [`AuthError::ProviderRefused`], [`AuthError::ProviderSilent`]; those of a token's tenant;
    /// [`AuthError::AccountSuspended`]; those of making an account.
    pub async fn with_code(
        &self,
        tenants: &Tenants,
        code: Code<'_>,
        device: &Device,
        accept: impl Fn(&Tenant) -> Result<(), AuthError>,
    ) -> Result<Committed<SignedIn>, AuthError> {
        let provider = self.provider()?;
        let now = self.clock.now_ms();
        let grant = Grant::Code {
            code: code.code,
            redirect_uri: code.redirect_uri,
            verifier: code.verifier,
        };
        let granted = provider.grant(grant, now).await;
        let granted = granted.map_err(|error| silent_or(error, AuthError::ProviderRefused))?;
        self.sign_in_with(tenants, granted, device, accept).await
    }

    /// Lets the provider check a password.
    ///
    /// # Errors
    /// [`AuthError::WrongCredentials`]; [`AuthError::SwitchedOff`] where the provider takes no passwords; and as
    /// [`Self::with_code`].
    pub async fn with_provider_password(
        &self,
        tenants: &Tenants,
        (username, password): (&str, &str),
        device: &Device,
        accept: impl Fn(&Tenant) -> Result<(), AuthError>,
    ) -> Result<Committed<SignedIn>, AuthError> {
        let provider = self.provider()?;
        let grant = Grant::Password { username, password };
        let granted = provider.grant(grant, self.clock.now_ms()).await;
        let granted = granted.map_err(|error| match &error {
            ProviderError::Refused(code) if code == INVALID_GRANT => AuthError::WrongCredentials,
            ProviderError::Refused(code) if NOT_THIS_WAY.contains(&code.as_str()) => {
                AuthError::SwitchedOff
            }
            _ => silent_or(error, AuthError::ProviderRefused),
        })?;
        self.sign_in_with(tenants, granted, device, accept).await
    }

    async fn sign_in_with(
        &self,
        tenants: &Tenants,
        granted: Granted,
        device: &Device,
        accept: impl Fn(&Tenant) -> Result<(), AuthError>,
    ) -> Result<Committed<SignedIn>, AuthError> {
        let provider = self.provider()?;
        let chosen = self.choose(provider, granted).await?;
        let tenant = tenant_of(tenants, provider, &chosen.described.proven)?;
        accept(&tenant)?;
        let arrival = Arrival::SignIn {
            refresh: chosen.refresh.as_deref(),
        };
        let refresh = chosen.refresh.clone().unwrap_or_default();
        self.finish(tenant, &chosen, refresh, arrival, device).await
    }

    /// Goes on with a session at the provider. Where the provider replaces refresh tokens, the answer has the new one.
    ///
    /// # Errors
    /// [`AuthError::InvalidToken`]; [`AuthError::SessionEnded`], without asking the provider; [`AuthError::ProviderSilent`].
    pub async fn refresh_at_provider(
        &self,
        tenants: &Tenants,
        token: &str,
        device: &Device,
    ) -> Result<Committed<SignedIn>, AuthError> {
        let provider = self.provider().map_err(|_| AuthError::InvalidToken)?;
        let session = self.session_of_refresh_token(tenants, token).await?;
        let granted = provider
            .grant(Grant::Refresh(token), self.clock.now_ms())
            .await;
        let granted = granted.map_err(|error| silent_or(error, AuthError::InvalidToken))?;
        let chosen = self.choose(provider, granted).await?;
        let tenant = tenant_of(tenants, provider, &chosen.described.proven)?;
        let refresh = chosen.refresh.clone().unwrap_or_else(|| token.to_owned());
        let arrival = match session {
            Some((of, session)) if of == tenant => Arrival::Refresh {
                session,
                refresh: &refresh,
            },
            Some(_) => return Err(AuthError::InvalidToken),
            None => Arrival::SignIn {
                refresh: Some(&refresh),
            },
        };
        let done = self
            .finish(tenant, &chosen, refresh.clone(), arrival, device)
            .await;
        done.map_err(|error| match error {
            AuthError::AccountSuspended => AuthError::SessionEnded,
            error => error,
        })
    }

    /// The session that a refresh token was given out for; `None`: not by this server.
    async fn session_of_refresh_token(
        &self,
        tenants: &Tenants,
        token: &str,
    ) -> Result<Option<(Tenant, Uuid)>, AuthError> {
        let key = refresh_key(token);
        let found = provider_tokens::of_refresh_token(self.db.reader(), &key).await?;
        let Some((tenant, session)) = found else {
            return Ok(None);
        };
        let tenant = tenants.by_key(tenant).ok_or(AuthError::TenantNotFound)?;
        if tenant.state() == TenantState::Suspended {
            return Err(AuthError::TenantSuspended);
        }
        match store::sessions::get(&tenant, self.db.reader(), session).await? {
            Some(_) => Ok(Some((tenant, session))),
            None => Err(AuthError::SessionEnded),
        }
    }

    /// Hands a token on to be exchanged for another one. What comes back need not be for this server.
    ///
    /// # Errors
    /// [`AuthError::SwitchedOff`] without a provider; [`AuthError::ProviderRefused`], [`AuthError::ProviderSilent`];
    /// [`AuthError::SessionEnded`] for a token whose session has ended here.
    pub async fn exchange(
        &self,
        tenants: &Tenants,
        exchange: Exchange<'_>,
    ) -> Result<Tokens, AuthError> {
        let provider = self.provider().map_err(|_| AuthError::SwitchedOff)?;
        let now = self.clock.now_ms();
        let session = match provider.prove(exchange.token, now).await {
            Ok(proven) => {
                let tenant = tenant_of(tenants, provider, &proven)?;
                self.live_session_of(&tenant, &Described::alone(proven))
                    .await?
            }
            Err(_) => None,
        };
        let grant = Grant::Exchange {
            token: exchange.token,
            token_type: exchange.token_type,
            audience: exchange.audience,
        };
        let granted = provider.grant(grant, now).await;
        let granted = granted.map_err(|error| silent_or(error, AuthError::ProviderRefused))?;
        let of_token = Hash::of(granted.access_token.as_bytes());
        Ok(Tokens {
            session_id: session.unwrap_or_else(|| of_token.to_uuid()),
            expires_in: granted.expires_in.unwrap_or_default().max(0),
            refresh_token: granted.refresh_token.unwrap_or_default(),
            token_type: "Bearer",
            access_token: granted.access_token,
        })
    }

    async fn live_session_of(
        &self,
        tenant: &Tenant,
        described: &Described,
    ) -> Result<Option<Uuid>, AuthError> {
        let Some(session) = self.session_of(tenant, &described.proven).await? else {
            return Ok(None);
        };
        let live = self.auth.sessions.live(tenant, self.db, session).await?;
        match live {
            Some(_) => Ok(Some(session)),
            None => Err(AuthError::SessionEnded),
        }
    }

    /// Which of the provider's tokens requests are to bring: the access token where it is one for this server, as of
    /// ScaiKey, else the ID token, which always is where the audience is the client. All else that the provider says is
    /// taken along.
    async fn choose(&self, provider: &Provider, granted: Granted) -> Result<Chosen, AuthError> {
        let now = self.clock.now_ms();
        let of_access = provider.prove(&granted.access_token, now).await;
        let of_id = match &granted.id_token {
            Some(token) => provider.prove_id(token, now).await.ok(),
            None => None,
        };
        let (bearer, proven) = match (of_access, &granted.id_token) {
            (Ok(proven), _) => (granted.access_token.clone(), proven),
            (Err(ProviderError::Silent(_)), _) => return Err(AuthError::ProviderSilent),
            (Err(refused), None) => return Err(unusable(&refused)),
            (Err(refused), Some(id_token)) => {
                let proven = provider.prove(id_token, now).await;
                (id_token.clone(), proven.map_err(|_| unusable(&refused))?)
            }
        };
        let mut profile = Profile::of(&proven.claims);
        let id_claims = of_id.filter(|of_id| of_id.subject == proven.subject);
        let said = provider
            .user_info(&granted.access_token, &proven.subject, now)
            .await;
        let is_complete = match &said {
            Ok(said) => said.is_some() || id_claims.is_some(),
            Err(error) => {
                tracing::info!(event = "auth.user_info_failed", %error);
                false
            }
        };
        let more = id_claims.map(|of_id| of_id.claims).into_iter();
        for claims in more.chain(said.ok().flatten()) {
            profile = profile.or(Profile::of(&claims));
        }
        Ok(Chosen {
            bearer,
            described: Described {
                proven,
                profile,
                is_complete,
            },
            refresh: granted.refresh_token.filter(|token| !token.is_empty()),
        })
    }

    async fn finish(
        &self,
        tenant: Tenant,
        chosen: &Chosen,
        refresh_token: String,
        arrival: Arrival<'_>,
        device: &Device,
    ) -> Result<Committed<SignedIn>, AuthError> {
        let settled = self
            .settle(&tenant, &chosen.described, arrival, device)
            .await?;
        let left_ms = chosen.described.proven.expires_at - self.clock.now_ms();
        Ok(settled.map(|settled| SignedIn {
            tokens: Tokens {
                access_token: chosen.bearer.clone(),
                refresh_token,
                token_type: "Bearer",
                // Without the tolerance for clocks, which is not for clients to use up.
                expires_in: (left_ms / 1000 - self.auth.skew_s).max(0),
                session_id: settled.session,
            },
            changed: settled
                .looks_changed
                .then_some((tenant, settled.participant_id)),
        }))
    }
}

/// Tokens that no request to this server could bring: the operator has to know why.
fn unusable(refused: &ProviderError) -> AuthError {
    tracing::warn!(
        event = "auth.provider_tokens_unusable",
        error = %refused,
        hint = "the provider's access token is no JWT for this server, and there is no ID token that is: check SCAIWAVE_OIDC_AUDIENCE"
    );
    AuthError::ProviderRefused
}
