//! The description as a page for people. It needs no script and nothing from elsewhere.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::schema::is_required;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;max-width:62em;margin:2em auto;padding:0 1em}\
h2{margin-top:2em;text-transform:capitalize}h3{margin:1.5em 0 .3em}\
nav a{margin-right:1em;text-transform:capitalize}\
code{font-family:ui-monospace,monospace;font-size:.92em;overflow-wrap:anywhere}\
details{border:1px solid #8884;border-radius:.4em;margin:.4em 0;padding:.3em .8em}\
summary{cursor:pointer}summary b{display:inline-block;width:4.5em}summary i{opacity:.7;float:right}\
table{border-collapse:collapse;width:100%}\
td,th{text-align:left;vertical-align:top;padding:.25em .8em .25em 0;border-top:1px solid #8883}\
table table{margin:0}";

/// What the page may load, as `Content-Security-Policy`: the one style, by its hash.
pub(super) fn policy() -> HeaderValue {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    // Base64 has no character that a header could not hold; without a policy of its own the page lacks its style only.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// The page.
pub(super) fn of(document: &Value) -> String {
    let mut areas: BTreeMap<&str, String> = BTreeMap::new();
    for (path, method, operation) in operations(document) {
        let area = text(operation, "/tags/0");
        *areas.entry(area).or_default() += &details(path, method, operation);
    }
    let links: String = areas
        .keys()
        .map(|area| format!("<a href=\"#{0}\">{0}</a> ", escaped(area)))
        .collect();
    let sections: String = areas
        .iter()
        .map(|(area, lines)| format!("<h2 id=\"{0}\">{0}</h2>{lines}", escaped(area)))
        .collect();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>ScaiWave API</title><style>{STYLE}</style></head>\
         <body><h1>ScaiWave API {version}</h1><p>{about}</p>\
         <p>For programs: <a href=\"openapi.json\">openapi.json</a>, OpenAPI 3.1.</p>\
         <nav>{links}<a href=\"#schemas\">schemas</a> <a href=\"#refusals\">refusals</a></nav>{sections}\
         <h2 id=\"schemas\">Schemas</h2>{schemas}<h2 id=\"refusals\">Refusals</h2>{refusals}</body></html>",
        version = escaped(text(document, "/info/version")),
        about = escaped(text(document, "/info/description")),
        schemas = schemas(document),
        refusals = refusals(document),
    )
}

fn members<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let object = value.pointer(pointer).and_then(Value::as_object);
    let members = object.into_iter().flatten();
    members.map(|(name, value)| (name.as_str(), value))
}

fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    members(document, "/paths").flat_map(|(path, item)| {
        let methods = members(item, "");
        methods.map(move |(method, operation)| (path, method, operation))
    })
}

/// One operation, folded to a line.
fn details(path: &str, method: &str, operation: &Value) -> String {
    let sign_in = match items(operation, "/security") {
        [] => "no token",
        _ => "token",
    };
    let mut html = format!(
        "<details id=\"{}\"><summary><code><b>{}</b>{}</code> <i>{} · {sign_in}</i></summary>",
        escaped(text(operation, "/operationId")),
        method.to_uppercase(),
        escaped(path),
        escaped(text(operation, "/summary")),
    );
    let parameters = items(operation, "/parameters");
    if !parameters.is_empty() {
        let rows: String = parameters.iter().map(parameter).collect();
        html += &format!("<h3>Parameters</h3><table>{rows}</table>");
    }
    let bodies: Vec<_> = members(operation, "/requestBody/content").collect();
    if let Some((_, content)) = bodies.first() {
        let types: Vec<_> = bodies.iter().map(|(media_type, _)| *media_type).collect();
        html += &format!("<h3>Body</h3><p>{}</p>", escaped(&types.join(" or ")));
        html += &content.get("schema").map_or_else(String::new, form);
    }
    html += "<h3>Answers</h3><table>";
    for (status, response) in members(operation, "/responses") {
        html += &format!(
            "<tr><td><code>{status}</code></td><td>{}</td></tr>",
            answer(response)
        );
    }
    html + "</table></details>"
}

fn parameter(parameter: &Value) -> String {
    let required = match parameter.get("required") {
        Some(Value::Bool(true)) => "required",
        _ => "",
    };
    row(
        text(parameter, "/name"),
        &format!(
            "{} <small>{} {required}</small>",
            parameter.get("schema").map_or_else(String::new, form),
            escaped(text(parameter, "/in")),
        ),
        text(parameter, "/description"),
    )
}

fn row(name: &str, form: &str, about: &str) -> String {
    format!(
        "<tr><td><code>{}</code></td><td>{form}</td><td>{}</td></tr>",
        escaped(name),
        escaped(about)
    )
}

fn answer(response: &Value) -> String {
    if let Some(name) = response.get("$ref").and_then(Value::as_str) {
        return link(name);
    }
    let about = escaped(text(response, "/description"));
    let content = members(response, "/content").map(|(media_type, content)| {
        let form = content.get("schema").map_or_else(String::new, form);
        format!(" <small>{}</small> {form}", escaped(media_type))
    });
    about + &content.collect::<String>()
}

/// A link to what a reference names, on the same page.
fn link(reference: &str) -> String {
    let name = escaped(reference.rsplit('/').next().unwrap_or(reference));
    format!("<a href=\"#{name}\">{name}</a>")
}

/// What a value looks like, in words and tables.
fn form(schema: &Value) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return link(reference);
    }
    for (several, word) in [("/oneOf", " or "), ("/anyOf", " or "), ("/allOf", " and ")] {
        let parts = items(schema, several);
        if !parts.is_empty() {
            return parts.iter().map(form).collect::<Vec<_>>().join(word);
        }
    }
    let words = items(schema, "/enum");
    if !words.is_empty() {
        let words = words
            .iter()
            .map(|word| format!("<code>{}</code>", escaped(&word.to_string())));
        return words.collect::<Vec<_>>().join(" ");
    }
    if let Some(item) = schema.get("items") {
        return format!("list of {}", form(item)) + or_null(schema);
    }
    if schema.get("properties").is_some() {
        let rows: String = members(schema, "/properties")
            .map(|(name, member)| {
                let optional = if is_required(schema, name) {
                    ""
                } else {
                    " <small>optional</small>"
                };
                row(
                    name,
                    &(form(member) + optional),
                    text(member, "/description"),
                )
            })
            .collect();
        return format!("<table>{rows}</table>");
    }
    if let Some(value) = schema
        .get("additionalProperties")
        .filter(|value| value.is_object())
    {
        return format!("map to {}", form(value)) + or_null(schema);
    }
    plain(schema)
}

fn or_null(schema: &Value) -> &'static str {
    match items(schema, "/type").iter().any(|one| one == "null") {
        true => " or null",
        false => "",
    }
}

fn plain(schema: &Value) -> String {
    let types: Vec<_> = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(only)) => vec![only.as_str()],
        _ => vec!["anything"],
    };
    let mut words = types.join(" or ");
    for (key, before) in [
        ("format", ", "),
        ("default", ", default "),
        ("minimum", ", from "),
        ("maximum", ", to "),
    ] {
        match schema.get(key) {
            Some(Value::String(text)) => words += &format!("{before}{text}"),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => {
                words += &format!("{before}{value}")
            }
            _ => {}
        }
    }
    escaped(&words)
}

fn schemas(document: &Value) -> String {
    members(document, "/components/schemas")
        .map(|(name, schema)| {
            let name = escaped(name);
            let about = escaped(text(schema, "/description"));
            format!(
                "<h3 id=\"{name}\">{name}</h3><p>{about}</p>{}",
                form(schema)
            )
        })
        .collect()
}

fn refusals(document: &Value) -> String {
    members(document, "/components/responses")
        .map(|(name, response)| {
            let name = escaped(name);
            let codes = escaped(text(response, "/description"));
            format!("<h3 id=\"{name}\">{name}</h3><p>{codes}</p>")
        })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
