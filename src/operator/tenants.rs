//! Making and listing tenants.

use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth;
use crate::catalogue::Code;
use crate::db::{Db, DbError};
use crate::error::{Error, Reason, Result};
use crate::events::core::names::{NameError, ServerName};
use crate::rooms;
use crate::tenants::{NewTenant, Tenant, TenantError, Tenants, store};

/// The longest name for people, in characters.
const LONGEST_NAME: usize = 100;
/// The longest slug, in bytes.
const LONGEST_SLUG: usize = 64;
/// The longest id that an identity provider has for a tenant, in bytes.
const LONGEST_PROVIDER_ID: usize = 255;

/// A tenant to be made.
#[derive(Debug, Serialize, Deserialize)]
pub struct CreateTenant {
    /// 1 to 64 of `a-z0-9-`, unique on this server.
    pub slug: String,
    /// For people.
    pub name: String,
    /// The permanent name in the federation; without one, the slug below the first tenant's name.
    pub server_name: Option<String>,
    /// What the identity provider calls it, where that is neither slug nor id.
    #[serde(default)]
    pub scaikey_tenant_id: Option<String>,
}

/// What the identity provider calls a tenant.
#[derive(Debug, Serialize, Deserialize)]
pub struct LinkTenant {
    /// The tenant's slug.
    pub slug: String,
    /// The provider's id for it; without one, slug and id count again.
    pub scaikey_tenant_id: Option<String>,
}

/// A tenant as commands show it.
#[derive(Debug, Serialize, Deserialize)]
pub struct TenantLine {
    /// Its slug.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Its name in the federation.
    pub server_name: ServerName,
    /// What the identity provider calls it, where that is neither slug nor id.
    pub scaikey_tenant_id: Option<String>,
    /// Accounts.
    pub members: i64,
    /// Own rooms that are not closed.
    pub rooms: i64,
}

/// Makes a tenant with its signing key.
///
/// # Errors
/// 422 `SW_VALIDATION_ERROR` for a malformed or taken slug or name.
pub async fn create(app: &App, command: CreateTenant) -> Result<TenantLine> {
    let new = checked(command, app.tenants().first().as_ref())?;
    let made = app.tenants().create(&new, app.now(), app.entropy());
    let tenant = made.await?.into_inner();
    let key = app.keys().load(app.db(), &tenant, app.now()).await;
    key.map_err(|error| {
        Error::new(Code::InternalError)
            .message("The tenant is made, but its key is not. The next start tries again.")
            .source(error)
    })?;
    Ok(line(app.db(), &tenant).await?)
}

/// Says what the identity provider calls a tenant. Who signs in is in the tenant that the provider's token names.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`; 422 `SW_VALIDATION_ERROR` for an id that is malformed or another tenant's.
pub async fn link(app: &App, command: LinkTenant) -> Result<TenantLine> {
    let LinkTenant {
        slug,
        scaikey_tenant_id: id,
    } = command;
    let tenants = app.tenants();
    let tenant = tenants.by_slug(&slug).ok_or(TenantError::NotFound)?;
    insist_on_provider_id(id.as_deref())?;
    let mut tx = app.db().begin().await?;
    store::set_scaikey_tenant_id(&tenant, &mut tx, id.as_deref()).await?;
    tx.commit(()).await?;
    tenants.reload().await?;
    let tenant = tenants.by_slug(&slug).ok_or(TenantError::NotFound)?;
    Ok(line(app.db(), &tenant).await?)
}

/// All tenants of a database, oldest first.
///
/// # Errors
/// The database's.
pub async fn list(db: &Db) -> Result<Vec<TenantLine>, DbError> {
    let mut lines = Vec::new();
    for tenant in Tenants::load(db).await?.all() {
        lines.push(line(db, &tenant).await?);
    }
    Ok(lines)
}

async fn line(db: &Db, tenant: &Tenant) -> Result<TenantLine, DbError> {
    Ok(TenantLine {
        slug: tenant.slug().to_owned(),
        name: tenant.name().to_owned(),
        server_name: tenant.server_name().clone(),
        scaikey_tenant_id: tenant.scaikey_tenant_id().map(str::to_owned),
        members: auth::store::accounts::count(tenant, db.reader()).await?,
        rooms: rooms::store::rooms::count_open(tenant, db).await?,
    })
}

fn checked(command: CreateTenant, first: Option<&Tenant>) -> Result<NewTenant> {
    let CreateTenant {
        slug,
        name,
        server_name,
        scaikey_tenant_id,
    } = command;
    insist_on_provider_id(scaikey_tenant_id.as_deref())?;
    if !is_slug(&slug) {
        let message = "must be 1 to 64 of a-z, 0-9 and -, beginning with a letter or digit";
        return Err(Error::validation("body.slug", Reason::Format, message));
    }
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
        let message = "must be 1 to 100 characters";
        return Err(Error::validation("body.name", Reason::Length, message));
    }
    let server_name = server_name.unwrap_or_else(|| match first {
        Some(first) => format!("{slug}.{}", first.server_name()),
        None => slug.clone(),
    });
    let server_name = server_name.parse().map_err(|error: NameError| {
        let message = "must be a lower-case host name with or without a port, such as chat.example, and no IP address";
        Error::validation("body.server_name", Reason::Format, message).source(error)
    })?;
    Ok(NewTenant {
        slug,
        name,
        server_name,
        scaikey_tenant_id,
    })
}

fn insist_on_provider_id(id: Option<&str>) -> Result<()> {
    let is_fit = |id: &str| {
        (1..=LONGEST_PROVIDER_ID).contains(&id.len())
            && id.bytes().all(|byte| (b'!'..=b'~').contains(&byte))
    };
    if id.is_none_or(is_fit) {
        return Ok(());
    }
    let message = "must be 1 to 255 visible ASCII characters";
    Err(Error::validation(
        "body.scaikey_tenant_id",
        Reason::Format,
        message,
    ))
}

fn is_slug(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=LONGEST_SLUG).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(slug: &str, server_name: Option<&str>) -> CreateTenant {
        CreateTenant {
            slug: slug.to_owned(),
            name: "Other".to_owned(),
            server_name: server_name.map(str::to_owned),
            scaikey_tenant_id: None,
        }
    }

    #[test]
    fn slugs_have_one_form() {
        for slug in ["a", "other-2", "9lives", &"x".repeat(64)] {
            assert!(
                checked(command(slug, Some("other.example")), None).is_ok(),
                "{slug}"
            );
        }
        for slug in ["", "-a", "A", "a_b", "a.b", "ä", &"x".repeat(65)] {
            let error = checked(command(slug, Some("other.example")), None).unwrap_err();
            assert_eq!(error.code(), Code::ValidationError, "{slug}");
        }
    }

    #[test]
    fn a_name_in_the_federation_must_be_one() {
        for name in [
            "Not A Name",
            "192.168.1.20",
            "192.168.1.20:8000",
            "[::1]:8000",
        ] {
            let error = checked(command("other", Some(name)), None).unwrap_err();
            assert_eq!(error.code(), Code::ValidationError, "{name}");
        }
    }
}
