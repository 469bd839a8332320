//! Strings (RFC 8259 section 7): runs of plain bytes are found eight at a time and copied whole.

use super::JsonError;
use super::reader::Reader;

const ONES: u64 = u64::MAX / 0xff;
const HIGHS: u64 = ONES << 7;

impl Reader<'_> {
    /// Reads a string, quotes included.
    pub(super) fn string(&mut self) -> Result<String, JsonError> {
        if !self.take(b'"') {
            return Err(self.syntax());
        }
        let mut text = String::new();
        loop {
            let start = self.position();
            self.advance(plain_run(self.rest()));
            text.push_str(self.text_since(start));
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(text);
                }
                Some(b'\\') => text.push(self.escaped_char()?),
                Some(0) => {
                    return Err(JsonError::Nul {
                        path: String::new(),
                    });
                }
                _ => return Err(self.syntax()),
            }
        }
    }

    fn escaped_char(&mut self) -> Result<char, JsonError> {
        let unit = self.escape()?;
        let code = match unit {
            0 => {
                return Err(JsonError::Nul {
                    path: String::new(),
                });
            }
            0xd800..=0xdbff => {
                let low = if self.rest().starts_with(b"\\u") {
                    self.escape()?
                } else {
                    0
                };
                if !matches!(low, 0xdc00..=0xdfff) {
                    return Err(JsonError::Surrogate {
                        path: String::new(),
                    });
                }
                0x10000 + (u32::from(unit & 0x3ff) << 10) + u32::from(low & 0x3ff)
            }
            _ => u32::from(unit),
        };
        char::from_u32(code).ok_or_else(|| JsonError::Surrogate {
            path: String::new(),
        })
    }

    /// Reads one escape sequence, backslash included: the UTF-16 code unit that it stands for.
    pub(super) fn escape(&mut self) -> Result<u16, JsonError> {
        let [b'\\', kind, rest @ ..] = self.rest() else {
            return Err(self.syntax());
        };
        let unit = match kind {
            b'"' | b'\\' | b'/' => u16::from(*kind),
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => 0x0a,
            b'r' => 0x0d,
            b't' => 0x09,
            b'u' => {
                let unit = rest
                    .first_chunk::<4>()
                    .and_then(hex_unit)
                    .ok_or_else(|| self.syntax())?;
                self.advance(4);
                unit
            }
            _ => return Err(self.syntax()),
        };
        self.advance(2);
        Ok(unit)
    }
}

fn hex_unit(digits: &[u8; 4]) -> Option<u16> {
    digits.iter().try_fold(0, |unit: u16, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(unit << 4 | u16::try_from(value).ok()?)
    })
}

/// Length of the run before the next quote, backslash or control character.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    let words = bytes.as_chunks::<8>().0;
    let plain_words = words
        .iter()
        .take_while(|word| !holds_special(u64::from_ne_bytes(**word)))
        .count();
    let start = plain_words * 8;
    let tail = bytes.get(start..).unwrap_or_default();
    start
        + tail
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))
            .unwrap_or(tail.len())
}

/// Whether one of eight bytes is a quote, a backslash or a control character.
fn holds_special(word: u64) -> bool {
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero_byte(word ^ (ONES * u64::from(b'"')));
    let backslash = zero_byte(word ^ (ONES * u64::from(b'\\')));
    (below_space | quote | backslash) & HIGHS != 0
}

fn zero_byte(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}
