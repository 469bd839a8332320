//! What was sent and what came back during one check, so that a failure can show it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many exchanges a transcript keeps.
const KEPT: usize = 3;
/// How many characters of a body are shown.
const BODY_SHOWN: usize = 1_500;

/// A request and its response, as text.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Method, path and body; tokens are left out.
    pub request: String,
    /// Status and body, or why there is none.
    pub response: String,
}

/// The last exchanges of one check.
#[derive(Clone, Debug, Default)]
pub struct Transcript(Arc<Mutex<VecDeque<Exchange>>>);

impl Transcript {
    /// Adds an exchange, forgetting the oldest.
    pub fn note(&self, request: String, response: String) {
        let mut kept = self.lock();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Exchange { request, response });
    }

    /// The kept exchanges, oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `text`, cut to what is worth showing.
pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(BODY_SHOWN) {
        Some((end, _)) => format!(
            "{}… ({} bytes)",
            text.get(..end).unwrap_or(text),
            text.len()
        ),
        None => text.to_owned(),
    }
}
