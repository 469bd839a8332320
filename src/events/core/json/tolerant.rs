//! Reading a body of events so that what is wrong inside one event's `content` stays with that event.
//!
//! A content that breaks a rule of [`super::JsonError`] but is JSON becomes `null`, and a [`Flaw`] says why; bytes that
//! are not JSON fail the whole body. Each content is passed over at most twice, so the time stays linear.

use serde_json::Value;

use super::reader::Reader;
use super::{JsonError, Limits, MAX_DEPTH};

/// The member of an event in which a fault is tolerated.
const CONTENT: &str = "content";

/// Where an event stands in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::events::core) enum Place {
    /// The body itself is the event.
    Root,
    /// An item of one of the named lists of the body's object.
    Item {
        /// Which of the lists that were asked for.
        list: usize,
        /// The position in it.
        index: usize,
    },
}

/// A content that cannot be hashed.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::events::core) struct Flaw {
    /// The event.
    pub(in crate::events::core) place: Place,
    /// What is wrong; its path begins with `content`.
    pub(in crate::events::core) error: JsonError,
}

/// A body and what had to be left out of it.
#[derive(Debug)]
pub(in crate::events::core) struct Tolerant {
    /// The body, with `null` for every flawed content.
    pub(in crate::events::core) value: Value,
    /// The flawed contents, in the order of the body.
    pub(in crate::events::core) flaws: Vec<Flaw>,
}

/// Reads a body that is an event or an object with lists of events under the keys `lists`.
///
/// `limits.max_depth` holds outside of contents, `content_depth` inside of each, counted from its own root.
pub(in crate::events::core) fn read_tolerant(
    bytes: &[u8],
    limits: Limits,
    lists: &[&str],
    content_depth: usize,
) -> Result<Tolerant, JsonError> {
    let mut reader = Reader::new(bytes, limits.max_bytes)?;
    let depth = limits.max_depth.min(MAX_DEPTH);
    let mut zone = Zone {
        content_depth: content_depth.min(MAX_DEPTH),
        flaws: Vec::new(),
    };
    reader.skip_whitespace();
    let value = if reader.peek() == Some(b'{') {
        reader
            .object(depth, |reader, key, depth| {
                match lists.iter().position(|list| *list == key) {
                    Some(list) => zone.list(reader, list, depth),
                    None => zone.member(reader, key, depth, Place::Root),
                }
            })?
            .into()
    } else {
        reader.value(depth)?
    };
    reader.end()?;
    Ok(Tolerant {
        value,
        flaws: zone.flaws,
    })
}

struct Zone {
    content_depth: usize,
    flaws: Vec<Flaw>,
}

impl Zone {
    fn list(
        &mut self,
        reader: &mut Reader<'_>,
        list: usize,
        depth: usize,
    ) -> Result<Value, JsonError> {
        reader.skip_whitespace();
        if reader.peek() != Some(b'[') {
            return reader.value(depth);
        }
        let items = reader.array(depth, |reader, index, depth| {
            reader.skip_whitespace();
            if reader.peek() != Some(b'{') {
                return reader.value(depth);
            }
            let place = Place::Item { list, index };
            let event = reader.object(depth, |reader, key, depth| {
                self.member(reader, key, depth, place)
            })?;
            Ok(event.into())
        })?;
        Ok(items.into())
    }

    fn member(
        &mut self,
        reader: &mut Reader<'_>,
        key: &str,
        depth: usize,
        place: Place,
    ) -> Result<Value, JsonError> {
        if key != CONTENT {
            return reader.value(depth);
        }
        let start = reader.position();
        match reader.value(self.content_depth) {
            Err(error) if error.leaves_json_intact() => {
                reader.rewind(start);
                reader.skip_value()?;
                self.flaws.push(Flaw {
                    place,
                    error: error.within_content(),
                });
                Ok(Value::Null)
            }
            outcome => outcome,
        }
    }
}
