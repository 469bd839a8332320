//! Rate limits of HTTP requests: [`Meter`] counts for one request and remembers the bucket nearest to empty, from which the layer
//! [`headers`] makes the `X-RateLimit-*` headers of the response.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::limits::{Bucket, Limits, Quota, Refused, exceeded};
use crate::catalogue::Code;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// Counts for one HTTP request. An extractor; clones count for the same request.
#[derive(Clone, Debug)]
pub struct Meter {
    limits: Arc<Limits>,
    clock: Clock,
    nearest: Arc<Mutex<Option<Quota>>>,
}

impl Meter {
    /// Takes one from the bucket of `key`, as [`Limits::check`] does, for the headers of the response too.
    ///
    /// # Errors
    /// 429 `SW_RATE_LIMIT_EXCEEDED`; then nothing was taken.
    pub fn charge(&self, bucket: Bucket, key: &str, per_minute: Option<u32>) -> Result<()> {
        let taken = self
            .limits
            .take(bucket, key, 1, per_minute, self.clock.now_ms());
        match taken {
            Ok(quota) => {
                self.note(quota);
                Ok(())
            }
            Err(Refused { quota, wait }) => {
                self.note(quota);
                Err(exceeded(bucket.name(), wait))
            }
        }
    }

    fn note(&self, quota: Quota) {
        let mut nearest = self.nearest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_nearer = nearest.is_none_or(|nearest| quota.is_nearer_to_empty_than(&nearest));
        if quota.limit > 0 && is_nearer {
            *nearest = Some(quota);
        }
    }

    fn nearest(&self) -> Option<Quota> {
        *self.nearest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Meter {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let meter = parts.extensions.get::<Self>().cloned();
        meter.ok_or_else(|| {
            Error::new(Code::InternalError).source("the layer of rate limits is missing")
        })
    }
}

/// The layer that gives each request its [`Meter`] and its response the headers.
pub async fn headers(
    State((limits, clock)): State<(Arc<Limits>, Clock)>,
    mut request: Request,
    next: Next,
) -> Response {
    let meter = Meter {
        limits,
        clock,
        nearest: Arc::default(),
    };
    request.extensions_mut().insert(meter.clone());
    let mut response = next.run(request).await;
    if let Some(quota) = meter.nearest() {
        write_headers(&quota, response.headers_mut());
    }
    response
}

fn write_headers(quota: &Quota, headers: &mut HeaderMap) {
    let full_at_s =
        quota.full_at_ms.div_euclid(1000) + i64::from(quota.full_at_ms.rem_euclid(1000) > 0);
    for (name, value) in [
        ("x-ratelimit-limit", i64::from(quota.limit)),
        ("x-ratelimit-remaining", i64::from(quota.remaining)),
        ("x-ratelimit-reset", full_at_s),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_600_800_000;

    #[test]
    fn the_headers_are_those_of_the_bucket_nearest_to_empty() {
        let rates = crate::config::Config::load([]).unwrap().config.rates;
        let meter = Meter {
            limits: Arc::new(Limits::new(rates)),
            clock: Clock::manual(NOW + 1),
            nearest: Arc::default(),
        };
        meter.charge(Bucket::Reads, "alice", Some(0)).unwrap();
        assert_eq!(meter.nearest(), None);
        for per_minute in [1_000, 10, 100] {
            meter
                .charge(Bucket::Sends, &per_minute.to_string(), Some(per_minute))
                .unwrap();
        }
        let mut headers = HeaderMap::new();
        write_headers(&meter.nearest().unwrap(), &mut headers);
        assert_eq!(headers["x-ratelimit-limit"], "10");
        assert_eq!(headers["x-ratelimit-remaining"], "9");
        assert_eq!(
            headers["x-ratelimit-reset"],
            (NOW / 1000 + 7).to_string().as_str()
        );
    }
}
