//! `scaiwave export-env`: the settings that are set, as lines for an environment file.

use serde_json::{Map, Value};

use super::outcome::{Failure, Outcome};
use crate::config::settings::{ALL, Secrecy};
use crate::config::{Shown, Source};

pub(super) fn run() -> Result<Outcome, Failure> {
    let loaded = super::settings()?;
    let set = loaded
        .config
        .shown
        .iter()
        .filter(|shown| shown.source != Source::Default);
    let (secret, public): (Vec<_>, Vec<_>) = set.partition(|shown| is_secret(shown));
    let lines = public.iter().filter_map(|shown| {
        Some(format!(
            "{}={}\n",
            shown.name,
            quoted(shown.value.as_deref()?)
        ))
    });
    let hints = secret
        .iter()
        .map(|shown| format!("# {} is set, but secrets are not shown\n", shown.name));
    let values = public
        .iter()
        .filter_map(|shown| Some((shown.name.to_owned(), Value::from(shown.value.clone()?))));
    let json: Map<String, Value> = values.collect();
    Ok(Outcome {
        text: lines.chain(hints).collect(),
        json: Value::Object(json),
    })
}

fn is_secret(shown: &Shown) -> bool {
    ALL.iter()
        .any(|setting| setting.name == shown.name && setting.secrecy != Secrecy::Public)
}

/// A value as a shell and an environment file both read it.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=@[]".contains(c);
    if value.chars().all(is_plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn only_what_a_shell_would_touch_is_quoted() {
        assert_eq!(quoted("127.0.0.1:8000"), "127.0.0.1:8000");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
