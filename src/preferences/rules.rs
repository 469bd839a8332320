//! The rules of preferences, to be named in `#[garde(custom(…))]`.

use super::model::NewQuietHours;
use super::quiet::{is_time_zone, minutes};
use crate::error::Reason;
use crate::http::fields::refuse;
use crate::messages::words;

/// Characters of a keyword, at most.
const MAX_KEYWORD: usize = 100;

/// A name of the IANA time zone database, in its own spelling.
///
/// # Errors
/// A garde error for every other text.
pub fn time_zone(name: &str, (): &()) -> garde::Result {
    match is_time_zone(name) {
        true => Ok(()),
        false => Err(refuse(
            Reason::Format,
            "must be the name of an IANA time zone, such as Europe/Amsterdam",
        )),
    }
}

/// A time of day.
///
/// # Errors
/// A garde error for every other text.
pub fn time_of_day(text: &str, (): &()) -> garde::Result {
    match minutes(text) {
        Some(_) => Ok(()),
        None => Err(refuse(Reason::Format, "must be a time from 00:00 to 23:59")),
    }
}

/// What the members of quiet hours say together.
///
/// # Errors
/// A garde error for hours that have to begin on working days only and on weekends only, or that are on without saying when.
pub fn quiet_hours(quiet: &Option<NewQuietHours>, (): &()) -> garde::Result {
    let Some(quiet) = quiet else {
        return Ok(());
    };
    if quiet.weekdays_only && quiet.weekends_only {
        let message = "must not be on weekdays only and on weekends only";
        return Err(refuse(Reason::Conflict, message));
    }
    if quiet.enabled && (quiet.start.is_none() || quiet.end.is_none()) {
        return Err(refuse(Reason::Missing, "must have start and end when on"));
    }
    Ok(())
}

/// A word, or several, that a person wants to hear of.
///
/// # Errors
/// A garde error for an empty one or more than 100 characters.
pub fn keyword(keyword: &str, (): &()) -> garde::Result {
    if keyword.chars().count() > MAX_KEYWORD || words::key(keyword).is_empty() {
        return Err(refuse(
            Reason::Length,
            "must have 1 to 100 characters, not only spaces",
        ));
    }
    Ok(())
}
