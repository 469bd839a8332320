//! From a setting's text to its value, one function per form.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ipnet::IpNet;
use url::{Host, Url};

use super::reader::Refusal;
use super::{AuthMode, DatabaseUrl, LogFormat};
use crate::events::core::names::{NameError, ServerName};

type Parsed<T> = Result<T, Refusal>;

/// The longest word of a protocol, in bytes.
const LONGEST_WORD: usize = 1024;

/// Anything whose `FromStr` is the form wanted.
pub(super) fn plain<T: FromStr>(text: &str) -> Parsed<T> {
    text.parse().map_err(|_| Refusal::Form)
}

pub(super) fn any(text: &str) -> Parsed<String> {
    Ok(text.to_owned())
}

pub(super) fn path(text: &str) -> Parsed<PathBuf> {
    Ok(PathBuf::from(text))
}

/// A file that is there. What is in it is for its user to judge.
pub(super) fn file(text: &str) -> Parsed<PathBuf> {
    let path = PathBuf::from(text);
    match std::fs::File::open(&path) {
        Ok(_) => Ok(path),
        Err(error) => Err(Refusal::Because(error.to_string())),
    }
}

pub(super) fn whole(range: RangeInclusive<u32>) -> impl Fn(&str) -> Parsed<u32> {
    within(range)
}

/// A number of bytes.
pub(super) fn bytes(range: RangeInclusive<u64>) -> impl Fn(&str) -> Parsed<u64> {
    within(range)
}

fn within<N: FromStr + PartialOrd + Display>(
    range: RangeInclusive<N>,
) -> impl Fn(&str) -> Parsed<N> {
    move |text| {
        let number = text.parse().map_err(|_| Refusal::Form)?;
        if range.contains(&number) {
            return Ok(number);
        }
        Err(Refusal::Words(format!(
            "must be from {} to {}",
            range.start(),
            range.end()
        )))
    }
}

pub(super) fn seconds(range: RangeInclusive<u32>) -> impl Fn(&str) -> Parsed<Duration> {
    let whole = whole(range);
    move |text| Ok(Duration::from_secs(whole(text)?.into()))
}

pub(super) fn flag(text: &str) -> Parsed<bool> {
    match text {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Refusal::Form),
    }
}

pub(super) fn web_url(text: &str) -> Parsed<Url> {
    let url: Url = plain(text)?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && !has_user {
        Ok(url)
    } else {
        Err(Refusal::Form)
    }
}

/// An issuer, kept as it is written: tokens have to repeat it to the letter, a slash at its end included.
pub(super) fn issuer(text: &str) -> Parsed<String> {
    let url = web_url(text)?;
    if url.query().is_none() && url.fragment().is_none() {
        Ok(text.to_owned())
    } else {
        Err(Refusal::Form)
    }
}

/// A name or secret of a protocol: printable ASCII, not too long (RFC 6749, appendix A).
pub(super) fn word(text: &str) -> Parsed<String> {
    let is_visible = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_visible && text.len() <= LONGEST_WORD {
        Ok(text.to_owned())
    } else {
        Err(Refusal::Form)
    }
}

/// A URL that is nothing but scheme, host and port.
pub(super) fn origin(text: &str) -> Parsed<Url> {
    let url = web_url(text)?;
    if url.path() == "/" && url.query().is_none() && url.fragment().is_none() {
        Ok(url)
    } else {
        Err(Refusal::Form)
    }
}

pub(super) fn list<T>(item: impl Fn(&str) -> Parsed<T>) -> impl Fn(&str) -> Parsed<Vec<T>> {
    move |text| {
        let items = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        items.map(&item).collect()
    }
}

/// A network, or a single address.
pub(super) fn network(text: &str) -> Parsed<IpNet> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(IpNet::from(address)),
        Err(_) => plain(text),
    }
}

/// A host name or an IP address, in the form that a parsed URL has.
pub(super) fn host(text: &str) -> Parsed<String> {
    let is_bare_v6 = text.parse::<std::net::Ipv6Addr>().is_ok();
    let text = if is_bare_v6 {
        format!("[{text}]")
    } else {
        text.to_owned()
    };
    match Host::parse(&text) {
        Ok(host) => Ok(host.to_string()),
        Err(_) => Err(Refusal::Form),
    }
}

/// `name=url`; several of them make the list of peers.
pub(super) fn peer(text: &str) -> Parsed<(ServerName, Url)> {
    let (name, url) = text.split_once('=').ok_or(Refusal::Form)?;
    Ok((server_name(name.trim())?, origin(url.trim())?))
}

pub(super) fn server_name(text: &str) -> Parsed<ServerName> {
    text.parse()
        .map_err(|error: NameError| Refusal::Because(error.to_string()))
}

pub(super) fn secret_key(text: &str) -> Parsed<[u8; 32]> {
    let bytes = BASE64_STANDARD
        .decode(text.trim())
        .map_err(|_| Refusal::Form)?;
    bytes.try_into().map_err(|_| Refusal::Form)
}

pub(super) fn database_url(text: &str) -> Parsed<DatabaseUrl> {
    match text.split_once(':') {
        Some(("sqlite", file)) if !file.trim_start_matches('/').is_empty() => {
            Ok(DatabaseUrl(text.to_owned()))
        }
        Some(("postgres" | "postgresql", rest))
            if rest.starts_with("//") && Url::parse(text).is_ok() =>
        {
            Ok(DatabaseUrl(text.to_owned()))
        }
        Some(("mysql" | "mariadb", _)) => Err(Refusal::Words(
            "MySQL and MariaDB are not supported: must be sqlite:<file> or postgres://…".to_owned(),
        )),
        _ => Err(Refusal::Form),
    }
}

pub(super) fn auth_mode(text: &str) -> Parsed<AuthMode> {
    match text {
        "local" => Ok(AuthMode::Local),
        "mock" => Ok(AuthMode::Mock),
        "scaikey" => Ok(AuthMode::Scaikey),
        "hybrid" => Ok(AuthMode::Hybrid),
        _ => Err(Refusal::Form),
    }
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(Refusal::Form),
    }
}

/// A filter that the logging library takes; kept as text, because the library's type is not `Clone`.
pub(super) fn log_filter(text: &str) -> Parsed<String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(Refusal::Because(error.to_string())),
    }
}
