//! Judging JSON: equalities and shapes with a reason when they do not hold.

pub mod catalogue;
pub mod shape;
pub mod shapes;

use serde_json::Value;

use crate::check::{Stop, Verdict, failed};

/// Fails with `reason` unless the condition holds.
pub fn must(condition: bool, reason: impl FnOnce() -> String) -> Verdict {
    if condition {
        Ok(())
    } else {
        Err(failed(reason()))
    }
}

/// The member at a JSON pointer must equal `expected`.
pub fn equal(value: &Value, pointer: &str, expected: impl Into<Value>) -> Verdict {
    let expected = expected.into();
    let actual = value.pointer(pointer);
    must(actual == Some(&expected), || match actual {
        Some(actual) => format!("`{pointer}` is {actual}, expected {expected}"),
        None => format!("`{pointer}` is absent, expected {expected}"),
    })
}

/// The text at a JSON pointer.
pub fn text(value: &Value, pointer: &str) -> Result<String, Stop> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| failed(format!("`{pointer}` is not a text in {value}")))
}

/// The integer at a JSON pointer.
pub fn int(value: &Value, pointer: &str) -> Result<i64, Stop> {
    value
        .pointer(pointer)
        .and_then(Value::as_i64)
        .ok_or_else(|| failed(format!("`{pointer}` is not an integer in {value}")))
}

/// The list at a JSON pointer; the empty pointer is the value itself.
pub fn list(value: &Value, pointer: &str) -> Result<Vec<Value>, Stop> {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .cloned()
        .ok_or_else(|| failed(format!("`{pointer}` is not a list in {value}")))
}

/// The row whose member at `pointer` equals `expected`.
pub fn row<'a>(
    rows: &'a [Value],
    pointer: &str,
    expected: impl Into<Value>,
) -> Result<&'a Value, Stop> {
    let expected = expected.into();
    find(rows, pointer, &expected)
        .ok_or_else(|| failed(format!("no row with `{pointer}` = {expected}")))
}

/// No row may have this member.
pub fn no_row(rows: &[Value], pointer: &str, expected: impl Into<Value>) -> Verdict {
    let expected = expected.into();
    must(find(rows, pointer, &expected).is_none(), || {
        format!("unexpected row with `{pointer}` = {expected}")
    })
}

fn find<'a>(rows: &'a [Value], pointer: &str, expected: &Value) -> Option<&'a Value> {
    rows.iter()
        .find(|row| row.pointer(pointer) == Some(expected))
}
