//! Slowing down whoever tries passwords: after five failures in a row an account's next try has to wait, one second at
//! first, then twice as long each time, up to fifteen minutes (client specification, section 1, bucket `logins`).
//!
//! Kept in memory and bounded. Names that do not exist are slowed like those that do.

use std::sync::Mutex;
use std::time::Duration;

use moka::sync::Cache;

use crate::events::core::hash::Hash;

/// Failures in a row that cost nothing.
const FREE_FAILURES: u32 = 5;
/// The longest wait.
const LONGEST_WAIT_MS: i64 = 15 * 60 * 1000;
/// Accounts that are remembered.
const MOST_ACCOUNTS: u64 = 100_000;
/// How long failures are remembered after the last one: twice the longest wait.
const MEMORY: Duration = Duration::from_secs(30 * 60);

/// Failures in a row of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    count: u32,
    last_at: i64,
}

impl Failures {
    /// One more, at `now` (Unix milliseconds).
    pub fn and_one_at(self, now: i64) -> Self {
        Failures {
            count: self.count.saturating_add(1),
            last_at: now,
        }
    }

    /// How long the next try has to wait, if it comes at `now`.
    pub fn wait_at(self, now: i64) -> Option<Duration> {
        let over = self.count.checked_sub(FREE_FAILURES)?;
        let wait = 1000_i64
            .checked_shl(over.min(20))
            .unwrap_or(LONGEST_WAIT_MS)
            .min(LONGEST_WAIT_MS);
        let left = self.last_at.saturating_add(wait).saturating_sub(now);
        u64::try_from(left)
            .ok()
            .filter(|left| *left > 0)
            .map(Duration::from_millis)
    }
}

/// The failures of all accounts that somebody tried lately.
pub struct Throttle {
    failures: Cache<[u8; 32], Failures>,
    /// Held while a count changes, so that failures at the same time all count.
    writing: Mutex<()>,
}

/// The account that somebody tries to use, whether it exists or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempted([u8; 32]);

impl Attempted {
    /// The account that `name` stands for in the tenant with key `tenant`.
    pub fn new(tenant: i64, name: &str) -> Self {
        Attempted(*Hash::of(format!("{tenant}\n{name}").as_bytes()).as_bytes())
    }

    /// A short text that stands for the account where rate limits are counted.
    pub fn key(&self) -> String {
        self.0
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Throttle {
            failures: Cache::builder()
                .max_capacity(MOST_ACCOUNTS)
                .time_to_live(MEMORY)
                .build(),
            writing: Mutex::new(()),
        }
    }
}

impl Throttle {
    /// How long a try at `now` would have to wait.
    pub fn wait(&self, account: &Attempted, now: i64) -> Option<Duration> {
        self.failures.get(&account.0)?.wait_at(now)
    }

    /// Counts a failure at `now`.
    pub fn failed(&self, account: &Attempted, now: i64) {
        let _writing = self
            .writing
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let failures = self.failures.get(&account.0).unwrap_or_default();
        self.failures.insert(account.0, failures.and_one_at(now));
    }

    /// Forgets the failures: the password was right.
    pub fn succeeded(&self, account: &Attempted) {
        self.failures.invalidate(&account.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(count: u32, last_at: i64) -> Failures {
        (0..count).fold(Failures::default(), |failures, _| {
            failures.and_one_at(last_at)
        })
    }

    #[test]
    fn four_failures_are_free_and_the_fifth_costs_a_second() {
        assert_eq!(failures(4, 0).wait_at(0), None);
        assert_eq!(failures(5, 0).wait_at(0), Some(Duration::from_secs(1)));
        assert_eq!(
            failures(5, 0).wait_at(400),
            Some(Duration::from_millis(600))
        );
        assert_eq!(failures(5, 0).wait_at(1000), None);
    }

    #[test]
    fn each_further_failure_doubles_the_wait_up_to_fifteen_minutes() {
        let wait = |count| failures(count, 0).wait_at(0).unwrap().as_secs();
        assert_eq!([wait(6), wait(7), wait(8)], [2, 4, 8]);
        assert_eq!([wait(14), wait(15), wait(16)], [512, 900, 900]);
        assert_eq!(wait(100), 900);
    }

    #[test]
    fn success_forgets_and_accounts_are_apart() {
        let throttle = Throttle::default();
        let (alice, bob) = (Attempted::new(1, "alice"), Attempted::new(1, "bob"));
        (0..6).for_each(|_| throttle.failed(&alice, 0));
        assert!(throttle.wait(&alice, 0).is_some());
        assert_eq!(throttle.wait(&bob, 0), None);
        assert_eq!(throttle.wait(&Attempted::new(2, "alice"), 0), None);
        throttle.succeeded(&alice);
        assert_eq!(throttle.wait(&alice, 0), None);
    }
}
