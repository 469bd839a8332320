//! What can go wrong with signing in, with tokens and with accounts.

use serde_json::{Value, json};

use super::password::HashingError;
use super::roles::Permission;
use super::tokens::TokenError;
use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::{Coded, Field, Reason};

/// Why a request is not let in, or a sign-in fails.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// No bearer token, or one that means nothing here.
    #[error("Sign in: the access token is missing, malformed or no longer valid.")]
    InvalidToken,
    /// The session has ended.
    #[error("This session has ended. Sign in again.")]
    SessionEnded,
    /// Past its time.
    #[error("The token has expired.")]
    ExpiredToken,
    /// A refresh token came that was replaced long ago: the session has ended with it.
    #[error("This refresh token was used before. The session has ended; sign in again.")]
    RefreshReused,
    /// No such account, or another password: nobody learns which.
    #[error("Wrong user name or password.")]
    WrongCredentials,
    /// The right password of a suspended account.
    #[error("This account is suspended.")]
    AccountSuspended,
    /// Claim, header or field name a tenant that does not exist.
    #[error("There is no such tenant.")]
    TenantNotFound,
    /// The request names another tenant than the token.
    #[error("The request names another tenant than the token.")]
    TenantMismatch,
    /// The tenant is suspended.
    #[error("This tenant is suspended.")]
    TenantSuspended,
    /// An admin endpoint asks for a permission that the caller lacks.
    #[error("You lack the permission {}.", .0.as_str())]
    Lacks(Permission),
    /// The wrong current password, where a new one should be set.
    #[error("The current password is wrong.")]
    WrongCurrentPassword,
    /// A script's token manages tokens.
    #[error("An access token for scripts cannot do this. Sign in.")]
    ScriptToken,
    /// The account has no password here.
    #[error("This account has no password here.")]
    NoPassword,
    /// This way of signing in is off.
    #[error("This way of signing in is switched off.")]
    SwitchedOff,
    /// Signing in with a provider, where there is none.
    #[error("There is no identity provider to sign in with.")]
    NoProvider,
    /// The provider accepts neither the code nor what else was sent, or gives tokens that are not for this server.
    #[error("The identity provider did not accept the sign-in. Begin it again.")]
    ProviderRefused,
    /// The provider does not answer.
    #[error("The identity provider does not answer. Try again later.")]
    ProviderSilent,
    /// Signing in with another address to return to than the configured one.
    #[error("The redirect URI is not the configured one.")]
    RedirectMismatch,
    /// The session or token to end does not exist.
    #[error("There is no such session.")]
    NoSuchSession,
    /// A further token for scripts than one may have.
    #[error("A person has at most {0} access tokens.")]
    TooManyScriptTokens(usize),
    /// The account cannot be made.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Signing a token failed.
    #[error("Something went wrong.")]
    Signing(#[source] TokenError),
    /// Hashing a password failed.
    #[error("Something went wrong.")]
    Hashing(#[from] HashingError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Coded for AuthError {
    fn code(&self) -> Code {
        match self {
            AuthError::InvalidToken
            | AuthError::SessionEnded
            | AuthError::RefreshReused
            | AuthError::WrongCredentials => Code::AuthInvalidToken,
            AuthError::ExpiredToken => Code::AuthExpiredToken,
            AuthError::AccountSuspended
            | AuthError::TenantSuspended
            | AuthError::Lacks(_)
            | AuthError::WrongCurrentPassword
            | AuthError::ScriptToken
            | AuthError::NoPassword
            | AuthError::SwitchedOff => Code::AuthInsufficientPermission,
            AuthError::TenantNotFound => Code::TenantNotFound,
            AuthError::TenantMismatch => Code::AuthTenantMismatch,
            AuthError::NoProvider | AuthError::ProviderRefused => Code::AuthOidcFailed,
            AuthError::ProviderSilent => Code::ServiceUnavailable,
            AuthError::RedirectMismatch => Code::AuthRedirectMismatch,
            AuthError::NoSuchSession => Code::NotFound,
            AuthError::TooManyScriptTokens(_) => Code::ValidationError,
            AuthError::Signing(_) | AuthError::Hashing(_) => Code::InternalError,
            AuthError::Account(error) => error.code(),
            AuthError::Db(error) => error.code(),
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            AuthError::Account(error) => error.details(),
            AuthError::Lacks(permission) => Some(json!({ "permission": permission.as_str() })),
            AuthError::TooManyScriptTokens(_) => {
                Some(fields("body", Reason::Range, self.to_string()))
            }
            _ => None,
        }
    }
}

impl From<TokenError> for AuthError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => AuthError::InvalidToken,
            TokenError::Expired => AuthError::ExpiredToken,
            TokenError::Signing => AuthError::Signing(error),
        }
    }
}

/// Why an account cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Somebody has the name, or had it once.
    #[error("This name is taken.")]
    NameTaken,
    /// As `NameTaken`, where the name's field is called `username`.
    #[error("This name is taken.")]
    UsernameTaken,
    /// Another account has the address.
    #[error("Another account has this e-mail address.")]
    EmailTaken,
    /// The tenant has as many participants as it may.
    #[error("This tenant has as many people as it may.")]
    TenantFull,
    /// No such local person.
    #[error("There is no such user.")]
    NoSuchUser,
    /// The tenant would be without an admin.
    #[error("The last tenant admin cannot lose the role or be suspended.")]
    LastAdmin(LastAdminField),
    /// The account, or a role given or taken, reaches beyond the tenant.
    #[error("Only a super admin may do this to accounts with roles beyond the tenant.")]
    BeyondTenant(Permission),
    /// Hashing a password failed.
    #[error("Something went wrong.")]
    Hashing(#[from] HashingError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// The field that would leave a tenant without an admin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastAdminField {
    /// `body.roles`
    Roles,
    /// `body.state`
    State,
}

impl Coded for AccountError {
    fn code(&self) -> Code {
        match self {
            AccountError::NameTaken
            | AccountError::UsernameTaken
            | AccountError::EmailTaken
            | AccountError::LastAdmin(_) => Code::ValidationError,
            AccountError::TenantFull => Code::TenantCapacity,
            AccountError::NoSuchUser => Code::NotFound,
            AccountError::BeyondTenant(_) => Code::AuthInsufficientPermission,
            AccountError::Hashing(_) => Code::InternalError,
            AccountError::Db(error) => error.code(),
        }
    }

    fn details(&self) -> Option<Value> {
        let text = self.to_string();
        match self {
            AccountError::NameTaken => Some(fields("body.local_id", Reason::Taken, text)),
            AccountError::UsernameTaken => Some(fields("body.username", Reason::Taken, text)),
            AccountError::EmailTaken => Some(fields("body.email", Reason::Taken, text)),
            AccountError::LastAdmin(LastAdminField::Roles) => {
                Some(fields("body.roles", Reason::Conflict, text))
            }
            AccountError::LastAdmin(LastAdminField::State) => {
                Some(fields("body.state", Reason::Conflict, text))
            }
            AccountError::BeyondTenant(permission) => {
                Some(json!({ "permission": permission.as_str() }))
            }
            AccountError::TenantFull
            | AccountError::NoSuchUser
            | AccountError::Hashing(_)
            | AccountError::Db(_) => None,
        }
    }
}

/// The `details` of a 422 about one field.
fn fields(path: &str, reason: Reason, message: String) -> Value {
    json!({ "fields": [Field { path: path.to_owned(), reason, message: message.into() }] })
}
