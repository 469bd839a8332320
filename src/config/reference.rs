//! The reference page of the settings, made from the table: `docs/settings.md` is what [`markdown`] returns.

use std::fmt::Write;

use super::settings::{ALL, Default, Secrecy, Setting};

const HEAD: &str = "\
# Settings

Made by `scaiwave show-config --reference`; a test compares this page with the program.

Settings come from the environment only. A wrong value stops the start and is named with what would be right; unknown
`SCAIWAVE_*` names are warned of; an empty value counts as not set. Those marked \"or `_FILE`\" can also be put into a file that
`<NAME>_FILE` names. `scaiwave show-config` shows what applies.

| Variable | Value | Default | Meaning |
|---|---|---|---|
";

/// The page, in Markdown.
#[must_use]
pub fn markdown() -> String {
    ALL.iter().fold(HEAD.to_owned(), |mut page, setting| {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{}", row(setting));
        page
    })
}

fn row(setting: &Setting) -> String {
    let default = match setting.default {
        Default::Value(value) => format!("`{value}`"),
        Default::Derived(words) => words.to_owned(),
        Default::Nothing => String::new(),
    };
    let file = match setting.secrecy {
        Secrecy::Public => "",
        Secrecy::Password | Secrecy::Secret => " or `_FILE`",
    };
    let Setting {
        name,
        form,
        meaning,
        ..
    } = setting;
    format!("| `{name}`{file} | {form} | {default} | {meaning} |")
}
