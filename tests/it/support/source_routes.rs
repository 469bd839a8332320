//! Routes as the source has them, so that a test can find one that a table or the description lacks.

use std::collections::BTreeSet;
use std::path::Path;

/// Methods and paths of all routes for clients, such as `GET /v1/me`.
pub(crate) fn routes_in_source() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    routes_below(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    found
}

fn routes_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_str().unwrap();
        if path.is_dir() {
            routes_below(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("_tests.rs") {
            routes_in(&std::fs::read_to_string(&path).unwrap(), found);
        }
    }
}

fn routes_in(source: &str, found: &mut BTreeSet<String>) {
    for rest in source.split(".route(").skip(1) {
        let call = arguments(rest);
        let mut quoted = call.split('"');
        let Some(path) = quoted.nth(1).filter(|path| path.starts_with("/v1/")) else {
            continue;
        };
        let handlers = quoted.next().unwrap_or_default();
        for method in ["get", "post", "put", "delete", "patch"] {
            if handlers.contains(&format!("{method}(")) {
                let path = path.replace("{*", "{");
                found.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
}

/// What stands before the parenthesis that closes a call.
fn arguments(rest: &str) -> &str {
    let mut open = 1;
    let end = rest.find(|character| {
        match character {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        open == 0
    });
    rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
}
