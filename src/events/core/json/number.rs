//! Numbers (RFC 8259 section 6) as doubles, integers by value kept as integers.

use serde_json::Number;

use super::reader::Reader;
use super::{JsonError, MAX_SAFE_INTEGER};

/// Digits of 2^53−1: a longer integer is beyond it.
const MAX_SAFE_DIGITS: usize = 16;

impl Reader<'_> {
    pub(super) fn number(&mut self) -> Result<Number, JsonError> {
        let text = self.number_text()?;
        to_number(text).ok_or_else(|| JsonError::Number {
            path: String::new(),
        })
    }

    /// Consumes what the grammar calls a number.
    pub(super) fn number_text(&mut self) -> Result<&str, JsonError> {
        let start = self.position();
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(self.text_since(start))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let count = self
            .rest()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return Err(self.syntax());
        }
        self.advance(count);
        Ok(())
    }
}

fn to_number(text: &str) -> Option<Number> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        if text.trim_start_matches('-').len() > MAX_SAFE_DIGITS {
            return None;
        }
        let integer: i64 = text.parse().ok()?;
        return (integer.abs() <= MAX_SAFE_INTEGER).then(|| integer.into());
    }
    let double: f64 = text.parse().ok()?;
    if !is_in_range(double) {
        return None;
    }
    if double.fract() == 0.0 {
        Some((double as i64).into())
    } else {
        Number::from_f64(double)
    }
}

/// Whether a number made elsewhere would have passed the reader.
pub(super) fn is_allowed(number: &Number) -> bool {
    number.as_f64().is_some_and(is_in_range)
}

/// From 2^53 on every double is an integer, so that the rule for integers bounds them all (and excludes infinity).
fn is_in_range(double: f64) -> bool {
    double.abs() <= MAX_SAFE_INTEGER as f64
}
