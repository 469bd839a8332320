//! The description put together: OpenAPI 3.1 as JSON.

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::Documented;
use super::describe::{Answer, Described, SignIn};
use super::schema::answered;
use crate::catalogue::Code;

/// The scheme of signing in with a header, and with the query.
const BEARER: &str = "bearer";
const QUERY_TOKEN: &str = "query_token";

/// Schemas by the names under which others refer to them.
type Named = BTreeMap<String, Value>;

/// The description of these routes.
#[must_use]
pub fn of(routes: &[Documented]) -> Value {
    let named = named(routes);
    let mut paths: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    let mut refused = BTreeSet::new();
    for route in routes {
        // A parameter that may hold slashes is one like any other in a description.
        let path = route.path.replace("{*", "{");
        let item = paths.entry(path).or_default();
        for (method, described) in &route.methods {
            refused.extend(described.refused(method));
            let operation = operation(route.path, method, described, &named);
            item.insert(method.as_str().to_ascii_lowercase(), operation);
        }
    }
    let responses = refused
        .into_iter()
        .map(|status| (name(status), refusal(status)));
    let mut schemas = named.clone();
    schemas.insert("Error".to_owned(), error());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ScaiWave",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "The API for clients.",
            "description": "Success is `{\"data\": …, \"meta\": …}`, a refusal `{\"error\": {\"code\": …}}`; match on the code. \
                            Unknown members of a body are ignored. Times are ISO 8601 in UTC with milliseconds.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": responses.collect::<Map<_, _>>(),
            "securitySchemes": {
                BEARER: {"type": "http", "scheme": "bearer", "description": "An access token of `/v1/auth/token`, or one made for scripts."},
                QUERY_TOKEN: {"type": "apiKey", "in": "query", "name": "token", "description": "The same, where no header can be set."},
            },
        },
    })
}

/// Every schema that has a name, by it.
fn all(routes: &[Documented]) -> BTreeMap<String, Vec<Value>> {
    let methods = || routes.iter().flat_map(|route| &route.methods);
    let taken: BTreeSet<&str> = methods()
        .flat_map(|(_, described)| &described.taken)
        .map(|(name, _)| name.as_str())
        .collect();
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (_, described) in methods() {
        let given = described.given.iter().map(|(name, schema)| {
            let schema = match taken.contains(name.as_str()) {
                true => schema.clone(),
                false => answered(schema.clone()),
            };
            (name, schema)
        });
        let requested = described.taken.iter();
        let requested = requested.map(|(name, schema)| (name, schema.clone()));
        for (name, schema) in requested.chain(given) {
            let schemas = all.entry(name.clone()).or_default();
            if !schemas.contains(&schema) {
                schemas.push(schema);
            }
        }
    }
    all
}

/// Those whose names are theirs alone. The others stand where they are used.
fn named(routes: &[Documented]) -> Named {
    let all = all(routes).into_iter();
    let alone = all.filter_map(|(name, mut schemas)| match schemas.len() {
        1 => Some((name, schemas.pop()?)),
        _ => None,
    });
    let alone: Named = alone.collect();
    let within =
        |(name, schema): (&String, &Value)| (name.clone(), referring_within(schema, &alone));
    alone.iter().map(within).collect()
}

fn place(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

/// The schema with a reference wherever a named structure stands in it.
fn referring(schema: &Value, named: &Named) -> Value {
    let same = named.iter().find(|(_, known)| *known == schema);
    match same {
        Some((name, _)) => json!({"$ref": place(name)}),
        None => referring_within(schema, named),
    }
}

fn referring_within(schema: &Value, named: &Named) -> Value {
    match schema {
        Value::Object(object) => {
            let part = |(key, part): (&String, &Value)| match (key.as_str(), part) {
                // Parts of a structure are none themselves, even if they look like one.
                ("allOf", Value::Array(parts)) => {
                    let parts = parts.iter().map(|part| referring_within(part, named));
                    (key.clone(), parts.collect())
                }
                _ => (key.clone(), referring(part, named)),
            };
            Value::Object(object.iter().map(part).collect())
        }
        Value::Array(parts) => parts.iter().map(|part| referring(part, named)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

fn operation(path: &str, method: &Method, described: &Described, named: &Named) -> Value {
    let (area, summary) = titles(described.handler);
    let parameters: Vec<_> = path_parameters(path, described)
        .chain(described.parameters.iter().cloned())
        .collect();
    let sign_in: Vec<_> = described.sign_in.iter().map(|way| scheme(*way)).collect();
    let mut operation = json!({
        "operationId": id(path, method),
        "tags": [area],
        "summary": summary,
        "security": sign_in,
        "responses": responses(method, described, named),
    });
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = &described.body {
        let schema = json!({"schema": referring(&body.schema, named)});
        let mut content = Map::new();
        if body.or_form {
            let form = "application/x-www-form-urlencoded";
            content.insert(form.to_owned(), schema.clone());
        }
        content.insert(body.media_type.to_owned(), schema);
        // No body is an empty object.
        let required = body.schema.get("required").is_some();
        operation["requestBody"] = json!({"required": required, "content": content});
    }
    operation
}

/// `get_rooms_room_id` for `GET /v1/rooms/{room_id}`: clients are generated with it, so that it changes with the path only.
fn id(path: &str, method: &Method) -> String {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let words = path
        .split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty());
    let method = method.as_str().to_ascii_lowercase();
    std::iter::once(method.as_str())
        .chain(words)
        .collect::<Vec<_>>()
        .join("_")
}

/// The area that a handler belongs to, and what it does: `rooms` and `Set topic` for
/// `scaiwave::rooms::routes::settings::set_topic`.
fn titles(handler: &str) -> (&str, String) {
    let path: Vec<&str> = handler.split("::").collect();
    let routes = path.iter().rposition(|part| *part == "routes");
    let last = path.len().saturating_sub(1);
    let area = routes.unwrap_or(last).checked_sub(1);
    let area = area.and_then(|area| path.get(area).copied());
    let words = path.last().copied().unwrap_or_default().replace('_', " ");
    let mut letters = words.chars();
    let summary = letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    });
    (area.unwrap_or_default(), summary)
}

fn scheme(way: SignIn) -> Value {
    match way {
        SignIn::Bearer => json!({BEARER: []}),
        SignIn::Query => json!({QUERY_TOKEN: []}),
    }
}

fn path_parameters(path: &str, described: &Described) -> impl Iterator<Item = Value> {
    let names = path.split('{').skip(1);
    let names = names.filter_map(|rest| rest.trim_start_matches('*').split('}').next());
    names.zip(&described.path).map(
        |(name, schema)| json!({"in": "path", "name": name, "required": true, "schema": schema}),
    )
}

fn responses(method: &Method, described: &Described, named: &Named) -> Value {
    let mut responses = Map::new();
    for status in described.refused(method) {
        let reference = json!({"$ref": format!("#/components/responses/{}", name(status))});
        responses.insert(status.as_u16().to_string(), reference);
    }
    for answer in &described.answers {
        responses.insert(answer.status.as_u16().to_string(), response(answer, named));
    }
    Value::Object(responses)
}

fn response(answer: &Answer, named: &Named) -> Value {
    match &answer.content {
        Some((media_type, schema)) => {
            let schema = referring(&answered(schema.clone()), named);
            json!({"description": answer.about, "content": {*media_type: {"schema": schema}}})
        }
        None => json!({"description": answer.about}),
    }
}

/// `NotFound` for 404.
fn name(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("Refused");
    reason.replace(' ', "")
}

fn refusal(status: StatusCode) -> Value {
    let codes = Code::ALL.iter().filter(|code| code.status() == status);
    let codes: Vec<_> = codes.map(|code| format!("`{code}`")).collect();
    let mut response = json!({
        "description": codes.join(", "),
        "content": {"application/json": {"schema": {"$ref": place("Error")}}},
    });
    if status == StatusCode::TOO_MANY_REQUESTS {
        let seconds = json!({"type": "integer", "minimum": 1});
        response["headers"] =
            json!({"Retry-After": {"description": "Seconds to wait.", "schema": seconds}});
    }
    response
}

/// What every refusal is, as [`crate::error::render`] writes it.
fn error() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "description": "A refusal.",
        "properties": {
            "error": {
                "type": "object",
                "properties": {
                    "code": {"type": "string", "enum": codes, "description": "What it is, for programs; never changes."},
                    "message": {"type": "string", "description": "What it is, for people."},
                    "request_id": {"type": "string", "description": "Leads to the server's log."},
                    "details": {"type": "object", "description": "More for programs, such as `fields` with `path` and `reason`."},
                },
                "required": ["code", "message", "request_id"],
            },
        },
        "required": ["error"],
    })
}
