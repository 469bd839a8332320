//! Shapes in the specification's own notation: `id id, name str~, roles [str], original_content obj?`.
//!
//! Types: `str`, `int`, `bool`, `obj`, `any`, `id` (lower-case UUID), `time` (ISO 8601 UTC with milliseconds and `Z`),
//! `[x]` list, `{…}` object with members; `x~` may be null, `x?` may be absent. Members not named are not judged.

use serde_json::Value;

use crate::check::{Stop, Verdict, failed};

/// `value` must be an object with the members of `shape`; `what` names it in the reason.
pub fn shape(what: &str, value: &Value, shape: &str) -> Verdict {
    let mut reader = Reader { rest: shape };
    let fields = reader.fields(None)?;
    judge_fields(what, value, &fields)
}

struct Field {
    name: String,
    kind: Kind,
    nullable: bool,
    optional: bool,
}

enum Kind {
    Str,
    Int,
    Bool,
    Obj,
    Any,
    Id,
    Time,
    List(Box<Kind>),
    Members(Vec<Field>),
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn fields(&mut self, end: Option<char>) -> Result<Vec<Field>, Stop> {
        let mut fields = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',', '\n']);
            if self.rest.is_empty() {
                return match end {
                    None => Ok(fields),
                    Some(end) => Err(failed(format!("the suite's shape lacks `{end}`"))),
                };
            }
            if end.is_some_and(|end| self.take(end)) {
                return Ok(fields);
            }
            fields.push(self.field()?);
        }
    }

    fn field(&mut self) -> Result<Field, Stop> {
        let name = self.word();
        self.rest = self.rest.trim_start();
        let kind = self.kind()?;
        let nullable = self.take('~');
        let optional = self.take('?');
        Ok(Field {
            name,
            kind,
            nullable,
            optional,
        })
    }

    fn kind(&mut self) -> Result<Kind, Stop> {
        if self.take('[') {
            let inner = self.kind()?;
            if !self.take(']') {
                return Err(failed("the suite's shape lacks `]`"));
            }
            return Ok(Kind::List(Box::new(inner)));
        }
        if self.take('{') {
            return Ok(Kind::Members(self.fields(Some('}'))?));
        }
        let word = self.word();
        match word.as_str() {
            "str" => Ok(Kind::Str),
            "int" => Ok(Kind::Int),
            "bool" => Ok(Kind::Bool),
            "obj" => Ok(Kind::Obj),
            "any" => Ok(Kind::Any),
            "id" => Ok(Kind::Id),
            "time" => Ok(Kind::Time),
            other => Err(failed(format!("the suite's shape has no type `{other}`"))),
        }
    }

    fn word(&mut self) -> String {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.to_owned()
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}

fn judge_fields(what: &str, value: &Value, fields: &[Field]) -> Verdict {
    let Some(members) = value.as_object() else {
        return Err(failed(format!("{what} is not an object but {value}")));
    };
    for field in fields {
        let path = format!("{what}.{}", field.name);
        match members.get(&field.name) {
            None if field.optional => {}
            None => return Err(failed(format!("{path} is absent"))),
            Some(Value::Null) if field.nullable => {}
            Some(member) => judge(&path, member, &field.kind)?,
        }
    }
    Ok(())
}

fn judge(path: &str, value: &Value, kind: &Kind) -> Verdict {
    let right = match kind {
        Kind::Any => true,
        Kind::Str => value.is_string(),
        Kind::Int => value.is_i64() || value.is_u64(),
        Kind::Bool => value.is_boolean(),
        Kind::Obj => value.is_object(),
        Kind::Id => value.as_str().is_some_and(is_id),
        Kind::Time => value.as_str().is_some_and(is_time),
        Kind::List(inner) => {
            let Some(items) = value.as_array() else {
                return Err(failed(format!("{path} is not a list but {value}")));
            };
            for (at, item) in items.iter().enumerate() {
                judge(&format!("{path}[{at}]"), item, inner)?;
            }
            true
        }
        Kind::Members(fields) => return judge_fields(path, value, fields),
    };
    if right {
        return Ok(());
    }
    Err(failed(format!(
        "{path} is {value}, expected {}",
        name(kind)
    )))
}

fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Str => "a text",
        Kind::Int => "an integer",
        Kind::Bool => "true or false",
        Kind::Obj | Kind::Members(_) => "an object",
        Kind::Any => "anything",
        Kind::Id => "a lower-case UUID",
        Kind::Time => "a time like 2026-01-31T10:00:00.000Z",
        Kind::List(_) => "a list",
    }
}

/// Whether the text is a lower-case UUID with hyphens.
pub fn is_id(text: &str) -> bool {
    follows(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")
}

/// Whether the text is `YYYY-MM-DDThh:mm:ss.mmmZ`.
pub fn is_time(text: &str) -> bool {
    follows(text, "dddd-dd-ddTdd:dd:dd.dddZ")
}

fn follows(text: &str, pattern: &str) -> bool {
    text.chars().count() == pattern.len()
        && text.chars().zip(pattern.chars()).all(|(c, p)| match p {
            'x' => c.is_ascii_digit() || ('a'..='f').contains(&c),
            'd' => c.is_ascii_digit(),
            other => c == other,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_of_the_shape_passes() {
        let value = json!({
            "id": "00000000-0000-7000-8000-000000000000", "at": "2026-01-31T10:00:00.000Z",
            "name": null, "rows": [{"n": 1}], "more": {}
        });
        let verdict = shape(
            "v",
            &value,
            "id id, at time, name str~, rows [{n int}], more obj, x int?",
        );
        assert_eq!(verdict, Ok(()));
    }

    #[test]
    fn each_difference_is_named() {
        for (value, expected) in [
            (json!({}), "v.n is absent"),
            (json!({"n": null}), "v.n is null, expected an integer"),
            (json!({"n": 1.5}), "v.n is 1.5, expected an integer"),
            (json!([]), "v is not an object but []"),
        ] {
            assert_eq!(shape("v", &value, "n int"), Err(failed(expected)));
        }
    }

    #[test]
    fn ids_and_times_are_strict() {
        assert!(!is_id("00000000-0000-7000-8000-00000000000A"));
        assert!(!is_time("2026-01-31T10:00:00Z"));
        assert!(!is_time("2026-01-31T10:00:00.000+00:00"));
    }
}
