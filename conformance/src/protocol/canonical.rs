//! The canonical form that is hashed and signed: RFC 8785 (JCS).

use serde_json::{Number, Value};

/// The canonical bytes of a value.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&number_text(number)),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            // RFC 8785 orders by UTF-16 code units, not by bytes.
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (at, (key, member)) in sorted.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_text(key, out);
                out.push(':');
                write(member, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A number as ECMAScript writes it.
fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float_text(float),
        _ => number.to_string(),
    }
}

fn float_text(float: f64) -> String {
    if float == 0.0 {
        return "0".to_owned();
    }
    // Rust's exponent form has the shortest digits that read back the same, as ECMAScript's has.
    let scientific = format!("{:e}", float.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let sign = if float < 0.0 { "-" } else { "" };
    format!("{sign}{}", placed(&digits, point))
}

/// `digits` with the decimal point after the first `point` of them (ECMA-262, Number::toString).
fn placed(digits: &str, point: i32) -> String {
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    if (-5..=0).contains(&point) {
        return format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize));
    }
    if (1..=21).contains(&point) {
        if count <= point {
            return format!(
                "{digits}{}",
                "0".repeat((point - count).unsigned_abs() as usize)
            );
        }
        let (whole, part) = digits.split_at(point.unsigned_abs() as usize);
        return format!("{whole}.{part}");
    }
    let exponent = point - 1;
    let sign = if exponent < 0 { "-" } else { "+" };
    let (first, rest) = digits.split_at(1.min(digits.len()));
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!(".{rest}")
    };
    format!("{first}{rest}e{sign}{}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_ordered_by_utf_16() {
        let value: Value = serde_json::from_str(r#"{"\uFB33":1,"\uD83D\uDE00":2}"#).expect("JSON");
        let text = canonical(&value);
        assert_eq!(
            super::super::hex(text.as_bytes()),
            "7b22f09f9880223a322c22efacb3223a317d"
        );
        assert_eq!(
            super::super::hash_text(text.as_bytes()),
            "sha256:ec4e7d8c2963caa38dccc3d42693719ac9c6ecd783891b583d333565620ac2be"
        );
    }

    #[test]
    fn numbers_are_written_as_ecmascript_writes_them() {
        for (float, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (4.5, "4.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-7, "1.5e-7"),
            (5e-324, "5e-324"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (0.1 + 0.2, "0.30000000000000004"),
            (333_333_333.333_333_3, "333333333.3333333"),
        ] {
            assert_eq!(float_text(float), text);
        }
    }

    #[test]
    fn texts_escape_no_more_than_needed() {
        assert_eq!(
            canonical(&json!("\u{8}\t\n\u{c}\r\"\\/\u{1f}\u{7f}é🦀")),
            "\"\\b\\t\\n\\f\\r\\\"\\\\/\\u001f\u{7f}é🦀\""
        );
    }
}
