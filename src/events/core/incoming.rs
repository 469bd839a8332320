//! Request and response bodies that carry events, parsed once.
//!
//! Every event stands for itself: what is wrong inside its content is kept in [`Event::content_flaw`], what is wrong
//! with its envelope is its own [`EventError`]. Only bytes that are not JSON, or a fault outside of all contents, fail
//! the body as a whole.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::content::MAX_CONTENT_DEPTH;
use super::event::{Event, EventError};
use super::json::{self, Flaw, JsonError, Limits, Place};

/// The list of events in a body that sends several.
const EVENTS: &str = "events";

/// An event of a body, or what is wrong with its envelope.
pub type Received = Result<Event, EventError>;

/// Members of a page's item beside the event's own: why it has no content. A hint of the server that answers, no proof.
const ABSENCE: [&str; 3] = ["redacted_by", "void", "withheld"];

/// An item of a page of one log.
#[derive(Debug)]
pub struct PageItem {
    /// The event, or what is wrong with its envelope.
    pub event: Received,
    /// Whether the item says why the event has no content.
    pub is_explained: bool,
}

/// Why a body as a whole cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A member of the wrong shape, or one too many.
    #[error("`{path}` has the wrong shape")]
    Shape {
        /// The member; empty for the body itself.
        path: String,
    },
}

/// A body with lists of events.
#[derive(Debug)]
pub struct Lists {
    /// The lists in the order they were asked for; a missing one is empty.
    pub events: Vec<Vec<Received>>,
    /// The other members.
    pub rest: Map<String, Value>,
}

/// Reads what another server sends: one event, or `{"events": [...]}` and nothing else in it.
///
/// # Errors
/// A [`BodyError`] for the body as a whole.
pub fn read_send(bytes: &[u8], limits: Limits) -> Result<Vec<Received>, BodyError> {
    let mut body = Body::read(bytes, limits, &[EVENTS])?;
    if !body.members.contains_key(EVENTS) {
        let flaw = body.flaws.remove(&Place::Root);
        return Ok(vec![Event::from_value_tolerant(body.members.into(), flaw)]);
    }
    let lists = body.into_lists(&[EVENTS])?;
    match lists.rest.into_iter().next() {
        Some((key, _)) => Err(BodyError::Shape {
            path: key.chars().take(64).collect(),
        }),
        None => Ok(lists.events.into_iter().flatten().collect()),
    }
}

/// Reads an object that holds lists of events under the given keys, as pages of history and room state do.
///
/// # Errors
/// A [`BodyError`] for the body as a whole.
pub fn read_lists(bytes: &[u8], limits: Limits, keys: &[&str]) -> Result<Lists, BodyError> {
    Body::read(bytes, limits, keys)?.into_lists(keys)
}

/// Reads a page of one log: an object with the list `events`, whose items may say why they have no content.
///
/// # Errors
/// A [`BodyError`] for the body as a whole.
pub fn read_page(bytes: &[u8], limits: Limits) -> Result<Vec<PageItem>, BodyError> {
    let mut body = Body::read(bytes, limits, &[EVENTS])?;
    let mut explained = Vec::new();
    if let Some(Value::Array(items)) = body.members.get_mut(EVENTS) {
        for item in items.iter_mut() {
            let hints = ABSENCE.map(|hint| item.as_object_mut().and_then(|item| item.remove(hint)));
            explained.push(hints.iter().any(Option::is_some));
        }
    }
    let events = body.into_lists(&[EVENTS])?.events.into_iter().flatten();
    let mut explained = explained.into_iter();
    Ok(events
        .map(|event| PageItem {
            event,
            is_explained: explained.next().unwrap_or(false),
        })
        .collect())
}

struct Body {
    members: Map<String, Value>,
    flaws: BTreeMap<Place, JsonError>,
}

impl Body {
    fn read(bytes: &[u8], limits: Limits, keys: &[&str]) -> Result<Self, BodyError> {
        let json::Tolerant { value, flaws } =
            json::read_tolerant(bytes, limits, keys, MAX_CONTENT_DEPTH)?;
        let Value::Object(members) = value else {
            return Err(BodyError::Shape {
                path: String::new(),
            });
        };
        let flaws = flaws
            .into_iter()
            .map(|Flaw { place, error }| (place, error));
        Ok(Self {
            members,
            flaws: flaws.collect(),
        })
    }

    fn into_lists(mut self, keys: &[&str]) -> Result<Lists, BodyError> {
        // A `content` beside the lists is no event's.
        if let Some(error) = self.flaws.remove(&Place::Root) {
            return Err(error.into());
        }
        let mut events = Vec::with_capacity(keys.len());
        for (list, key) in keys.iter().enumerate() {
            let items = match self.members.remove(*key) {
                None => Vec::new(),
                Some(Value::Array(items)) => items,
                Some(_) => {
                    return Err(BodyError::Shape {
                        path: (*key).to_owned(),
                    });
                }
            };
            let received = items.into_iter().enumerate().map(|(index, item)| {
                Event::from_value_tolerant(item, self.flaws.remove(&Place::Item { list, index }))
            });
            events.push(received.collect());
        }
        Ok(Lists {
            events,
            rest: self.members,
        })
    }
}

#[cfg(test)]
#[path = "incoming_tests.rs"]
mod tests;
