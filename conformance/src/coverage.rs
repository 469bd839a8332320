//! Which operations of the API a run has asked for, held against the description that the server gives of itself.
//!
//! A server need not describe itself; then there is nothing to compare with. What is asked of a server's own description is
//! only its `paths`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::client::Agent;

/// Where a server describes itself.
const DESCRIPTION: &str = "/v1/openapi.json";

/// A method and a path without its query.
type Request = (String, String);

/// What was asked, and with which statuses it was answered.
#[derive(Clone, Debug, Default)]
pub struct Asked(Arc<Mutex<BTreeMap<Request, BTreeSet<u16>>>>);

impl Asked {
    /// Adds a request and the status of its answer.
    pub fn note(&self, method: &str, path: &str, status: u16) {
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let request = (method.to_ascii_uppercase(), path.to_owned());
        self.lock().entry(request).or_default().insert(status);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Request, BTreeSet<u16>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The operations of a description, and what became of them in a run.
#[derive(Debug)]
pub struct Coverage {
    operations: Vec<Operation>,
}

#[derive(Debug)]
struct Operation {
    method: String,
    path: String,
    seen: BTreeSet<u16>,
}

impl Coverage {
    /// Fetches the description and compares.
    ///
    /// # Errors
    /// Why the description cannot be had.
    pub async fn of(stranger: &Agent, asked: &Asked) -> Result<Coverage, String> {
        let answer = match stranger.get(DESCRIPTION).await {
            Ok(answer) if answer.status == 200 => answer,
            Ok(answer) => return Err(format!("{DESCRIPTION} answers {}", answer.status)),
            Err(stop) => return Err(format!("{DESCRIPTION} cannot be had: {stop:?}")),
        };
        let document = answer
            .body()
            .map_err(|stop| format!("{DESCRIPTION} is no JSON: {stop:?}"))?;
        Ok(Coverage::compare(document, &asked.lock()))
    }

    fn compare(document: &Value, asked: &BTreeMap<Request, BTreeSet<u16>>) -> Coverage {
        let paths = document["paths"].as_object();
        let mut operations: Vec<Operation> = paths
            .into_iter()
            .flatten()
            .flat_map(|(path, item)| described(path, item))
            .collect();
        for ((method, path), statuses) in asked {
            // Of several that fit, the one is meant that is as long, and then the one with fewer variables: `/rooms/archived`
            // is no room.
            let rank = |template: &str| {
                let is_longer = template.matches('/').count() != path.matches('/').count();
                (is_longer, template.matches('{').count())
            };
            let meant = operations
                .iter_mut()
                .filter(|operation| operation.method == *method && fits(&operation.path, path))
                .min_by_key(|operation| rank(&operation.path));
            if let Some(operation) = meant {
                operation.seen.extend(statuses);
            }
        }
        Coverage { operations }
    }

    /// Operations that nothing has asked for.
    pub fn unasked(&self) -> Vec<String> {
        let unasked = self.operations.iter().filter(|one| one.seen.is_empty());
        unasked.map(Operation::name).collect()
    }
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// The operations of one path.
fn described(path: &str, item: &Value) -> Vec<Operation> {
    const METHODS: [&str; 6] = ["get", "put", "post", "delete", "patch", "head"];
    let methods = METHODS.iter().filter(|method| item.get(**method).is_some());
    let operation = |method: &&str| Operation {
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        seen: BTreeSet::new(),
    };
    methods.map(operation).collect()
}

/// Whether a path has the form of a described one. Its last variable may stand for several segments.
fn fits(template: &str, path: &str) -> bool {
    let mut wanted = template.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(part), Some(_)) if part.starts_with('{') => {
                if wanted.clone().next().is_none() {
                    return true;
                }
            }
            (Some(part), Some(text)) if part == text => {}
            _ => return false,
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for operation in &self.operations {
            let name = operation.name();
            if operation.seen.is_empty() {
                writeln!(f, "never asked: {name}")?;
            } else if !operation.seen.iter().any(|status| *status < 400) {
                writeln!(f, "only refused: {name}")?;
            }
        }
        let asked = self.operations.len() - self.unasked().len();
        writeln!(f, "{asked} of {} operations asked", self.operations.len())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_counts_for_the_operation_that_it_means() {
        let responses = json!({"responses": {}});
        let document = json!({"paths": {
            "/v1/rooms/{room_id}": {"get": responses, "parameters": []},
            "/v1/rooms/{room_id}/events/{event_id}": {"get": responses},
            "/v1/rooms/archived": {"get": responses},
            "/v1/directory/alias/{alias}": {"get": responses},
            "/v1/me": {"get": responses, "put": responses},
        }});
        let asked = Asked::default();
        asked.note("GET", "/v1/rooms/archived?limit=1", 200);
        asked.note("GET", "/v1/rooms/1/events/2", 200);
        asked.note("GET", "/v1/directory/alias/a/b", 404);
        asked.note("get", "/v1/me", 200);
        asked.note("GET", "/v1/me", 401);
        asked.note("GET", "/v1/nowhere/else", 404);
        let coverage = Coverage::compare(&document, &asked.lock());
        assert_eq!(
            coverage.unasked(),
            ["PUT /v1/me", "GET /v1/rooms/{room_id}"]
        );
        let told = coverage.to_string();
        assert!(told.contains("only refused: GET /v1/directory/alias/{alias}\n"));
        assert!(told.ends_with("4 of 6 operations asked\n"), "{told}");
    }
}
