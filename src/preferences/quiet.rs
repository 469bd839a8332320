//! When somebody is not to be disturbed (client specification, section 11, "Quiet hours"). Pure.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::model::Preferences;

/// The program's own copy of the IANA database: a name means the same wherever it runs.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Whether this is a name of the IANA time zone database, in its own spelling.
pub fn is_time_zone(name: &str) -> bool {
    ZONES.available().any(|known| known.as_str() == name)
}

/// Minutes since midnight of a time of day such as `22:30`.
pub fn minutes(text: &str) -> Option<i16> {
    let [h1, h2, b':', m1, m2] = text.as_bytes() else {
        return None;
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i16::from(byte - b'0'));
    let hours = digit(h1)? * 10 + digit(h2)?;
    let minutes = digit(m1)? * 10 + digit(m2)?;
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// Whether it is quiet for the person at `now`, in Unix milliseconds. Hours that pass midnight belong to the day on which
/// they start; those that end when they start last a whole day.
pub fn is_quiet(preferences: &Preferences, now: i64) -> bool {
    let quiet = &preferences.quiet_hours;
    let time = |text: &Option<String>| text.as_deref().and_then(minutes);
    let (true, Some(start), Some(end)) = (quiet.enabled, time(&quiet.start), time(&quiet.end))
    else {
        return false;
    };
    // A zone that later releases of the database no longer have counts as UTC.
    let zone = ZONES.get(&preferences.timezone).unwrap_or(TimeZone::UTC);
    let Ok(now) = Timestamp::from_millisecond(now) else {
        return false;
    };
    let local = now.to_zoned(zone);
    let time = i16::from(local.hour()) * 60 + i16::from(local.minute());
    let today = local.weekday();
    let began = if start < end {
        (start..end).contains(&time).then_some(today)
    } else if time >= start {
        Some(today)
    } else {
        (time < end).then(|| today.previous())
    };
    began.is_some_and(|day| {
        let is_weekend = matches!(day, Weekday::Saturday | Weekday::Sunday);
        !(quiet.weekdays_only && is_weekend || quiet.weekends_only && !is_weekend)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::parse_iso;
    use crate::preferences::QuietHours;

    fn quiet(start: &str, end: &str, zone: &str) -> Preferences {
        Preferences {
            timezone: zone.to_owned(),
            quiet_hours: QuietHours {
                enabled: true,
                start: Some(start.to_owned()),
                end: Some(end.to_owned()),
                ..QuietHours::default()
            },
            ..Preferences::default()
        }
    }

    fn is_quiet_at(preferences: &Preferences, time: &str) -> bool {
        is_quiet(preferences, parse_iso(time).unwrap())
    }

    #[test]
    fn the_start_belongs_to_the_quiet_time_and_the_end_does_not() {
        let lunch = quiet("12:00", "13:30", "UTC");
        assert!(!is_quiet_at(&lunch, "2026-11-25T11:59:59.999Z"));
        assert!(is_quiet_at(&lunch, "2026-11-25T12:00:00Z"));
        assert!(is_quiet_at(&lunch, "2026-11-25T13:29:59Z"));
        assert!(!is_quiet_at(&lunch, "2026-11-25T13:30:00Z"));
        let mut off = lunch;
        off.quiet_hours.enabled = false;
        assert!(!is_quiet_at(&off, "2026-11-25T12:30:00Z"));
    }

    #[test]
    fn hours_go_by_the_person_s_own_clock_through_summer_and_winter() {
        let night = quiet("22:00", "07:00", "Europe/Amsterdam");
        // Winter: an hour ahead of UTC.
        assert!(is_quiet_at(&night, "2026-11-25T21:00:00Z"));
        assert!(!is_quiet_at(&night, "2026-11-25T20:59:00Z"));
        assert!(is_quiet_at(&night, "2026-11-26T05:59:00Z"));
        assert!(!is_quiet_at(&night, "2026-11-26T06:00:00Z"));
        // Summer: two hours.
        assert!(is_quiet_at(&night, "2026-07-01T20:00:00Z"));
        assert!(!is_quiet_at(&night, "2026-07-01T05:00:00Z"));
    }

    #[test]
    fn what_passes_midnight_belongs_to_the_day_it_starts() {
        let mut night = quiet("22:00", "07:00", "UTC");
        night.quiet_hours.weekdays_only = true;
        // 2026-11-27 is a Friday.
        assert!(is_quiet_at(&night, "2026-11-27T23:00:00Z"));
        assert!(is_quiet_at(&night, "2026-11-28T06:00:00Z"), "of Friday's");
        assert!(!is_quiet_at(&night, "2026-11-28T23:00:00Z"));
        assert!(!is_quiet_at(&night, "2026-11-30T06:00:00Z"), "of Sunday's");
        assert!(is_quiet_at(&night, "2026-11-30T22:00:00Z"));
        night.quiet_hours.weekdays_only = false;
        night.quiet_hours.weekends_only = true;
        assert!(!is_quiet_at(&night, "2026-11-28T06:00:00Z"), "of Friday's");
        assert!(is_quiet_at(&night, "2026-11-28T23:00:00Z"));
        assert!(is_quiet_at(&night, "2026-11-30T06:00:00Z"), "of Sunday's");
    }

    #[test]
    fn hours_that_end_when_they_start_last_the_whole_day() {
        let always = quiet("08:00", "08:00", "UTC");
        assert!(is_quiet_at(&always, "2026-11-25T08:00:00Z"));
        assert!(is_quiet_at(&always, "2026-11-25T07:59:00Z"));
    }

    #[test]
    fn times_and_zones_have_one_spelling() {
        assert_eq!(minutes("00:00"), Some(0));
        assert_eq!(minutes("23:59"), Some(23 * 60 + 59));
        for text in ["24:00", "12:60", "9:00", "09:0", "09-00", "+9:00", ""] {
            assert_eq!(minutes(text), None, "{text}");
        }
        for name in ["UTC", "Europe/Amsterdam", "America/Argentina/Buenos_Aires"] {
            assert!(is_time_zone(name), "{name}");
        }
        for name in ["", "Mars/Olympus", "europe/amsterdam", "+01:00", "../UTC"] {
            assert!(!is_time_zone(name), "{name}");
        }
    }
}
