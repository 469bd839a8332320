//! The rules of [`super::profile`] for request bodies, to be named in `#[garde(custom(…))]`.

use super::profile::{self, Unfit};
use crate::error::Reason;
use crate::http::fields::refuse;

/// Characters of a device's name, at most.
const MAX_DEVICE_NAME: usize = 100;

fn explain(outcome: Result<(), Unfit>, length: &'static str, form: &'static str) -> garde::Result {
    outcome.map_err(|unfit| match unfit {
        Unfit::Length => refuse(Reason::Length, length),
        Unfit::Form => refuse(Reason::Format, form),
    })
}

/// A display name.
///
/// # Errors
/// As [`profile::check_display_name`].
pub fn display_name(name: &str, (): &()) -> garde::Result {
    explain(
        profile::check_display_name(name),
        "must have 1 to 100 characters, not only spaces",
        "must not hold control characters",
    )
}

/// A display name, where there need not be one.
///
/// # Errors
/// As [`display_name`].
pub fn display_name_if_any(name: &Option<String>, context: &()) -> garde::Result {
    name.as_deref()
        .map_or(Ok(()), |name| display_name(name, context))
}

/// An e-mail address, where there need not be one.
///
/// # Errors
/// As [`profile::check_email`].
pub fn email_if_any(email: &Option<String>, (): &()) -> garde::Result {
    let outcome = email.as_deref().map_or(Ok(()), profile::check_email);
    explain(
        outcome,
        "must have at most 254 characters",
        "must be an e-mail address",
    )
}

/// An e-mail address, where it may be absent or null.
///
/// # Errors
/// As [`email_if_any`].
pub fn email_if_changed(email: &Option<Option<String>>, context: &()) -> garde::Result {
    email
        .as_ref()
        .map_or(Ok(()), |email| email_if_any(email, context))
}

/// The name of a device, where there need not be one.
///
/// # Errors
/// A garde error for more than 100 characters.
pub fn device_name(name: &Option<String>, (): &()) -> garde::Result {
    match name {
        Some(name) if name.chars().count() > MAX_DEVICE_NAME => {
            Err(refuse(Reason::Length, "must have at most 100 characters"))
        }
        _ => Ok(()),
    }
}

/// A display name, where it may be absent or null.
///
/// # Errors
/// As [`display_name`].
pub fn display_name_if_changed(name: &Option<Option<String>>, context: &()) -> garde::Result {
    name.as_ref()
        .map_or(Ok(()), |name| display_name_if_any(name, context))
}

/// A bio, where it may be absent or null.
///
/// # Errors
/// As [`profile::check_bio`].
pub fn bio_if_changed(bio: &Option<Option<String>>, (): &()) -> garde::Result {
    let bio = bio.as_ref().and_then(Option::as_deref);
    explain(
        bio.map_or(Ok(()), profile::check_bio),
        "must have at most 2000 characters",
        "",
    )
}

/// A picture's address, where it may be absent or null.
///
/// # Errors
/// As [`profile::check_avatar`].
pub fn avatar_if_changed(url: &Option<Option<String>>, (): &()) -> garde::Result {
    let url = url.as_ref().and_then(Option::as_deref);
    explain(
        url.map_or(Ok(()), |url| profile::check_avatar(url).map(|_| ())),
        "must have at most 8192 bytes",
        "must be an https URL or /v1/media/download/{id}",
    )
}
