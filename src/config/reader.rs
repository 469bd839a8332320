//! Takes settings out of an environment, and collects what is wrong instead of stopping at the first mistake.

use std::collections::BTreeMap;
use std::fmt;

use super::settings::{self, Default, Secrecy, Setting};

/// The start of every variable that is ours.
const PREFIX: &str = "SCAIWAVE_";

/// A variable whose value cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    name: String,
    /// The value, where it may be shown.
    value: Option<String>,
    expected: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            value,
            expected,
        } = self;
        match value {
            Some(value) => write!(f, "{name} is {value:?}, but {expected}"),
            None => write!(f, "{name} {expected}"),
        }
    }
}

/// Everything that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used:")?;
        self.0
            .iter()
            .try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// A setting as it applies, for `show-config`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// The variable.
    pub name: &'static str,
    /// Its value with secrets masked; nothing if it is not set and has no default.
    pub value: Option<String>,
    /// Where the value comes from.
    pub source: Source,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The environment.
    Environment,
    /// The file that `<NAME>_FILE` names.
    File,
    /// The default.
    Default,
}

/// What a parser says of a value that it refuses.
pub(super) enum Refusal {
    /// It does not have the setting's form.
    Form,
    /// It does not have the setting's form, for this reason.
    Because(String),
    /// These words replace the form.
    Words(String),
}

pub(super) struct Reader {
    environment: BTreeMap<String, String>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
    pub(super) shown: Vec<Shown>,
}

impl Reader {
    /// Keeps what is ours. An empty value counts as not set: that is how container files leave a variable out.
    pub(super) fn new(environment: impl IntoIterator<Item = (String, String)>) -> Self {
        let environment = environment
            .into_iter()
            .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
            .collect();
        Self {
            environment,
            problems: Vec::new(),
            warnings: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// The value of a setting that always has one. `None` only after a problem was noted.
    pub(super) fn value<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl Fn(&str) -> Result<T, Refusal>,
    ) -> Option<T> {
        self.read(setting, parse)?
    }

    /// The value of a setting that may be absent. The outer `None` only after a problem was noted.
    #[expect(clippy::option_option, reason = "absent and wrong are two things")]
    pub(super) fn read<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl Fn(&str) -> Result<T, Refusal>,
    ) -> Option<Option<T>> {
        let (text, source) = self.text(setting)?;
        self.shown.push(Shown {
            name: setting.name,
            value: text.as_deref().map(|text| mask(setting, text)),
            source,
        });
        let Some(text) = text else {
            return Some(None);
        };
        match parse(&text) {
            Ok(value) => Some(Some(value)),
            Err(refusal) => {
                let form = setting.form;
                let expected = match refusal {
                    Refusal::Form => format!("must be {form}"),
                    Refusal::Because(reason) => format!("must be {form}: {reason}"),
                    Refusal::Words(words) => words,
                };
                self.problem(setting, Some(&text), expected);
                None
            }
        }
    }

    /// Notes that a value cannot be used.
    pub(super) fn problem(
        &mut self,
        setting: &Setting,
        value: Option<&str>,
        expected: impl Into<String>,
    ) {
        let value = match setting.secrecy {
            Secrecy::Secret => None,
            Secrecy::Public | Secrecy::Password => value.map(|value| mask(setting, value)),
        };
        self.problems.push(Problem {
            name: setting.name.to_owned(),
            value,
            expected: expected.into(),
        });
    }

    /// Shows a default that was worked out from other settings.
    pub(super) fn derived(&mut self, setting: &'static Setting, value: impl fmt::Display) {
        let place = self
            .shown
            .iter_mut()
            .find(|shown| shown.name == setting.name);
        if let Some(shown) = place
            && shown.source == Source::Default
        {
            shown.value = Some(mask(setting, &value.to_string()));
        }
    }

    /// Warns of variables that look like ours and are none.
    pub(super) fn warn_of_unknown(&mut self) {
        let is_known = |name: &str| {
            settings::ALL.iter().any(|setting| {
                name == setting.name
                    || setting.secrecy != Secrecy::Public && name == file_variable(setting)
            })
        };
        let unknown = self.environment.keys().filter(|name| !is_known(name));
        self.warnings.extend(
            unknown.map(|name| format!("{name} is not a setting of this version; it is ignored")),
        );
    }

    fn text(&mut self, setting: &'static Setting) -> Option<(Option<String>, Source)> {
        let value = self.environment.get(setting.name).cloned();
        let file = match setting.secrecy {
            Secrecy::Public => None,
            Secrecy::Password | Secrecy::Secret => {
                self.environment.get(&file_variable(setting)).cloned()
            }
        };
        match (value, file) {
            (Some(_), Some(_)) => {
                let expected = format!("must not be set together with {}", file_variable(setting));
                self.problem(setting, None, expected);
                None
            }
            (Some(value), None) => Some((Some(value), Source::Environment)),
            (None, Some(path)) => self.file_text(setting, &path),
            (None, None) => {
                let default = match setting.default {
                    Default::Value(value) => Some(value.to_owned()),
                    Default::Derived(_) | Default::Nothing => None,
                };
                Some((default, Source::Default))
            }
        }
    }

    fn file_text(&mut self, setting: &Setting, path: &str) -> Option<(Option<String>, Source)> {
        match std::fs::read_to_string(path) {
            Ok(text) => Some((
                Some(text.trim_end_matches(['\r', '\n']).to_owned()),
                Source::File,
            )),
            Err(error) => {
                self.problems.push(Problem {
                    name: file_variable(setting),
                    value: Some(path.to_owned()),
                    expected: format!("must name a readable text file: {error}"),
                });
                None
            }
        }
    }
}

fn file_variable(setting: &Setting) -> String {
    format!("{}_FILE", setting.name)
}

fn mask(setting: &Setting, value: &str) -> String {
    match setting.secrecy {
        Secrecy::Public => value.to_owned(),
        Secrecy::Secret => "***".to_owned(),
        Secrecy::Password => mask_password(value),
    }
}

/// Hides what stands between the first `:` after the scheme and the last `@`, and, as drivers take passwords there too, the query.
fn mask_password(url: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, _)) => (address, "?***"),
        None => (url, ""),
    };
    let masked = address.split_once("://").and_then(|(scheme, rest)| {
        let (user_info, host) = rest.rsplit_once('@')?;
        let user = user_info.split(':').next().unwrap_or_default();
        Some(format!("{scheme}://{user}:***@{host}"))
    });
    masked.unwrap_or_else(|| address.to_owned()) + query
}
