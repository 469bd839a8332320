//! Sign-in: who somebody is, how that is proven on every request, and what that person may administer.
//!
//! Modes `local` (accounts with passwords, tokens of this server) and `mock` (every bearer is one fixed user). Rules are
//! pure and stand in files of their own: [`roles`], [`refresh`], [`tokens`]. [`sessions`] answers what
//! every request asks without a statement, and tells sockets when their session ends. Uses `db`, `tenants`,
//! `participants` and `workspaces`.

pub mod access;
pub mod accounts;
pub mod error;
pub mod own;
pub mod password;
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
use sessions::Sessions;
use tokens::TokenKeys;

/// What sign-in keeps in memory.
pub struct Auth {
    /// Who knows the accounts.
    pub mode: AuthMode,
    /// Signs and checks tokens.
    pub keys: TokenKeys,
    /// Which sessions live.
    pub sessions: Arc<Sessions>,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Slows guessing down.
    pub backoff: LoginBackoff,
    /// How long a session lives from its last use, in milliseconds.
    pub refresh_ttl_ms: i64,
}

impl Auth {
    /// Sign-in as the settings say. `issuer` is the server's public address, `secret` its key.
    pub fn new(settings: &AuthSettings, issuer: String, secret: &[u8; 32]) -> Auth {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let seconds =
            |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let (access_ttl, skew) = (
            seconds(settings.access_token_ttl),
            seconds(settings.clock_skew),
        );
        Auth {
            mode: settings.mode,
            keys: TokenKeys::new(secret, issuer, access_ttl, skew),
            sessions: Arc::default(),
            passwords: Passwords::new(cores),
            backoff: LoginBackoff::default(),
            refresh_ttl_ms: seconds(settings.refresh_token_ttl).saturating_mul(1000),
        }
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
