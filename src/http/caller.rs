//! Who makes a request: [`Caller`] where a token is needed, [`Visitor`] at the doors that need none.
//!
//! Checks go in the order of client specification, section 1: address rate, token, tenant, rate. This module and
//! [`super::named_tenant`] are the part of `http` that knows sign-in.

use axum::extract::{FromRequestParts, MatchedPath};
use http::request::Parts;
use http::{HeaderMap, header};

use super::client_address::ClientAddress;
use super::limits::Bucket;
use super::meter::Meter;
use super::named_tenant::{self, ActingTenant};
use super::request_id;
use crate::app::App;
use crate::auth::Accounts;
use crate::auth::error::AuthError;
use crate::auth::sign_in::Device;
use crate::error::{Error, Result};
use crate::tenants::Tenant;

pub use crate::auth::access::Caller;

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let token = bearer(&parts.headers).map(str::to_owned);
        from_token(parts, app, token.as_deref()).await
    }
}

/// The caller whose token did not come in the header: for sockets, whose token may stand in the query string.
///
/// # Errors
/// Those of [`Caller`] as an extractor.
pub async fn from_token(parts: &mut Parts, app: &App, token: Option<&str>) -> Result<Caller> {
    let visitor = Visitor::of(parts, app).await?;
    let caller = match identify(app, token, &visitor).await {
        Ok(caller) => caller,
        Err(error) => {
            // Only now: a valid token must not suffer from what others send from the same address.
            visitor.charge()?;
            return Err(error.into());
        }
    };
    request_id::note_tenant(caller.tenant.slug());
    named_tenant::insist(parts, app.tenants(), &caller.tenant)?;
    charge(parts, &visitor.meter, &caller)?;
    parts.extensions.insert(ActingTenant::of(&caller.tenant));
    Ok(caller)
}

async fn identify(app: &App, token: Option<&str>, visitor: &Visitor) -> Result<Caller, AuthError> {
    let token = token.ok_or(AuthError::InvalidToken)?;
    Accounts::of(app)
        .authenticate(app.tenants(), token, &visitor.device(None))
        .await
}

/// The token of `Authorization: Bearer`, if there is exactly one such header.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Takes from the bucket that the request counts in.
fn charge(parts: &Parts, meter: &Meter, caller: &Caller) -> Result<()> {
    let route = parts
        .extensions
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let bucket = Bucket::of_request(&parts.method, route);
    if bucket == Bucket::Sends {
        let limit = caller.tenant.limits().sends_per_minute;
        meter.charge(Bucket::TenantSends, &caller.tenant.id().to_string(), limit)?;
    }
    meter.charge(bucket, &caller.participant_id.to_string(), None)
}

/// Somebody without a token, at a door that needs none. As an extractor it counts in the address's bucket.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// Counts for this request.
    pub meter: Meter,
    address: ClientAddress,
    host: Option<String>,
    /// What else of the request names a tenant.
    named: Vec<String>,
    user_agent: Option<String>,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let visitor = Visitor::of(parts, app).await?;
        visitor.charge()?;
        Ok(visitor)
    }
}

impl Visitor {
    async fn of(parts: &mut Parts, app: &App) -> Result<Self> {
        let text = |name| {
            parts
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let user_agent = text(header::USER_AGENT);
        Ok(Visitor {
            meter: Meter::from_request_parts(parts, app).await?,
            address: ClientAddress::from_request_parts(parts, app).await?,
            host: named_tenant::host(parts).map(str::to_owned),
            named: named_tenant::named(parts),
            user_agent,
        })
    }

    fn charge(&self) -> Result<()> {
        self.meter
            .charge(Bucket::Address, &self.address.rate_key(), None)
    }

    /// The tenant in which a request without a token acts: the one with the slug that it names, else the host's, else
    /// the only one. The server's public address is the first tenant's, whatever its name between servers.
    ///
    /// # Errors
    /// [`AuthError::TenantNotFound`].
    pub fn tenant(&self, app: &App, slug: Option<&str>) -> Result<Tenant, AuthError> {
        let tenants = app.tenants();
        let found = match slug {
            Some(slug) => tenants.by_slug(slug),
            None => self
                .host
                .as_deref()
                .and_then(|host| named_tenant::by_host(tenants, host))
                .or_else(|| tenants.only())
                .or_else(|| self.is_at_public_address(app).then(|| tenants.first())?),
        };
        found.ok_or(AuthError::TenantNotFound)
    }

    /// Refuses a request that names another tenant than the one that somebody has just signed in to.
    ///
    /// # Errors
    /// [`AuthError::TenantMismatch`].
    pub fn insist_on(&self, app: &App, acting: &Tenant) -> Result<(), AuthError> {
        named_tenant::insist_on(&self.named, self.host.as_deref(), app.tenants(), acting)
    }

    fn is_at_public_address(&self, app: &App) -> bool {
        self.host.as_deref() == Some(app.config().public_url.authority())
    }

    /// The device that signs in, under the name that it gives itself.
    pub fn device(&self, name: Option<String>) -> Device {
        Device {
            name,
            user_agent: self.user_agent.clone(),
            ip: Some(self.address.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_in(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        bearer(&headers).map(str::to_owned)
    }

    #[test]
    fn a_bearer_token_stands_alone_in_one_header() {
        assert_eq!(token_in(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(token_in(&["bearer  abc "]).as_deref(), Some("abc"));
        for values in [
            &[][..],
            &["Bearer"],
            &["Bearer "],
            &["Basic abc"],
            &["abc"],
            &["Bearer a", "Bearer b"],
        ] {
            assert_eq!(token_in(values), None, "{values:?}");
        }
    }
}
