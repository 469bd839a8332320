//! Passing over a value that is JSON but cannot be kept: syntax only, no recursion, so that any depth will do.

use super::JsonError;
use super::reader::Reader;
use super::string::plain_run;

impl Reader<'_> {
    /// Passes over one value, checking nothing but its syntax.
    pub(super) fn skip_value(&mut self) -> Result<(), JsonError> {
        let mut open = Vec::new();
        loop {
            match self.skip_start()? {
                Some(close) => open.push(close),
                None => {
                    if !self.skip_ends(&mut open)? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Passes over a scalar or an empty object or array, or over the beginning of one up to its first value: then the
    /// bracket that will close it.
    fn skip_start(&mut self) -> Result<Option<u8>, JsonError> {
        self.skip_whitespace();
        match self.peek() {
            Some(b'{') => {
                self.advance(1);
                if self.take_after_whitespace(b'}') {
                    return Ok(None);
                }
                self.skip_key()?;
                Ok(Some(b'}'))
            }
            Some(b'[') => {
                self.advance(1);
                Ok(if self.take_after_whitespace(b']') {
                    None
                } else {
                    Some(b']')
                })
            }
            Some(b'"') => self.skip_string().map(|()| None),
            Some(b't') => self.literal("true").map(|()| None),
            Some(b'f') => self.literal("false").map(|()| None),
            Some(b'n') => self.literal("null").map(|()| None),
            _ => self.number_text().map(|_| None),
        }
    }

    /// After a value: closes what ends here. False when everything is closed, true when another value follows.
    fn skip_ends(&mut self, open: &mut Vec<u8>) -> Result<bool, JsonError> {
        while let Some(close) = open.last().copied() {
            if self.another(close)? {
                if close == b'}' {
                    self.skip_key()?;
                }
                return Ok(true);
            }
            open.pop();
        }
        Ok(false)
    }

    fn skip_key(&mut self) -> Result<(), JsonError> {
        self.skip_whitespace();
        self.skip_string()?;
        self.expect_after_whitespace(b':')
    }

    fn skip_string(&mut self) -> Result<(), JsonError> {
        if !self.take(b'"') {
            return Err(self.syntax());
        }
        loop {
            self.advance(plain_run(self.rest()));
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(());
                }
                Some(b'\\') => {
                    self.escape()?;
                }
                _ => return Err(self.syntax()),
            }
        }
    }
}
