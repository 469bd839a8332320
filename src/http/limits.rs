//! Rate limits: one bucket per kind of request and subject, by GCRA, in a map of bounded size.
//!
//! A bucket holds one minute's worth and refills evenly. HTTP requests are counted through [`Meter`](super::meter::Meter), which
//! also makes the headers; others call [`Limits`] themselves. Several nodes each count for themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use http::Method;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use serde_json::json;

use crate::catalogue::Code;
use crate::config::RateSettings;
use crate::error::{Error, Result};

/// Most buckets that are remembered; the one unused longest goes, which is the fullest or nearly so.
const MOST_BUCKETS: u64 = 200_000;

const NANOS_PER_MS: i64 = 1_000_000;
const MINUTE: i64 = 60_000 * NANOS_PER_MS;

/// What is counted, by the names of client specification section 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// Sends of a tenant.
    TenantSends,
    /// Sends of a participant.
    Sends,
    /// Other writes of a participant.
    Writes,
    /// Reads of a participant.
    Reads,
    /// Typing notices of a participant.
    Typing,
    /// Events of a bridge.
    BridgeSends,
    /// Events of one outside person on a bridge.
    BridgePersonSends,
    /// Requests without a valid token of an address.
    Address,
    /// Sign-ins of an account.
    Logins,
    /// Events of a peer.
    PeerEvents,
    /// Requests of a peer.
    PeerRequests,
    /// What a peer tells live: each word about presence or typing.
    PeerNotices,
    /// Invitations of a peer.
    PeerInvites,
    /// Invitations of a peer to one person.
    PeerInvitesToPerson,
}

impl Bucket {
    /// The name in `details.bucket`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TenantSends => "tenant_sends",
            Self::Sends => "sends",
            Self::Writes => "writes",
            Self::Reads => "reads",
            Self::Typing => "typing",
            Self::BridgeSends | Self::BridgePersonSends => "bridge_sends",
            Self::Address => "address",
            Self::Logins => "logins",
            Self::PeerEvents => "peer_events",
            Self::PeerRequests => "peer_requests",
            Self::PeerNotices => "peer_notices",
            Self::PeerInvites | Self::PeerInvitesToPerson => "peer_invites",
        }
    }

    /// The bucket of a participant that a request counts in. With [`Bucket::Sends`], the caller counts [`Bucket::TenantSends`] too.
    #[must_use]
    pub fn of_request(method: &Method, route: &str) -> Self {
        const SENDS: [&str; 4] = ["/send", "/edit", "/redact", "/reaction"];
        let in_room = route.starts_with("/v1/rooms/");
        if matches!(*method, Method::GET | Method::HEAD) {
            Self::Reads
        } else if in_room && SENDS.iter().any(|end| route.ends_with(end)) {
            Self::Sends
        } else if route == "/v1/typing" {
            Self::Typing
        } else {
            Self::Writes
        }
    }

    fn per_minute(self, rates: &RateSettings) -> u32 {
        match self {
            Self::TenantSends => rates.tenant_sends,
            Self::Sends => rates.sends,
            Self::Writes => rates.writes,
            Self::Reads => rates.reads,
            Self::Typing => rates.typing,
            Self::BridgeSends => rates.bridge_sends,
            Self::BridgePersonSends => rates.bridge_sends.div_ceil(10),
            Self::Address => rates.address,
            Self::Logins => rates.logins,
            Self::PeerEvents => rates.peer_events,
            Self::PeerRequests | Self::PeerNotices => rates.peer_requests,
            // Without a limit for requests there is none for these.
            Self::PeerInvites => rates.peer_requests.min(60),
            Self::PeerInvitesToPerson => rates.peer_requests.min(10),
        }
    }
}

/// How full a bucket is after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many it holds: a minute's worth. 0 for no limit.
    pub limit: u32,
    /// How many are left.
    pub remaining: u32,
    /// When it is full again, in Unix milliseconds.
    pub full_at_ms: i64,
}

impl Quota {
    const UNLIMITED: Self = Self {
        limit: 0,
        remaining: 0,
        full_at_ms: 0,
    };

    /// Whether less of this bucket is left, in proportion, than of the other.
    pub(super) fn is_nearer_to_empty_than(&self, other: &Self) -> bool {
        u64::from(self.remaining) * u64::from(other.limit)
            < u64::from(other.remaining) * u64::from(self.limit)
    }
}

/// A request that found its bucket too empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) quota: Quota,
    pub(super) wait: Duration,
}

/// All buckets of this process.
#[derive(Debug)]
pub struct Limits {
    rates: RateSettings,
    /// For each bucket the moment, in Unix nanoseconds, at which it is full: the "theoretical arrival time" of GCRA.
    full_at: Cache<(Bucket, Box<str>), Arc<AtomicI64>>,
}

impl Limits {
    /// All buckets full.
    #[must_use]
    pub fn new(rates: RateSettings) -> Self {
        let full_at = Cache::builder()
            .max_capacity(MOST_BUCKETS)
            .eviction_policy(EvictionPolicy::lru())
            // A bucket that nobody has touched for a minute is full, as a new one is.
            .time_to_idle(Duration::from_secs(61))
            .build();
        Self { rates, full_at }
    }

    /// Takes one from the bucket of `key`. `per_minute` overrides the configured rate; 0 means no limit.
    ///
    /// # Errors
    /// 429 `SW_RATE_LIMIT_EXCEEDED`; then nothing was taken.
    pub fn check(
        &self,
        bucket: Bucket,
        key: &str,
        per_minute: Option<u32>,
        now_ms: i64,
    ) -> Result<Quota> {
        self.check_many(bucket, key, 1, per_minute, now_ms)
    }

    /// Takes `count` from the bucket of `key`, or nothing. More than the bucket ever holds counts as all that it holds.
    ///
    /// # Errors
    /// 429 `SW_RATE_LIMIT_EXCEEDED`; then nothing was taken.
    pub fn check_many(
        &self,
        bucket: Bucket,
        key: &str,
        count: u32,
        per_minute: Option<u32>,
        now_ms: i64,
    ) -> Result<Quota> {
        self.take(bucket, key, count, per_minute, now_ms)
            .map_err(|refused| exceeded(bucket.name(), refused.wait))
    }

    pub(super) fn take(
        &self,
        bucket: Bucket,
        key: &str,
        count: u32,
        per_minute: Option<u32>,
        now_ms: i64,
    ) -> Result<Quota, Refused> {
        let limit = per_minute.unwrap_or_else(|| bucket.per_minute(&self.rates));
        if limit == 0 {
            return Ok(Quota::UNLIMITED);
        }
        let full_at = self.full_at.get_with((bucket, key.into()), Arc::default);
        let gcra = Gcra {
            limit,
            now: now_ms.saturating_mul(NANOS_PER_MS),
        };
        let mut before = full_at.load(Ordering::Relaxed);
        loop {
            let bounded = gcra.bounded(before);
            let taken = gcra.take(bounded, count);
            // A refusal takes nothing, but keeps the bound: see there.
            let after = *taken.as_ref().unwrap_or(&bounded);
            match full_at.compare_exchange_weak(before, after, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return taken.map(|after| gcra.quota(after)),
                Err(changed) => before = changed,
            }
        }
    }
}

/// The generic cell rate algorithm: a bucket is described by the moment at which it will be full.
struct Gcra {
    limit: u32,
    now: i64,
}

impl Gcra {
    /// How long one takes to come back.
    const fn interval(&self) -> i64 {
        MINUTE / self.limit as i64
    }

    /// A bucket is full at the latest in a minute. Only a clock that was set back makes it look otherwise, and must not lock anybody out.
    fn bounded(&self, full_at: i64) -> i64 {
        full_at.clamp(self.now, self.now.saturating_add(MINUTE))
    }

    fn take(&self, full_at: i64, count: u32) -> Result<i64, Refused> {
        let cost = i64::from(count.min(self.limit)) * self.interval();
        let after = full_at.saturating_add(cost);
        let too_late_by = after - self.now.saturating_add(MINUTE);
        if too_late_by <= 0 {
            return Ok(after);
        }
        Err(Refused {
            quota: self.quota(full_at),
            wait: Duration::from_nanos(too_late_by.unsigned_abs()),
        })
    }

    fn quota(&self, full_at: i64) -> Quota {
        let left = (self.now.saturating_add(MINUTE) - full_at) / self.interval();
        Quota {
            limit: self.limit,
            remaining: u32::try_from(left).unwrap_or(0).min(self.limit),
            full_at_ms: full_at.div_euclid(NANOS_PER_MS)
                + i64::from(full_at.rem_euclid(NANOS_PER_MS) > 0),
        }
    }
}

/// The 429: `details` names the bucket and the wait, the header `Retry-After` the wait in seconds.
#[must_use]
pub fn exceeded(bucket: &str, wait: Duration) -> Error {
    let retry_after_ms = u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    Error::new(Code::RateLimitExceeded)
        .details(json!({ "bucket": bucket, "retry_after_ms": retry_after_ms }))
        .retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_600_800_000;

    fn limits() -> Limits {
        let loaded = crate::config::Config::load([]).unwrap();
        Limits::new(loaded.config.rates)
    }

    /// How many of `tries` pass at one moment.
    fn passing(limits: &Limits, per_minute: u32, tries: u32, now_ms: i64) -> usize {
        (0..tries)
            .filter(|_| {
                limits
                    .check(Bucket::Sends, "alice", Some(per_minute), now_ms)
                    .is_ok()
            })
            .count()
    }

    #[test]
    fn a_bucket_holds_one_minutes_worth() {
        for per_minute in [1, 7, 300, 600_000] {
            assert_eq!(
                passing(&limits(), per_minute, per_minute + 10, NOW),
                per_minute as usize
            );
        }
    }

    #[test]
    fn a_bucket_refills_evenly() {
        let limits = limits();
        assert_eq!(passing(&limits, 60, 100, NOW), 60);
        assert_eq!(passing(&limits, 60, 100, NOW + 999), 0);
        assert_eq!(passing(&limits, 60, 100, NOW + 1_000), 1);
        assert_eq!(passing(&limits, 60, 100, NOW + 31_000), 30);
        assert_eq!(passing(&limits, 60, 100, NOW + 1_000_000), 60);
    }

    #[test]
    fn the_quota_counts_down_and_says_when_all_is_back() {
        let limits = limits();
        let quota = limits.check(Bucket::Sends, "alice", Some(60), NOW).unwrap();
        assert_eq!(
            quota,
            Quota {
                limit: 60,
                remaining: 59,
                full_at_ms: NOW + 1_000
            }
        );
        let quota = limits
            .check_many(Bucket::Sends, "alice", 59, Some(60), NOW)
            .unwrap();
        assert_eq!(
            quota,
            Quota {
                limit: 60,
                remaining: 0,
                full_at_ms: NOW + 60_000
            }
        );
    }

    #[test]
    fn a_refusal_names_the_bucket_and_an_honest_wait() {
        let limits = limits();
        assert_eq!(passing(&limits, 60, 60, NOW), 60);
        let error = limits
            .check(Bucket::Sends, "alice", Some(60), NOW + 400)
            .unwrap_err();
        assert_eq!(error.code(), Code::RateLimitExceeded);
        assert_eq!(
            error.details_value(),
            Some(&json!({"bucket": "sends", "retry_after_ms": 600}))
        );
        assert!(
            limits
                .check(Bucket::Sends, "alice", Some(60), NOW + 1_000)
                .is_ok()
        );
    }

    #[test]
    fn many_are_taken_together_or_not_at_all() {
        let limits = limits();
        let take =
            |count| limits.check_many(Bucket::PeerEvents, "b.example", count, Some(100), NOW);
        assert_eq!(take(90).unwrap().remaining, 10);
        assert!(take(11).is_err());
        assert_eq!(take(10).unwrap().remaining, 0);
    }

    #[test]
    fn more_than_a_bucket_holds_empties_a_full_one() {
        let limits = limits();
        let take = || limits.check_many(Bucket::PeerEvents, "b.example", 1_000, Some(100), NOW);
        assert_eq!(take().unwrap().remaining, 0);
        assert!(take().is_err());
    }

    #[test]
    fn subjects_and_kinds_do_not_share() {
        let limits = limits();
        let is_ok = |bucket, key| limits.check(bucket, key, Some(1), NOW).is_ok();
        assert!(is_ok(Bucket::Sends, "alice"));
        assert!(!is_ok(Bucket::Sends, "alice"));
        assert!(is_ok(Bucket::Sends, "bob"));
        assert!(is_ok(Bucket::Reads, "alice"));
    }

    #[test]
    fn zero_means_no_limit() {
        assert_eq!(passing(&limits(), 0, 10_000, NOW), 10_000);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let limits = limits();
        assert_eq!(passing(&limits, 60, 60, NOW), 60);
        let yesterday = NOW - 86_400_000;
        assert_eq!(passing(&limits, 60, 1, yesterday), 0);
        assert_eq!(passing(&limits, 60, 60, yesterday + 60_000), 60);
    }

    #[test]
    fn each_request_has_its_bucket() {
        for (method, route, bucket) in [
            (Method::GET, "/v1/rooms/{room_id}/messages", Bucket::Reads),
            (Method::GET, "/v1/rooms/{room_id}/send", Bucket::Reads),
            (Method::POST, "/v1/rooms/{room_id}/send", Bucket::Sends),
            (
                Method::POST,
                "/v1/rooms/{room_id}/events/{event_id}/edit",
                Bucket::Sends,
            ),
            (
                Method::DELETE,
                "/v1/rooms/{room_id}/events/{event_id}/reaction",
                Bucket::Sends,
            ),
            (
                Method::PUT,
                "/v1/rooms/{room_id}/pins/{event_id}",
                Bucket::Writes,
            ),
            (Method::PUT, "/v1/typing", Bucket::Typing),
            (Method::PATCH, "/v1/me", Bucket::Writes),
        ] {
            assert_eq!(
                Bucket::of_request(&method, route),
                bucket,
                "{method} {route}"
            );
        }
    }
}
