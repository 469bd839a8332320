//! The provider's keys in memory, and when they are fetched again.
//!
//! A token may name any key, so that whoever sends tokens could make this server ask the provider at will: for a key that
//! is not known they are fetched again once a minute at most, by one request while the others wait for what it finds.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use super::error::ProviderError;
use super::key_set::KeySet;

/// How often keys are fetched again because one is not known, in milliseconds.
const MISSED_EVERY_MS: i64 = 60_000;
/// How soon a fetch is tried again while there are no keys at all, in milliseconds.
const RETRY_EVERY_MS: i64 = 5_000;
/// How long keys are used before they are fetched again: so long a key that the provider withdrew is still good.
const FRESH_MS: i64 = 3_600_000;
/// How long keys are used while the provider is silent.
const STALE_MS: i64 = 24 * 3_600_000;

/// The keys, once fetched.
#[derive(Debug, Default)]
pub(super) struct KeyCache {
    known: RwLock<Known>,
    fetching: Mutex<()>,
}

/// What is known, and the rules. Times are Unix milliseconds.
#[derive(Clone, Debug, Default)]
struct Known {
    keys: Option<Arc<KeySet>>,
    fetched_at: i64,
    next_fetch_at: i64,
}

impl Known {
    fn usable(&self, within_ms: i64, now: i64) -> Option<Arc<KeySet>> {
        let is_fresh = now.saturating_sub(self.fetched_at) < within_ms;
        self.keys.clone().filter(|_| is_fresh)
    }

    /// A clock that was set back makes nobody wait longer than the rule says.
    fn may_fetch(&self, now: i64) -> bool {
        now >= self.next_fetch_at || self.next_fetch_at.saturating_sub(now) > MISSED_EVERY_MS
    }

    fn fetched(&mut self, keys: Arc<KeySet>, now: i64) {
        // The first fetch was for no missed key: a provider that replaces its key right after is not waited for.
        self.next_fetch_at = match self.keys {
            None => now,
            Some(_) => now.saturating_add(MISSED_EVERY_MS),
        };
        self.keys = Some(keys);
        self.fetched_at = now;
    }

    fn failed(&mut self, now: i64) {
        let wait = match self.keys {
            None => RETRY_EVERY_MS,
            Some(_) => MISSED_EVERY_MS,
        };
        self.next_fetch_at = now.saturating_add(wait);
    }
}

impl KeyCache {
    /// The keys, fetched where there are none yet or they are old.
    ///
    /// # Errors
    /// [`ProviderError::Silent`].
    pub(super) async fn get(
        &self,
        now: i64,
        fetch: impl Future<Output = Result<KeySet, ProviderError>>,
    ) -> Result<Arc<KeySet>, ProviderError> {
        if let Some(keys) = self.read(|known| known.usable(FRESH_MS, now)) {
            return Ok(keys);
        }
        let _turn = self.fetching.lock().await;
        if let Some(keys) = self.read(|known| known.usable(FRESH_MS, now)) {
            return Ok(keys);
        }
        let stale = |error| {
            let keys = self.read(|known| known.usable(STALE_MS, now));
            keys.ok_or(error)
        };
        if !self.read(|known| known.may_fetch(now)) {
            let just_now = "it gave no keys a moment ago".to_owned();
            return stale(ProviderError::Silent(just_now));
        }
        self.fetch(now, fetch).await.or_else(stale)
    }

    /// Newer keys than `old`, in which one was missed. `None`: there are none, or it is too early to ask again.
    pub(super) async fn newer_than(
        &self,
        old: &Arc<KeySet>,
        now: i64,
        fetch: impl Future<Output = Result<KeySet, ProviderError>>,
    ) -> Option<Arc<KeySet>> {
        let _turn = self.fetching.lock().await;
        let current = self.read(|known| known.keys.clone());
        if let Some(current) = current.filter(|current| !Arc::ptr_eq(current, old)) {
            return Some(current);
        }
        if !self.read(|known| known.may_fetch(now)) {
            return None;
        }
        self.fetch(now, fetch).await.ok()
    }

    async fn fetch(
        &self,
        now: i64,
        fetch: impl Future<Output = Result<KeySet, ProviderError>>,
    ) -> Result<Arc<KeySet>, ProviderError> {
        // Noted first: a request that is dropped while it waits for the provider has asked all the same.
        self.write(|known| known.failed(now));
        match fetch.await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                self.write(|known| known.fetched(Arc::clone(&keys), now));
                Ok(keys)
            }
            Err(error) => {
                tracing::warn!(event = "auth.provider_keys_failed", %error);
                Err(error)
            }
        }
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const NOW: i64 = 1_795_600_800_000;

    /// A provider that counts how often it is asked.
    #[derive(Default)]
    struct Provider {
        asked: AtomicUsize,
        is_silent: bool,
    }

    impl Provider {
        async fn answer(&self) -> Result<KeySet, ProviderError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            match self.is_silent {
                true => Err(ProviderError::Silent("it sleeps".to_owned())),
                false => Ok(KeySet::default()),
            }
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn keys_are_fetched_once_and_again_after_an_hour() {
        let (cache, provider) = (KeyCache::default(), Provider::default());
        for _ in 0..3 {
            cache.get(NOW, provider.answer()).await.unwrap();
        }
        assert_eq!(provider.asked(), 1);
        let later = NOW + FRESH_MS;
        cache.get(later, provider.answer()).await.unwrap();
        assert_eq!(provider.asked(), 2);
    }

    #[tokio::test]
    async fn a_thousand_unknown_keys_at_once_are_one_fetch_a_minute() {
        let (cache, provider) = (KeyCache::default(), Provider::default());
        let old = cache.get(NOW, provider.answer()).await.unwrap();
        let miss = |now| cache.newer_than(&old, now, provider.answer());
        let found = futures::future::join_all((0..1_000).map(|_| miss(NOW + 1))).await;
        assert!(
            found.iter().all(Option::is_some),
            "all get what one fetched"
        );
        assert_eq!(provider.asked(), 2);

        let newest = found.into_iter().next().flatten().unwrap();
        let again = |now| cache.newer_than(&newest, now, provider.answer());
        assert!(again(NOW + MISSED_EVERY_MS).await.is_none());
        assert_eq!(provider.asked(), 2);
        assert!(again(NOW + MISSED_EVERY_MS + 1).await.is_some());
        assert_eq!(provider.asked(), 3);
    }

    #[tokio::test]
    async fn old_keys_serve_for_a_day_while_the_provider_is_silent() {
        let cache = KeyCache::default();
        let (speaks, sleeps) = (
            Provider::default(),
            Provider {
                is_silent: true,
                ..Provider::default()
            },
        );
        cache.get(NOW, speaks.answer()).await.unwrap();
        let ask = |now| cache.get(now, sleeps.answer());
        assert!(ask(NOW + STALE_MS - 1).await.is_ok());
        assert!(ask(NOW + STALE_MS - 1).await.is_ok());
        assert_eq!(sleeps.asked(), 1);
        assert!(ask(NOW + STALE_MS).await.is_err());
    }

    #[tokio::test]
    async fn a_provider_that_comes_back_is_noticed_within_seconds() {
        let cache = KeyCache::default();
        let sleeps = Provider {
            is_silent: true,
            ..Provider::default()
        };
        let ask = |now| cache.get(now, sleeps.answer());
        assert!(ask(NOW).await.is_err());
        assert!(ask(NOW + RETRY_EVERY_MS - 1).await.is_err());
        assert_eq!(sleeps.asked(), 1);
        let speaks = Provider::default();
        let back = cache.get(NOW + RETRY_EVERY_MS, speaks.answer());
        assert!(back.await.is_ok());
    }
}
