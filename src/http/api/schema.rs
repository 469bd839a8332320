//! Schemas of types as JSON, and what requests and answers make of them.

use serde_json::{Value, json};
use utoipa::ToSchema;

/// A type's schema and those that belong to it.
pub(super) struct Shape {
    pub(super) schema: Value,
    /// The type's name and schema, or those of what it is a list of, if that is a structure.
    pub(super) own: Option<(String, Value)>,
    /// Those that it refers to.
    pub(super) named: Vec<(String, Value)>,
}

impl Shape {
    pub(super) fn of<T: ToSchema>() -> Self {
        let mut named = Vec::new();
        T::schemas(&mut named);
        let named = named.iter();
        let named = named.map(|(name, schema)| (name.clone(), as_json(schema)));
        let schema = as_json(&T::schema());
        let whole = schema.get("items").unwrap_or(&schema);
        let name = || short_name(std::any::type_name::<T>()).to_owned();
        Self {
            own: is_structure(whole).then(|| (name(), whole.clone())),
            named: named.collect(),
            schema,
        }
    }
}

fn as_json<T: serde::Serialize>(schema: &T) -> Value {
    // A schema that is not JSON does not exist; a test looks at every route's.
    serde_json::to_value(schema).unwrap_or_default()
}

fn is_structure(schema: &Value) -> bool {
    schema.get("properties").is_some() || schema.get("allOf").is_some()
}

/// `Room` of `scaiwave::rooms::model::Room` and of a list of such.
fn short_name(type_name: &str) -> &str {
    let list = type_name.strip_prefix("alloc::vec::Vec<");
    let item = list.and_then(|rest| rest.strip_suffix('>'));
    let plain = item.unwrap_or(type_name).split('<').next();
    plain
        .and_then(|path| path.rsplit("::").next())
        .unwrap_or(type_name)
}

/// The members of an object as parameters, which are never null.
pub(super) fn parameters(object: &Value, place: &str) -> Vec<Value> {
    let members = object.get("properties").and_then(Value::as_object);
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = without_null(schema.clone());
        let about = schema
            .as_object_mut()
            .and_then(|schema| schema.remove("description"));
        let mut parameter = json!({
            "in": place,
            "name": name,
            "required": is_required(object, name),
            "schema": schema,
        });
        if let Some(about) = about {
            parameter["description"] = about;
        }
        parameter
    };
    members.into_iter().flatten().map(parameter).collect()
}

pub(super) fn is_required(object: &Value, name: &str) -> bool {
    let required = object.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|one| one == name))
}

fn null() -> Value {
    json!({"type": "null"})
}

fn without_null(mut schema: Value) -> Value {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [only] = types.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("oneOf") {
        choices.retain(|choice| *choice != null());
        if let [only] = choices.as_slice() {
            return only.clone();
        }
    }
    schema
}

fn may_be_null(schema: &Value) -> bool {
    let among = |list: &str, wanted: &Value| {
        let list = schema.get(list).and_then(Value::as_array);
        list.is_some_and(|list| list.contains(wanted))
    };
    among("type", &json!("null")) || among("oneOf", &null())
}

/// An answer's schema: a member that may be null is always there, as serde writes it. One that serde leaves out has
/// `#[schema(nullable = false)]` beside its `skip_serializing_if`.
pub(super) fn answered(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(object) => {
            for part in object.values_mut() {
                *part = answered(part.take());
            }
        }
        Value::Array(parts) => {
            for part in parts {
                *part = answered(part.take());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    let members = schema.get("properties").and_then(Value::as_object);
    let always: Vec<Value> = members
        .into_iter()
        .flatten()
        .filter(|(name, member)| is_required(&schema, name) || may_be_null(member))
        .map(|(name, _)| json!(name))
        .collect();
    if !always.is_empty() {
        schema["required"] = Value::Array(always);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_called_as_in_the_source() {
        for (type_name, short) in [
            ("scaiwave::rooms::model::Room", "Room"),
            ("alloc::vec::Vec<scaiwave::rooms::model::Room>", "Room"),
            ("a::Page<b::Room>", "Page"),
            ("bool", "bool"),
        ] {
            assert_eq!(short_name(type_name), short);
        }
    }

    #[test]
    fn parameters_are_never_null() {
        let query = json!({
            "properties": {
                "q": {"type": ["string", "null"], "description": "What to look for."},
                "state": {"oneOf": [{"$ref": "#/components/schemas/State"}, {"type": "null"}]},
                "ids": {"type": "string"},
            },
            "required": ["ids"],
        });
        assert_eq!(
            parameters(&query, "query"),
            [
                json!({"in": "query", "name": "ids", "required": true, "schema": {"type": "string"}}),
                json!({"in": "query", "name": "q", "required": false, "schema": {"type": "string"}, "description": "What to look for."}),
                json!({"in": "query", "name": "state", "required": false, "schema": {"$ref": "#/components/schemas/State"}}),
            ]
        );
    }

    #[test]
    fn members_of_answers_are_there_even_if_null() {
        let schema = json!({
            "properties": {
                "id": {"type": "string"},
                "bio": {"type": ["string", "null"]},
                "password": {"type": "string"},
                "thread": {"properties": {"last": {"oneOf": [{"type": "null"}, {"$ref": "#/x"}]}}},
            },
            "required": ["id"],
        });
        let schema = answered(schema);
        assert_eq!(schema["required"], json!(["bio", "id"]));
        assert_eq!(schema["properties"]["thread"]["required"], json!(["last"]));
    }
}
