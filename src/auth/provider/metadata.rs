//! How a provider describes itself (OpenID Connect Discovery 1.0). Pure.

use serde::Deserialize;
use url::Url;

/// What this server needs to know of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// The issuer in its tokens.
    pub issuer: String,
    /// Where browsers go to sign in.
    pub authorization_endpoint: String,
    /// Where codes become tokens.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where it says more about whoever holds a token.
    pub(super) userinfo_endpoint: Option<String>,
    /// Whether name and secret of a client go into the header; else into the form.
    pub(super) takes_basic: bool,
}

/// Which issuer the description has to be of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected<'a> {
    /// This one, to the letter.
    Exactly(&'a str),
    /// Any at the host that the description came from.
    At(&'a Url),
}

/// The form of the description. What it says beyond this is ignored.
#[derive(Deserialize)]
struct Described {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// Reads a description.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn read(bytes: &[u8], expected: &Expected<'_>) -> Result<Metadata, &'static str> {
    let described: Described = serde_json::from_slice(bytes)
        .map_err(|_| "its description of itself is incomplete or no JSON")?;
    let is_expected = match expected {
        Expected::Exactly(issuer) => described.issuer == *issuer,
        Expected::At(url) => {
            Url::parse(&described.issuer).is_ok_and(|issuer| issuer.origin() == url.origin())
        }
    };
    if !is_expected {
        return Err("its description of itself names another issuer");
    }
    let needs_tls = described.issuer.starts_with("https:");
    let endpoints = [
        Some(&described.authorization_endpoint),
        Some(&described.token_endpoint),
        Some(&described.jwks_uri),
        described.userinfo_endpoint.as_ref(),
    ];
    if !endpoints
        .into_iter()
        .flatten()
        .all(|endpoint| is_address(endpoint, needs_tls))
    {
        return Err(
            "its description of itself holds something else than an address, or one without TLS",
        );
    }
    // Basic is what counts where nothing is said.
    let takes_basic = described
        .token_endpoint_auth_methods_supported
        .is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic"));
    Ok(Metadata {
        issuer: described.issuer,
        authorization_endpoint: described.authorization_endpoint,
        token_endpoint: described.token_endpoint,
        jwks_uri: described.jwks_uri,
        userinfo_endpoint: described.userinfo_endpoint,
        takes_basic,
    })
}

/// A provider with TLS has no endpoint without.
fn is_address(text: &str, needs_tls: bool) -> bool {
    match Url::parse(text) {
        Ok(url) => {
            let scheme = url.scheme();
            url.has_host() && (scheme == "https" || scheme == "http" && !needs_tls)
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        json!({
            "issuer": "https://id.example/realm",
            "authorization_endpoint": "https://id.example/authorize",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://keys.example/jwks",
            "something": ["else"],
        })
    }

    fn read_from(document: &Value, issuer: &str) -> Result<Metadata, &'static str> {
        read(document.to_string().as_bytes(), &Expected::Exactly(issuer))
    }

    #[test]
    fn the_issuer_is_the_expected_one_to_the_letter() {
        assert!(read_from(&document(), "https://id.example/realm").is_ok());
        for other in [
            "https://id.example/realm/",
            "https://id.example",
            "https://ID.example/realm",
        ] {
            assert!(read_from(&document(), other).is_err(), "{other}");
        }
    }

    #[test]
    fn an_issuer_that_was_not_set_is_at_the_host_that_was() {
        let bytes = document().to_string();
        let read_at = |url: &str| {
            let url = Url::parse(url).unwrap();
            read(bytes.as_bytes(), &Expected::At(&url))
        };
        assert!(read_at("https://id.example/anything").is_ok());
        assert!(read_at("https://id.example:444/").is_err());
        assert!(read_at("https://other.example/").is_err());
    }

    #[test]
    fn endpoints_are_addresses_with_tls_where_the_issuer_has_it() {
        for endpoint in ["http://id.example/token", "javascript:alert(1)", "token"] {
            let mut document = document();
            document["token_endpoint"] = json!(endpoint);
            assert!(read_from(&document, "https://id.example/realm").is_err());
        }
        let mut plain = document();
        plain["issuer"] = json!("http://id.example");
        plain["token_endpoint"] = json!("http://id.example/token");
        assert!(read_from(&plain, "http://id.example").is_ok());
    }

    #[test]
    fn an_incomplete_description_is_none() {
        let mut document = document();
        document["jwks_uri"] = Value::Null;
        assert!(read_from(&document, "https://id.example/realm").is_err());
        let expected = Expected::Exactly("x");
        for bytes in [&b""[..], b"[]", b"<html>"] {
            assert!(read(bytes, &expected).is_err());
        }
    }

    #[test]
    fn a_client_names_itself_in_the_header_unless_only_the_form_will_do() {
        let takes_basic = |methods: Value| {
            let mut document = document();
            document["token_endpoint_auth_methods_supported"] = methods;
            read_from(&document, "https://id.example/realm")
                .unwrap()
                .takes_basic
        };
        assert!(takes_basic(Value::Null));
        assert!(takes_basic(json!([
            "client_secret_post",
            "client_secret_basic"
        ])));
        assert!(!takes_basic(json!([
            "client_secret_post",
            "private_key_jwt"
        ])));
    }
}
