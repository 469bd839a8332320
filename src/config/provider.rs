//! The settings of the identity provider.

use url::{Host, Url};
use zeroize::Zeroizing;

use super::reader::Reader;
use super::settings as s;
use super::{AuthMode, ClientSecret, ProviderSettings, parse};

/// Where a provider describes itself, below its issuer.
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";
/// What ScaiKey's issuer is, below its address.
const SCAIKEY_PATH: &str = "/api/v1/platform/oauth";

/// The provider, if `mode` has one. The outer `None` only after a problem was noted.
#[expect(clippy::option_option, reason = "absent and wrong are two things")]
pub(super) fn read(r: &mut Reader, mode: Option<AuthMode>) -> Option<Option<ProviderSettings>> {
    let scaikey = r.read(&s::SCAIKEY_URL, parse::origin);
    let issuer = r.read(&s::OIDC_ISSUER, parse::issuer);
    let client_id = r.read(&s::OIDC_CLIENT_ID, parse::word);
    let client_secret = r.read(&s::OIDC_CLIENT_SECRET, parse::word);
    let audience = r.read(&s::OIDC_AUDIENCE, parse::word);
    let tenant_claim = r.value(&s::OIDC_TENANT_CLAIM, parse::word);

    let mode = mode?;
    if !mode.has_provider() {
        return Some(None);
    }
    let because = format!("because SCAIWAVE_AUTH_MODE is {}", mode.as_str());
    let (scaikey, issuer) = (scaikey?, issuer?);
    let below = match (&scaikey, &issuer) {
        (Some(url), _) => Some(format!(
            "{}{SCAIKEY_PATH}",
            url.as_str().trim_end_matches('/')
        )),
        (None, Some(issuer)) => Some(issuer.trim_end_matches('/').to_owned()),
        (None, None) => None,
    };
    let discovery = below.and_then(|below| Url::parse(&format!("{below}{DISCOVERY_PATH}")).ok());
    if discovery.is_none() {
        let expected = format!("must be set, or SCAIWAVE_SCAIKEY_URL, {because}");
        r.problem(&s::OIDC_ISSUER, None, expected);
    }
    let client_id = client_id?;
    if client_id.is_none() {
        r.problem(&s::OIDC_CLIENT_ID, None, format!("must be set, {because}"));
    }
    let (discovery, client_id) = (discovery?, client_id?);
    if discovery.scheme() != "https" && !is_loopback(&discovery) {
        r.warnings.push(format!(
            "the identity provider is asked at {discovery} without TLS: whoever is on the way there can sign in as anybody"
        ));
    }
    let audience = audience?.unwrap_or_else(|| client_id.clone());
    r.derived(&s::OIDC_AUDIENCE, &audience);
    Some(Some(ProviderSettings {
        discovery,
        issuer,
        client_id,
        client_secret: client_secret?.map(|secret| ClientSecret(Zeroizing::new(secret))),
        audience,
        tenant_claim: tenant_claim?,
    }))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
