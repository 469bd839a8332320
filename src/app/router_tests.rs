use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::description;

/// Every operation, with its method and path.
fn operations(document: &Value) -> impl Iterator<Item = (String, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().unwrap();
        methods
            .iter()
            .map(move |(method, operation)| (format!("{method} {path}"), path.as_str(), operation))
    })
}

/// Every object in a value.
fn objects<'a>(value: &'a Value, found: &mut Vec<&'a serde_json::Map<String, Value>>) {
    match value {
        Value::Object(object) => {
            found.push(object);
            object.values().for_each(|part| objects(part, found));
        }
        Value::Array(parts) => parts.iter().for_each(|part| objects(part, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = description();
    let mut all = Vec::new();
    objects(&document, &mut all);
    let references = all.iter().filter_map(|object| object.get("$ref")?.as_str());
    let mut count = 0;
    for reference in references {
        count += 1;
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(
            document.pointer(pointer).is_some(),
            "{reference} leads nowhere: either two types in bodies have this name (rename one, or give it \
             `#[schema(as = …)]`), or a type in a body has type parameters, which its references lose"
        );
    }
    assert!(count > 100, "{count} references were found");
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = description();
    let mut seen = BTreeMap::new();
    for (place, _, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let before = seen.insert(id.to_owned(), place.clone());
        assert_eq!(before, None, "{id} is also {place}");
    }
    assert!(seen.len() > 60, "{} operations were found", seen.len());
}

#[test]
fn the_path_s_parameters_are_those_that_the_handler_takes() {
    let document = description();
    for (place, path, operation) in operations(&document) {
        let in_text = path.split('{').skip(1);
        let in_text: BTreeSet<&str> = in_text.filter_map(|rest| rest.split('}').next()).collect();
        let parameters = operation["parameters"].as_array();
        let parameters = parameters.map_or(&[][..], Vec::as_slice);
        let taken: Vec<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| {
                assert_eq!(parameter["required"], true, "{place}");
                parameter["name"].as_str().unwrap()
            })
            .collect();
        assert_eq!(
            taken.iter().copied().collect::<BTreeSet<_>>(),
            in_text,
            "{place}"
        );
        let names: BTreeSet<_> = parameters
            .iter()
            .map(|parameter| format!("{} {}", parameter["in"], parameter["name"]))
            .collect();
        assert_eq!(
            names.len(),
            parameters.len(),
            "{place} has a parameter twice"
        );
    }
}

#[test]
fn the_form_is_that_of_openapi_3_1() {
    let document = description();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    for (place, path, operation) in operations(&document) {
        assert!(path.starts_with("/v1/"), "{place}");
        let parameters = operation["parameters"].as_array();
        for parameter in parameters.into_iter().flatten() {
            assert!(
                parameter["name"].is_string() && parameter["schema"].is_object(),
                "{place}"
            );
            let within = parameter["in"].as_str().unwrap();
            assert!(["path", "query", "header"].contains(&within), "{place}");
        }
        let responses = operation["responses"].as_object().unwrap();
        for (status, response) in responses {
            assert!((100..600).contains(&status.parse().unwrap()), "{place}");
            assert!(
                response["$ref"].is_string() || response["description"].is_string(),
                "{place}"
            );
        }
        for scheme in operation["security"].as_array().unwrap() {
            for name in scheme.as_object().unwrap().keys() {
                let schemes = &document["components"]["securitySchemes"];
                assert!(
                    schemes[name].is_object(),
                    "{place} is signed in to by {name}"
                );
            }
        }
    }
    let mut all = Vec::new();
    objects(&document, &mut all);
    let types = [
        "object", "array", "string", "integer", "number", "boolean", "null",
    ];
    for object in all {
        assert!(!object.contains_key("nullable"), "3.0's word: {object:?}");
        let one_type = |name: &Value| types.contains(&name.as_str().unwrap());
        match object.get("type") {
            Some(Value::Array(several)) => assert!(several.iter().all(one_type), "{object:?}"),
            // The type of a member called `type` is an object.
            Some(Value::String(_))
                if object.contains_key("scheme") || object.contains_key("in") => {}
            Some(name @ Value::String(_)) => assert!(one_type(name), "{object:?}"),
            _ => {}
        }
    }
}

#[test]
fn each_operation_says_what_it_answers_and_who_may_ask() {
    let document = description();
    let mut open = BTreeSet::new();
    for (place, _, operation) in operations(&document) {
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses
                .keys()
                .any(|status| !status.starts_with(['4', '5'])),
            "{place} never succeeds"
        );
        for refusal in ["500", "503"] {
            assert!(responses.contains_key(refusal), "{place}: {refusal}");
        }
        let data = operation.pointer("/responses/200/content/application~1json/schema");
        if let Some(data) = data.filter(|_| !place.ends_with("/v1/openapi.json")) {
            assert!(data["properties"]["data"].is_object(), "{place}: {data}");
        }
        match operation["security"].as_array().unwrap().as_slice() {
            [] => drop(open.insert(place)),
            _ => assert!(responses.contains_key("401"), "{place}"),
        }
    }
    let doors = open.iter().filter(|place| !place.contains(" /v1/auth/"));
    assert_eq!(
        doors.collect::<Vec<_>>(),
        ["get /v1/docs", "get /v1/openapi.json"],
        "nothing but signing in and this description is open to everybody"
    );
}

#[test]
fn a_room_is_described_as_it_is_shown() {
    let document = description();
    let operation = &document["paths"]["/v1/rooms/{room_id}"]["get"];
    let answer = &operation["responses"]["200"]["content"]["application/json"]["schema"];
    assert_eq!(
        answer["properties"]["data"]["$ref"],
        "#/components/schemas/Room"
    );
    let room = &document["components"]["schemas"]["Room"];
    assert_eq!(
        room["properties"]["name"]["type"],
        serde_json::json!(["string", "null"])
    );
    let required = room["required"].as_array().unwrap();
    assert_eq!(
        required.len(),
        room["properties"].as_object().unwrap().len()
    );
    let tag = operation["tags"][0].as_str();
    assert_eq!(
        (tag, &operation["summary"]),
        (Some("rooms"), &"Show".into())
    );
}
