//! Time as a parameter: the only module that reads the system's clock, and the one text form of a moment.
//!
//! Everything that needs the time takes a [`Clock`]; tests pass one that they move themselves. Moments are Unix milliseconds
//! (`i64`) inside the program and ISO 8601 in UTC with milliseconds outside (client specification, section 1).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// Where the time comes from. Cloning is cheap; clones of a manual clock share their time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The system's real-time clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `now_ms` (Unix milliseconds) until it is moved.
    #[must_use]
    pub fn manual(now_ms: i64) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(now_ms))))
    }

    /// The present moment in Unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &self.0 {
            Source::System => system_ms(),
            Source::Manual(now) => now.load(Ordering::SeqCst),
        }
    }

    /// Moves a manual clock by `by_ms`, backwards if negative; the system's clock does not move.
    pub fn advance(&self, by_ms: i64) {
        if let Source::Manual(now) = &self.0 {
            now.fetch_add(by_ms, Ordering::SeqCst);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the system's clock"
)]
fn system_ms() -> i64 {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const FIRST: DateTime = DateTime::constant(0, 1, 1, 0, 0, 0, 0);
const LAST: DateTime = DateTime::constant(9999, 12, 31, 23, 59, 59, 999_999_999);

/// The text form of a moment: `2026-11-25T10:00:00.000Z`. A moment outside the years 0 to 9999 becomes the nearest one inside.
#[must_use]
pub fn iso(ms: i64) -> String {
    let outside = if ms < 0 { FIRST } else { LAST };
    let moment = EPOCH
        .checked_add(SignedDuration::from_millis(ms))
        .map_or(outside, |moment| moment.max(FIRST));
    format!("{moment:.3}Z")
}

/// A text that is no RFC 3339 date-time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 date-time with an offset, such as 2026-11-25T10:00:00.000Z")]
pub struct NotATime;

/// Reads an RFC 3339 date-time with any offset as Unix milliseconds; finer fractions of a second are cut off.
///
/// # Errors
/// [`NotATime`] for every other text, the wider forms of ISO 8601 (no offset, zone in brackets, basic format) included.
pub fn parse_iso(text: &str) -> Result<i64, NotATime> {
    let (local, offset) = split_offset(text).ok_or(NotATime)?;
    // A civil time and not `jiff::Timestamp`, which ends a day early: 9999-12-31T23:59:59.999Z stands for "forever".
    let local: DateTime = local.parse().map_err(|_| NotATime)?;
    let since = local.duration_since(EPOCH) - offset;
    i64::try_from(since.as_nanos().div_euclid(1_000_000)).map_err(|_| NotATime)
}

/// Takes `date-time` of RFC 3339, section 5.6, apart into local time and offset. The ranges of the local fields are left to jiff,
/// which alone would read far more forms than this one.
fn split_offset(text: &str) -> Option<(&str, SignedDuration)> {
    let (seconds, rest) = text.split_at_checked(19)?;
    let fits = seconds
        .bytes()
        .zip(b"dddd-dd-ddTdd:dd:dd")
        .all(|(byte, want)| match want {
            b'd' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b't' | b' '),
            mark => byte == *mark,
        });
    if !fits {
        return None;
    }
    let fraction = match rest.strip_prefix('.') {
        Some(rest) => match rest.bytes().take_while(u8::is_ascii_digit).count() {
            digits @ 1..=9 => 1 + digits,
            _ => return None,
        },
        None => 0,
    };
    let (local, offset) = text.split_at_checked(19 + fraction)?;
    Some((local, offset_of(offset.as_bytes())?))
}

fn offset_of(text: &[u8]) -> Option<SignedDuration> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    match text {
        [b'Z' | b'z'] => Some(SignedDuration::ZERO),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let hours = digit(h1)? * 10 + digit(h2)?;
            let minutes = digit(m1)? * 10 + digit(m2)?;
            let offset = SignedDuration::from_mins(hours * 60 + minutes);
            let in_range = hours < 24 && minutes < 60;
            in_range.then_some(if *sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: i64 = 1_795_600_800_000;

    #[test]
    fn times_are_written_in_utc_with_milliseconds() {
        assert_eq!(iso(MOMENT), "2026-11-25T10:00:00.000Z");
        assert_eq!(iso(MOMENT + 7), "2026-11-25T10:00:00.007Z");
        assert_eq!(iso(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(iso(253_402_300_799_999), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn moments_that_no_calendar_holds_become_the_nearest_one() {
        assert_eq!(iso(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(iso(253_402_300_800_000), "9999-12-31T23:59:59.999Z");
        assert_eq!(iso(i64::MIN), "0000-01-01T00:00:00.000Z");
        assert_eq!(iso(-62_167_219_200_001), "0000-01-01T00:00:00.000Z");
    }

    #[test]
    fn any_offset_is_read() {
        for text in [
            "2026-11-25T10:00:00Z",
            "2026-11-25t10:00:00.000z",
            "2026-11-25 10:00:00.0Z",
            "2026-11-25T11:30:00+01:30",
            "2026-11-25T02:00:00.000999-08:00",
        ] {
            assert_eq!(parse_iso(text), Ok(MOMENT), "{text}");
        }
        assert_eq!(parse_iso("1969-12-31T23:59:59.9999Z"), Ok(-1));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "2026-11-25",
            "2026-11-25T10:00:00",
            "2026-11-25T10:00Z",
            "2026-11-25T10:00:00+01",
            "2026-11-25T10:00:00+0100",
            "2026-11-25T10:00:00[Europe/Berlin]",
            "2026-11-25T10:00:00Z[UTC]",
            "2026-11-25T10:00:00.Z",
            "2026-11-25T10:00:00,5Z",
            "2026-11-25T10:00:00.0000000000Z",
            "20261125T100000Z",
            "2026-13-25T10:00:00Z",
            "2026-02-30T10:00:00Z",
            "2026-11-25T25:00:00Z",
            "2026-11-25T10:00:00+24:00",
            "2026-11-25T10:00:00+01:60",
            "+2026-11-25T10:00:00Z",
            "２026-11-25T10:00:00Z",
        ] {
            assert_eq!(parse_iso(text), Err(NotATime), "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for ms in [0, 1, -1, MOMENT, MOMENT + 999, 253_402_300_799_999] {
            assert_eq!(parse_iso(&iso(ms)), Ok(ms));
        }
    }

    #[test]
    fn clones_of_a_manual_clock_move_together() {
        let clock = Clock::manual(MOMENT);
        let other = clock.clone();
        clock.advance(1_500);
        assert_eq!(other.now_ms(), MOMENT + 1_500);
    }

    #[test]
    fn the_system_clock_cannot_be_moved() {
        let clock = Clock::system();
        let before = clock.now_ms();
        clock.advance(3_600_000);
        assert!(clock.now_ms() - before < 3_600_000);
    }
}
