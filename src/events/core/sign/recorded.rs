//! What a key is made to sign, for tests that have to see all of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use super::KeyId;

/// By key; of others nothing is kept.
static RECORDED: Mutex<BTreeMap<KeyId, Vec<Vec<u8>>>> = Mutex::new(BTreeMap::new());

fn lock() -> MutexGuard<'static, BTreeMap<KeyId, Vec<Vec<u8>>>> {
    RECORDED.lock().unwrap()
}

/// Keeps what this key signs from now on.
pub(crate) fn begin(key: KeyId) {
    lock().insert(key, Vec::new());
}

pub(super) fn note(key: KeyId, message: &[u8]) {
    if let Some(messages) = lock().get_mut(&key) {
        messages.push(message.to_vec());
    }
}

/// What it signed since [`begin`], byte for byte.
pub(crate) fn of(key: KeyId) -> Vec<Vec<u8>> {
    lock().get(&key).cloned().unwrap_or_default()
}
