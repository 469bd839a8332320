//! From a failed deserialisation or validation to `details.fields` of a 422, without repeating anything that was sent.
//!
//! serde and garde speak in sentences, and serde's quote the value. [`reason`](Field::reason) is therefore read from how a sentence
//! begins, and the message is made anew. Rules of a domain that garde does not have are functions for `#[garde(custom(…))]`
//! that fail with [`refuse`].

use std::borrow::Cow;
use std::fmt::Display;

use garde::i18n::{I18n, InvalidCreditCard, InvalidEmail, InvalidPhoneNumber, InvalidUrl, IpKind};

use crate::error::{Error, Field, Reason};

/// How many fields an answer lists at most: a list of a thousand bad elements is not worth a thousand lines.
const MOST_LISTED: usize = 50;

/// A failed rule of a domain, to be returned by a function named in `#[garde(custom(…))]`.
///
/// `message` goes to the client: it says what would be right and never repeats the value.
#[must_use]
pub fn refuse(reason: Reason, message: impl Display) -> garde::Error {
    garde::Error::new(mark(reason, message))
}

/// Checks the rules of `value`; `root` is `body` or `query`.
///
/// # Errors
/// 422 with every rule that is broken.
pub fn validate<T: garde::Validate<Context = ()>>(value: &T, root: &str) -> Result<(), Error> {
    garde::i18n::with_i18n(Marking, || value.validate()).map_err(|report| {
        let mut fields: Vec<Field> = report
            .iter()
            .take(MOST_LISTED)
            .map(|(path, error)| garde_field(root, path, error))
            .collect();
        // garde's order is its own business; clients and tests get the same one every time.
        fields.sort_by(|one, other| one.path.cmp(&other.path));
        Error::invalid_fields(fields)
    })
}

/// Turns what stopped serde into the 422; `root` is `body` or `query`.
pub(super) fn undeserializable<E: Display>(
    root: &str,
    error: &serde_path_to_error::Error<E>,
) -> Error {
    let sentence = error.inner().to_string();
    let (reason, name) = classify(&sentence);
    let message = match (reason, expected(&sentence)) {
        (Reason::Missing, _) => Cow::Borrowed("is required"),
        (Reason::Duplicate, _) => Cow::Borrowed("occurs twice"),
        (Reason::UnknownKey, _) => Cow::Borrowed("is not known"),
        (Reason::Range, _) => Cow::Borrowed("is out of range"),
        (_, Some(expected)) => Cow::Owned(format!("must be {}", in_json_words(expected))),
        (_, None) => Cow::Borrowed("does not have the right form"),
    };
    let parent = error.path().to_string();
    let path = join(root, if parent == "." { "" } else { &parent });
    // Of a field that is not there, or is there twice, serde only knows where it should be.
    let path = match name {
        Some(name) if !path.ends_with(&format!(".{name}")) => join(&path, name),
        _ => path,
    };
    Error::validation(path, reason, message)
}

/// The reason, and the field that serde names in its sentence.
fn classify(sentence: &str) -> (Reason, Option<&str>) {
    const BEGINNINGS: [(&str, Reason); 14] = [
        ("missing field `", Reason::Missing),
        ("duplicate field `", Reason::Duplicate),
        ("unknown field `", Reason::UnknownKey),
        ("unknown variant `", Reason::Enum),
        ("invalid type: ", Reason::Type),
        ("invalid value: integer", Reason::Range),
        ("invalid value: floating point", Reason::Range),
        ("invalid value: ", Reason::Format),
        ("invalid length ", Reason::Length),
        // What the standard library says of numbers and flags in query strings and forms.
        ("invalid digit found in string", Reason::Type),
        ("cannot parse integer from empty string", Reason::Type),
        ("provided string was not `true` or `false`", Reason::Type),
        ("number too large to fit in target type", Reason::Range),
        ("number too small to fit in target type", Reason::Range),
    ];
    let found = BEGINNINGS
        .iter()
        .find_map(|(beginning, reason)| Some((*reason, sentence.strip_prefix(beginning)?)));
    match found {
        Some((reason @ (Reason::Missing | Reason::Duplicate), rest)) => {
            (reason, rest.split_once('`').map(|(name, _)| name))
        }
        Some((reason, _)) => (reason, None),
        None => (Reason::Format, None),
    }
}

/// What serde says would be right: the text after the last `expected`, which no sent value can reach.
fn expected(sentence: &str) -> Option<&str> {
    let (_, expected) = sentence.rsplit_once(", expected ")?;
    // serde_json adds the place in the text.
    Some(
        expected
            .split_once(" at line ")
            .map_or(expected, |(expected, _)| expected),
    )
}

/// serde names Rust types where clients know JSON ones.
fn in_json_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
            "a whole number"
        }
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        "unit" => "null",
        name if name.starts_with("struct ") => "an object",
        words => words,
    }
}

fn garde_field(root: &str, path: &garde::Path, error: &garde::Error) -> Field {
    let (reason, message) = read_mark(error.message());
    Field {
        path: join(root, &path.to_string()),
        reason,
        message: Cow::Owned(message.to_owned()),
    }
}

/// The path of a field below `root`.
pub(super) fn join(root: &str, path: &str) -> String {
    match path {
        "" => root.to_owned(),
        index if index.starts_with('[') => format!("{root}{index}"),
        name => format!("{root}.{name}"),
    }
}

/// Between the reason and the message of a garde error, which has room for one text only.
const MARK: char = '\u{1f}';

fn mark(reason: Reason, message: impl Display) -> String {
    format!("{}{MARK}{message}", reason.as_str())
}

fn read_mark(text: &str) -> (Reason, &str) {
    match text.split_once(MARK) {
        Some((word, message)) => (Reason::from_word(word).unwrap_or(Reason::Format), message),
        None => (Reason::Format, text),
    }
}

/// Makes garde say the reason with each message.
struct Marking;

impl Marking {
    fn say(reason: Reason, message: impl Display) -> Cow<'static, str> {
        Cow::Owned(mark(reason, message))
    }
}

impl I18n for Marking {
    fn length_lower_than(&self, min: usize) -> Cow<'static, str> {
        Self::say(
            Reason::Length,
            format_args!("must have a length of at least {min}"),
        )
    }
    fn length_greater_than(&self, max: usize) -> Cow<'static, str> {
        Self::say(
            Reason::Length,
            format_args!("must have a length of at most {max}"),
        )
    }
    fn range_lower_than(&self, min: &dyn Display) -> Cow<'static, str> {
        Self::say(Reason::Range, format_args!("must be at least {min}"))
    }
    fn range_greater_than(&self, max: &dyn Display) -> Cow<'static, str> {
        Self::say(Reason::Range, format_args!("must be at most {max}"))
    }
    fn credit_card_invalid(&self, _: InvalidCreditCard) -> Cow<'static, str> {
        Self::say(Reason::Format, "must be a credit card number")
    }
    fn pattern_no_match(&self, pattern: &dyn Display) -> Cow<'static, str> {
        Self::say(Reason::Format, format_args!("must match {pattern}"))
    }
    fn contains_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        Self::say(Reason::Format, format_args!("must contain {pattern}"))
    }
    fn url_invalid(&self, _: InvalidUrl) -> Cow<'static, str> {
        Self::say(Reason::Format, "must be a URL")
    }
    fn prefix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        Self::say(Reason::Format, format_args!("must begin with {pattern}"))
    }
    fn suffix_missing(&self, pattern: &dyn Display) -> Cow<'static, str> {
        Self::say(Reason::Format, format_args!("must end with {pattern}"))
    }
    fn phone_number_invalid(&self, _: InvalidPhoneNumber) -> Cow<'static, str> {
        Self::say(Reason::Format, "must be a phone number")
    }
    fn ip_invalid(&self, kind: IpKind) -> Cow<'static, str> {
        Self::say(Reason::Format, format_args!("must be an {kind} address"))
    }
    fn matches_field_mismatch(&self, field: &dyn Display) -> Cow<'static, str> {
        Self::say(Reason::Conflict, format_args!("must equal {field}"))
    }
    fn email_invalid(&self, _: InvalidEmail) -> Cow<'static, str> {
        Self::say(Reason::Format, "must be an e-mail address")
    }
    fn ascii_invalid(&self) -> Cow<'static, str> {
        Self::say(Reason::Format, "must be ASCII")
    }
    fn alphanumeric_invalid(&self) -> Cow<'static, str> {
        Self::say(Reason::Format, "must consist of letters and digits")
    }
    fn required_not_set(&self) -> Cow<'static, str> {
        Self::say(Reason::Missing, "is required")
    }
}
