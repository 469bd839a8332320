//! What can go wrong with tenants.

use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::Coded;

/// A tenant that cannot be found or made.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// `SW_TENANT_NOT_FOUND`
    #[error("there is no such tenant")]
    NotFound,
    /// `SW_VALIDATION_ERROR`: slug, server name or the provider's id belong to another tenant.
    #[error("another tenant has this slug, server name or id at the identity provider")]
    Taken,
    /// The database's own code.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Coded for TenantError {
    fn code(&self) -> Code {
        match self {
            TenantError::NotFound => Code::TenantNotFound,
            TenantError::Taken => Code::ValidationError,
            TenantError::Db(error) => error.code(),
        }
    }
}
