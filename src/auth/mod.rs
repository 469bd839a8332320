//! Sign-in: who somebody is, how that is proven on every request, and what that person may administer.
//!
//! Modes `local` (accounts with passwords, tokens of this server), `scaikey` (an identity provider's tokens), `mock` (every
//! bearer is one fixed user) and `hybrid` (all of them). Rules are pure and stand in files of their own: [`roles`],
//! [`refresh`], [`tokens`]. [`sessions`] answers what every request asks without a statement, and tells sockets when
//! their session ends. [`provider`] speaks with the identity provider, `provided` and `mirror` say what its tokens mean
//! here. Uses `db`, `tenants`, `participants`, `groups` and `workspaces`.

pub mod access;
pub mod accounts;
pub mod error;
mod mirror;
pub mod own;
pub mod password;
mod provided;
pub mod provider;
pub mod provider_sign_in;
pub mod refresh;
pub mod roles;
pub mod routes;
pub mod sessions;
pub mod sign_in;
pub mod sockets;
pub mod store;
pub mod tokens;
pub mod user;
pub mod users;

#[cfg(test)]
mod flow_tests;

use std::sync::Arc;

use crate::app::App;
use crate::clock::Clock;
use crate::config::{AuthMode, AuthSettings};
use crate::db::Db;
use crate::http::login_backoff::LoginBackoff;
use password::Passwords;
use provider::Provider;
use sessions::Sessions;
use tokens::TokenKeys;

/// What sign-in keeps in memory.
pub struct Auth {
    /// Who knows the accounts.
    pub mode: AuthMode,
    /// Signs and checks tokens.
    pub keys: TokenKeys,
    /// The identity provider, in the modes that have one.
    pub provider: Option<Provider>,
    /// Which sessions live.
    pub sessions: Arc<Sessions>,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Slows guessing down.
    pub backoff: LoginBackoff,
    /// How long a session lives from its last use, in milliseconds.
    pub refresh_ttl_ms: i64,
    /// How far other clocks may be off, in seconds.
    pub skew_s: i64,
}

impl Auth {
    /// Sign-in as the settings say. `issuer` is the server's public address, `secret` its key.
    ///
    /// # Errors
    /// The client for an identity provider cannot be set up.
    pub fn new(
        settings: &AuthSettings,
        issuer: String,
        secret: &[u8; 32],
    ) -> Result<Auth, reqwest::Error> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let seconds =
            |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let (access_ttl, skew) = (
            seconds(settings.access_token_ttl),
            seconds(settings.clock_skew),
        );
        let provider = settings.provider.clone();
        let provider = provider.map(|provider| Provider::new(provider, skew));
        Ok(Auth {
            mode: settings.mode,
            keys: TokenKeys::new(secret, issuer, access_ttl, skew),
            provider: provider.transpose()?,
            sessions: Arc::default(),
            passwords: Passwords::new(cores),
            backoff: LoginBackoff::default(),
            refresh_ttl_ms: seconds(settings.refresh_token_ttl).saturating_mul(1000),
            skew_s: skew,
        })
    }
}

/// What works on accounts and sessions: keys and caches, the database, the time. Its functions stand in [`access`],
/// [`sign_in`], [`own`] and [`users`].
#[derive(Clone, Copy)]
pub struct Accounts<'a> {
    auth: &'a Auth,
    db: &'a Db,
    clock: &'a Clock,
}

impl<'a> Accounts<'a> {
    /// For commands that run beside a server.
    pub fn new(auth: &'a Auth, db: &'a Db, clock: &'a Clock) -> Self {
        Accounts { auth, db, clock }
    }

    /// For requests.
    pub fn of(app: &'a App) -> Self {
        Accounts::new(app.auth(), app.db(), app.clock())
    }
}
