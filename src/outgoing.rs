//! What every HTTP client of this server keeps to, whomever it asks: no answer leads it anywhere else, and no setting of the
//! environment either. Times, certificates and sizes are each client's own.

use reqwest::{ClientBuilder, redirect};

/// Headers in an answer, at most.
const MAX_HEADERS: usize = 64;

/// A client to complete.
pub fn client() -> ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("scaiwave/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .http1_only()
        .http1_max_headers(MAX_HEADERS)
}
