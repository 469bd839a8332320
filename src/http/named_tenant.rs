//! Requests that name a tenant: by header, query string, body or host (client specification, section 1, "Tenant").

use http::request::Parts;
use http::{HeaderName, header};
use url::form_urlencoded;

use crate::auth::error::AuthError;
use crate::tenants::{Tenant, Tenants};

const HEADER: HeaderName = HeaderName::from_static("x-scaiwave-tenant");
/// The names in a query string or body that mean a tenant.
const FIELDS: [&str; 2] = ["tenant", "tenant_id"];

/// The tenant in which the request acts, for whoever reads the body.
#[derive(Clone, Debug)]
pub(super) struct ActingTenant {
    slug: String,
    id: String,
}

impl ActingTenant {
    pub(super) fn of(tenant: &Tenant) -> Self {
        ActingTenant {
            slug: tenant.slug().to_owned(),
            id: tenant.id().to_string(),
        }
    }

    fn is_named(&self, name: &str) -> bool {
        name == self.slug || name == self.id
    }

    /// Refuses a body that names another tenant.
    pub(super) fn insist_on_body(&self, body: &serde_json::Value) -> Result<(), AuthError> {
        let names = FIELDS.iter().filter_map(|field| body.get(field)?.as_str());
        self.insist_on_all(names)
    }

    fn insist_on_all<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> Result<(), AuthError> {
        if names.all(|name| self.is_named(name)) {
            Ok(())
        } else {
            Err(AuthError::TenantMismatch)
        }
    }
}

/// Refuses a request whose header, query string or host names another tenant than `acting`.
///
/// # Errors
/// [`AuthError::TenantMismatch`].
pub(super) fn insist(parts: &Parts, tenants: &Tenants, acting: &Tenant) -> Result<(), AuthError> {
    insist_on(&named(parts), host(parts), tenants, acting)
}

/// The same for what was read of the request before.
pub(super) fn insist_on(
    named: &[String],
    host: Option<&str>,
    tenants: &Tenants,
    acting: &Tenant,
) -> Result<(), AuthError> {
    ActingTenant::of(acting).insist_on_all(named.iter().map(String::as_str))?;
    match host.and_then(|host| by_host(tenants, host)) {
        Some(named) if named != *acting => Err(AuthError::TenantMismatch),
        _ => Ok(()),
    }
}

/// What header and query string name as the tenant.
pub(super) fn named(parts: &Parts) -> Vec<String> {
    let headers = parts.headers.get_all(HEADER).iter();
    let headers = headers.map(|value| value.to_str().unwrap_or_default().to_owned());
    let query = parts.uri.query().unwrap_or_default();
    let query = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| FIELDS.contains(&name.as_ref()))
        .map(|(_, value)| value.into_owned());
    headers.chain(query).collect()
}

/// The host that the request is addressed to, with its port.
pub(super) fn host(parts: &Parts) -> Option<&str> {
    match parts.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => parts.headers.get(header::HOST)?.to_str().ok(),
    }
}

/// The tenant that a host belongs to.
pub(super) fn by_host(tenants: &Tenants, host: &str) -> Option<Tenant> {
    let host = host.to_ascii_lowercase();
    let without_default_port = host.strip_suffix(":443").or(host.strip_suffix(":80"));
    let tenant = |name: &str| tenants.by_server_name(&name.parse().ok()?);
    tenant(&host).or_else(|| tenant(without_default_port?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_may_name_its_own_tenant_only() {
        let acting = ActingTenant {
            slug: "acme".to_owned(),
            id: "018f".to_owned(),
        };
        for body in [
            json!({}),
            json!({"tenant": "acme"}),
            json!({"tenant_id": "018f"}),
            json!({"tenant": {"a": 1}}),
        ] {
            assert!(acting.insist_on_body(&body).is_ok(), "{body}");
        }
        for body in [
            json!({"tenant": "other"}),
            json!({"tenant": "acme", "tenant_id": "other"}),
        ] {
            assert!(acting.insist_on_body(&body).is_err(), "{body}");
        }
    }
}
