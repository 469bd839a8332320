//! What people want to hear of, in a form in which the writer finds it in a text at once.
//!
//! For each tenant, two numbers a word of every keyword that is asked for, however many people ask for it: looking through
//! a text costs its length, not the number of keywords or people. Read from the store when the first message comes, added
//! to after the commit of whoever asks for more; a keyword that nobody asks for any more stays until the index is read
//! anew, and the rows that it causes concern nobody.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::store::keywords;
use crate::db::{DbError, Tx};
use crate::messages::words;
use crate::tenants::Tenant;

/// Keywords found in one message, at most; further ones are ignored, as mentions are.
const MOST_FOUND: usize = 500;
/// Keywords added to an index before it is read anew, so that those of the past do not pile up.
const MOST_ADDED: usize = 10_000;

/// The indexes of all tenants. Cheap to clone.
#[derive(Clone, Default)]
pub struct Keywords(Arc<Mutex<HashMap<i64, Slot>>>);

#[derive(Default)]
struct Slot {
    /// How often something was added: what was read from the store before is then not kept.
    changes: u64,
    index: Option<Arc<Index>>,
}

/// The keywords of one tenant.
#[derive(Clone, Default)]
pub struct Index {
    hasher: RandomState,
    /// The hashes of keywords …
    whole: HashSet<u64>,
    /// … and of all their beginnings, word by word.
    begun: HashSet<u64>,
    added: usize,
}

impl Keywords {
    /// The index of a tenant, as of the commit before this transaction or a later one.
    pub async fn of(&self, tenant: &Tenant, tx: &mut Tx) -> Result<Arc<Index>, DbError> {
        let changes = {
            let mut slots = self.slots();
            let slot = slots.entry(tenant.key()).or_default();
            if let Some(index) = &slot.index {
                return Ok(Arc::clone(index));
            }
            slot.changes
        };
        let index = Arc::new(Index::of(&keywords::all(tenant, tx).await?));
        let mut slots = self.slots();
        let slot = slots.entry(tenant.key()).or_default();
        if slot.changes == changes {
            slot.index = Some(Arc::clone(&index));
        }
        Ok(index)
    }

    /// Somebody asks for these from now on. To be called after the commit, or when nobody can say whether it happened.
    pub fn add<'a>(&self, tenant: &Tenant, keywords: impl IntoIterator<Item = &'a String>) {
        let mut slots = self.slots();
        let slot = slots.entry(tenant.key()).or_default();
        slot.changes += 1;
        if let Some(index) = &mut slot.index {
            let index = Arc::make_mut(index);
            for keyword in keywords {
                index.add(keyword);
                index.added += 1;
            }
            if index.added > MOST_ADDED {
                slot.index = None;
            }
        }
    }

    /// Whether nobody of a tenant asks for anything, as far as is known.
    pub fn is_unused(&self, tenant: &Tenant) -> bool {
        let slots = self.slots();
        let index = slots
            .get(&tenant.key())
            .and_then(|slot| slot.index.as_ref());
        index.is_some_and(|index| index.is_empty())
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<i64, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn of(keywords: &[String]) -> Index {
        let mut index = Index::default();
        for keyword in keywords {
            index.add(keyword);
        }
        index
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.whole.is_empty()
    }

    fn add(&mut self, keyword: &str) {
        let mut hash = 0;
        for word in keyword.split(' ') {
            hash = self.hasher.hash_one((hash, word));
            self.begun.insert(hash);
        }
        self.whole.insert(hash);
    }

    /// The keywords in a text, as they are compared.
    pub fn found_in(&self, text: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        if self.is_empty() {
            return found;
        }
        let words = words::of(text);
        for first in 0..words.len() {
            let mut hash = 0;
            for (last, word) in words.iter().enumerate().skip(first) {
                hash = self.hasher.hash_one((hash, word.as_str()));
                if !self.begun.contains(&hash) {
                    break;
                }
                if self.whole.contains(&hash)
                    && let Some(run) = words.get(first..=last)
                {
                    found.insert(run.join(" "));
                }
            }
            if found.len() >= MOST_FOUND {
                break;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(keywords: &[&str]) -> Index {
        let keys: Vec<String> = keywords.iter().map(|word| words::key(word)).collect();
        Index::of(&keys)
    }

    fn found(keywords: &[&str], text: &str) -> Vec<String> {
        index(keywords).found_in(text).into_iter().collect()
    }

    #[test]
    fn keywords_are_found_in_any_case_as_whole_words() {
        let keywords = ["Deploy", "release plan", "C++", "straße"];
        assert_eq!(found(&keywords, "we DEPLOY today"), ["deploy"]);
        assert_eq!(found(&keywords, "deploy, then deploy!"), ["deploy"]);
        assert_eq!(found(&keywords, "deployed redeploy"), Vec::<String>::new());
        assert_eq!(found(&keywords, "the Release\n plan?"), ["release plan"]);
        assert_eq!(found(&keywords, "release the plan"), Vec::<String>::new());
        assert_eq!(found(&keywords, "C and (c++)"), ["c + +"]);
        assert_eq!(found(&keywords, "HAUPT STRASSE"), ["strasse"]);
        assert_eq!(found(&keywords, ""), Vec::<String>::new());
    }

    #[test]
    fn keywords_that_begin_alike_are_told_apart() {
        let keywords = ["new york", "new york city", "york"];
        assert_eq!(found(&keywords, "New York"), ["new york", "york"]);
        assert_eq!(
            found(&keywords, "new york city"),
            ["new york", "new york city", "york"]
        );
        assert_eq!(found(&keywords, "new city"), Vec::<String>::new());
    }

    #[test]
    fn what_is_found_in_one_message_is_bounded() {
        let keywords: Vec<String> = (0..2_000).map(|number| format!("word{number}")).collect();
        let index = Index::of(&keywords);
        assert_eq!(index.found_in(&keywords.join(" ")).len(), MOST_FOUND);
    }
}
