//! The reader's structure: values, arrays and objects (RFC 8259 sections 2 to 5).

use serde_json::map::Entry;
use serde_json::{Map, Value};

use super::JsonError;

/// A position in a text that is known to be UTF-8.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], max_bytes: usize) -> Result<Self, JsonError> {
        if bytes.len() > max_bytes {
            return Err(JsonError::TooLarge { limit: max_bytes });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| JsonError::Utf8 {
            offset: error.valid_up_to(),
        })?;
        Ok(Self { text, at: 0 })
    }

    /// Reads a value that may nest `depth_left` levels.
    pub(super) fn value(&mut self, depth_left: usize) -> Result<Value, JsonError> {
        self.skip_whitespace();
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{') => self
                .object(depth_left, |reader, _, inner_depth| {
                    reader.value(inner_depth)
                })
                .map(Value::Object),
            Some(b'[') => self
                .array(depth_left, |reader, _, inner_depth| {
                    reader.value(inner_depth)
                })
                .map(Value::Array),
            Some(b't') => self.literal("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.literal("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.literal("null").map(|()| Value::Null),
            _ => self.number().map(Value::Number),
        }
    }

    /// Reads an object; `member` reads each value, given its key and the depth left inside.
    pub(super) fn object(
        &mut self,
        depth_left: usize,
        mut member: impl FnMut(&mut Self, &str, usize) -> Result<Value, JsonError>,
    ) -> Result<Map<String, Value>, JsonError> {
        let inner_depth = self.enter(b'{', depth_left)?;
        let mut members = Map::new();
        if self.take_after_whitespace(b'}') {
            return Ok(members);
        }
        loop {
            self.skip_whitespace();
            let key = self.string()?;
            self.expect_after_whitespace(b':')?;
            match members.entry(key) {
                Entry::Vacant(slot) => {
                    let value = member(self, slot.key(), inner_depth)
                        .map_err(|error| error.within_key(slot.key()))?;
                    slot.insert(value);
                }
                Entry::Occupied(slot) => {
                    return Err(JsonError::Duplicate {
                        path: String::new(),
                    }
                    .within_key(slot.key()));
                }
            }
            if !self.another(b'}')? {
                return Ok(members);
            }
        }
    }

    /// Reads an array; `item` reads each value, given its index and the depth left inside.
    pub(super) fn array(
        &mut self,
        depth_left: usize,
        mut item: impl FnMut(&mut Self, usize, usize) -> Result<Value, JsonError>,
    ) -> Result<Vec<Value>, JsonError> {
        let inner_depth = self.enter(b'[', depth_left)?;
        let mut items = Vec::new();
        if self.take_after_whitespace(b']') {
            return Ok(items);
        }
        loop {
            let index = items.len();
            items.push(item(self, index, inner_depth).map_err(|error| error.within_index(index))?);
            if !self.another(b']')? {
                return Ok(items);
            }
        }
    }

    fn enter(&mut self, open: u8, depth_left: usize) -> Result<usize, JsonError> {
        self.expect_after_whitespace(open)?;
        depth_left.checked_sub(1).ok_or_else(|| JsonError::TooDeep {
            path: String::new(),
        })
    }

    /// After a member or item: whether a comma announces another one; otherwise consumes the closing bracket.
    pub(super) fn another(&mut self, close: u8) -> Result<bool, JsonError> {
        if self.take_after_whitespace(b',') {
            return Ok(true);
        }
        self.expect_after_whitespace(close).map(|()| false)
    }

    pub(super) fn literal(&mut self, word: &str) -> Result<(), JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.syntax());
        }
        self.advance(word.len());
        Ok(())
    }

    /// Nothing but whitespace may follow.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        self.skip_whitespace();
        if self.rest().is_empty() {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    pub(super) fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn expect_after_whitespace(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take_after_whitespace(byte) {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }

    pub(super) fn take_after_whitespace(&mut self, byte: u8) -> bool {
        self.skip_whitespace();
        self.take(byte)
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The bytes not yet read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The text from `start` to here.
    pub(super) fn text_since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Goes back to a position that was read before.
    pub(super) fn rewind(&mut self, position: usize) {
        self.at = position;
    }

    pub(super) fn syntax(&self) -> JsonError {
        JsonError::Syntax { offset: self.at }
    }
}
