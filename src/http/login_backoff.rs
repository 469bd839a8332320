//! Slows down guessing of passwords: after five failures in a row each further try of an account has to wait, 1 second first,
//! then twice as long each time, up to 15 minutes. An address that tries many accounts meets its own rate limit.
//!
//! In memory only: a restart forgives. Success forgives too.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::limits::{Bucket, exceeded};
use crate::error::Result;

/// Failures in a row that cost nothing.
const FREE_FAILURES: u32 = 5;
const FIRST_WAIT_MS: i64 = 1_000;
const LONGEST_WAIT_MS: i64 = 15 * 60 * 1_000;
/// Most accounts that are remembered.
const MOST_KEYS: u64 = 100_000;

#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    in_a_row: u32,
    last_ms: i64,
}

impl Failures {
    /// When the next try is allowed, in Unix milliseconds.
    fn next_try_ms(self) -> i64 {
        match self.in_a_row.checked_sub(FREE_FAILURES) {
            Some(doublings) => {
                let wait = FIRST_WAIT_MS << doublings.min(20);
                self.last_ms.saturating_add(wait.min(LONGEST_WAIT_MS))
            }
            None => i64::MIN,
        }
    }
}

/// The failed sign-ins of this process, by account.
#[derive(Debug)]
pub struct LoginBackoff {
    failures: Cache<Box<str>, Arc<Mutex<Failures>>>,
}

impl Default for LoginBackoff {
    fn default() -> Self {
        let failures = Cache::builder()
            .max_capacity(MOST_KEYS)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(Duration::from_secs(2 * 3600))
            .build();
        Self { failures }
    }
}

impl LoginBackoff {
    /// Asks whether a try of this account is allowed now.
    ///
    /// # Errors
    /// 429 `SW_RATE_LIMIT_EXCEEDED` with the wait.
    pub fn check(&self, account: &str, now_ms: i64) -> Result<()> {
        let failures = self.failures.get(account);
        match failures.map(|failures| read(&failures).next_try_ms()) {
            Some(next) if next > now_ms => {
                // A clock set back must not make anybody wait longer than the rule says.
                let wait = next.saturating_sub(now_ms).min(LONGEST_WAIT_MS);
                Err(exceeded(
                    Bucket::Logins.name(),
                    Duration::from_millis(wait.unsigned_abs()),
                ))
            }
            _ => Ok(()),
        }
    }

    /// Notes a failed try.
    pub fn failed(&self, account: &str, now_ms: i64) {
        let failures = self.failures.get_with(account.into(), Arc::default);
        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.in_a_row = failures.in_a_row.saturating_add(1);
        failures.last_ms = now_ms;
    }

    /// Forgets the failures: somebody knew the password.
    pub fn succeeded(&self, account: &str) {
        self.failures.invalidate(account);
    }
}

fn read(failures: &Mutex<Failures>) -> Failures {
    *failures.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_600_800_000;
    const ALICE: &str = "1:alice";

    fn after_failures(count: u32) -> LoginBackoff {
        let backoff = LoginBackoff::default();
        (0..count).for_each(|_| backoff.failed(ALICE, NOW));
        backoff
    }

    #[test]
    fn the_wait_doubles_after_five_failures_up_to_a_quarter_of_an_hour() {
        for (failures, wait_ms) in [
            (5, 1_000),
            (6, 2_000),
            (7, 4_000),
            (14, 512_000),
            (15, 900_000),
            (200, 900_000),
        ] {
            let backoff = after_failures(failures);
            assert!(
                backoff.check(ALICE, NOW + wait_ms - 1).is_err(),
                "{failures}"
            );
            assert!(backoff.check(ALICE, NOW + wait_ms).is_ok(), "{failures}");
        }
    }

    #[test]
    fn four_failures_cost_nothing() {
        assert!(after_failures(4).check(ALICE, NOW).is_ok());
    }

    #[test]
    fn another_account_does_not_wait() {
        let backoff = after_failures(5);
        assert!(backoff.check(ALICE, NOW).is_err());
        assert!(backoff.check("1:bob", NOW).is_ok());
    }

    #[test]
    fn success_forgives() {
        let backoff = after_failures(50);
        backoff.succeeded(ALICE);
        assert!(backoff.check(ALICE, NOW).is_ok());
    }

    #[test]
    fn the_wait_is_told() {
        let error = after_failures(6).check(ALICE, NOW + 500).unwrap_err();
        let details = serde_json::json!({"bucket": "logins", "retry_after_ms": 1_500});
        assert_eq!(error.details_value(), Some(&details));
    }
}
