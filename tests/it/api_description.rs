//! The API describes itself: `/v1/openapi.json` for programs, `/v1/docs` for people.

use std::collections::BTreeSet;

use crate::support::{Backend, Server, routes_in_source};

#[tokio::test]
async fn every_route_of_the_source_is_described() {
    let server = Server::start(Backend::Sqlite, &[]).await;
    let document = server.stranger().get("/v1/openapi.json").await.ok();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert!(described.len() > 60, "{described:?}");
    assert_eq!(described, routes_in_source());
}

#[tokio::test]
async fn people_read_it_as_a_page_that_loads_nothing() {
    let server = Server::start(Backend::Sqlite, &[]).await;
    let page = server.stranger().get("/v1/docs").await;
    assert_eq!(page.status, 200);
    let header = |name: &str| page.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    let policy = header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(page.text.contains("/v1/rooms/{room_id}/send"));
    assert!(!page.text.contains("<script"));
}
