//! Files as clients meet them.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::sweep;
use crate::app::test_server::Server;
use crate::messages::flow_tests::House;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nnot much of a picture";
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A form with these fields, the file last.
fn form(fields: &[(&str, &str)], file: Option<(&str, &[u8])>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    if let Some((name, bytes)) = file {
        let head = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: text/html\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}

/// An access token that is good now: a test may have let days pass.
async fn token(house: &House, who: &str) -> String {
    house.ask(who, Method::GET, "/v1/me", json!({})).await.ok();
    house.token(who).await
}

async fn post(house: &House, who: &str, body: Vec<u8>) -> (StatusCode, Value) {
    let request = Request::post("/v1/media/upload")
        .header(
            "authorization",
            format!("Bearer {}", token(house, who).await),
        )
        .header("content-type", "multipart/form-data; boundary=XX")
        .header("content-length", body.len())
        .body(Body::from(body))
        .unwrap();
    house.server.send(request).await
}

/// What an upload that must be taken is answered.
async fn uploaded(house: &House, who: &str, name: &str, bytes: &[u8]) -> Value {
    let (status, body) = post(house, who, form(&[], Some((name, bytes)))).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["data"].clone()
}

async fn upload(house: &House, who: &str, bytes: &[u8]) -> String {
    let media = uploaded(house, who, "a.png", bytes).await;
    media["media_id"].as_str().unwrap().to_owned()
}

async fn fetch(
    house: &House,
    who: &str,
    method: Method,
    media_id: &str,
    headers: &[(&str, &str)],
) -> Response<Bytes> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/v1/media/download/{media_id}"))
        .header(
            "authorization",
            format!("Bearer {}", token(house, who).await),
        );
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    house.server.exchange(request).await
}

/// The bytes, or the status of a refusal; information and download are for the same people.
async fn read(house: &House, who: &str, media_id: &str) -> Result<Bytes, u16> {
    let response = fetch(house, who, Method::GET, media_id, &[]).await;
    let path = format!("/v1/media/{media_id}/info");
    let info = house.ask(who, Method::GET, &path, json!({})).await;
    assert_eq!(info.status, response.status());
    match response.status() {
        StatusCode::OK => Ok(response.into_body()),
        status => Err(status.as_u16()),
    }
}

async fn send(house: &House, who: &str, media_id: &str) -> Value {
    let content = json!({"msgtype": "swp.media", "body": "a cat", "media_id": media_id});
    house
        .post(who, "send", json!({ "content": content }))
        .await
        .ok()
}

async fn sweep(house: &House) {
    let tenant = house.server.app.tenants().first().unwrap();
    sweep::tenant_once(&house.server.app, &tenant, true)
        .await
        .unwrap();
}

/// Files below a part of the media folder.
fn files(server: &Server, part: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![server.folder().join("media").join(part)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path),
            }
        }
    }
    found
}

#[tokio::test]
async fn an_upload_says_what_it_is_and_comes_back_whole() {
    let house = House::build().await;
    let media = uploaded(&house, "alice", "C:\\cats\\cät.png", PNG).await;
    assert_eq!(media["mime_type"], "image/png");
    assert_eq!(media["size"], PNG.len());
    assert_eq!(media["filename"], "cät.png");
    assert_eq!(media["scan_status"], "clean");
    assert_eq!(media["uploader_id"], house.id_of("alice").await.as_str());
    assert_eq!(media["created_at"], "2026-11-25T10:00:00.000Z");
    for nothing in ["thumbnail_id", "width", "height", "duration"] {
        assert!(media[nothing].is_null(), "{nothing}");
    }
    let id = media["media_id"].as_str().unwrap();
    let path = format!("/v1/media/{id}/info");
    let info = house.ask("alice", Method::GET, &path, json!({})).await;
    assert_eq!(info.ok(), media);
    assert_eq!(read(&house, "alice", id).await.unwrap(), PNG);
    let kept = files(&house.server, "tenant");
    assert!(kept[0].ends_with(media["sha256"].as_str().unwrap()));
    assert_eq!(
        files(&house.server, "incoming"),
        [] as [std::path::PathBuf; 0]
    );
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers[name].to_str().unwrap()
}

#[tokio::test]
async fn a_browser_runs_nothing_of_it() {
    let house = House::build().await;
    let page = uploaded(
        &house,
        "alice",
        "a.png",
        b"<!DOCTYPE html><script>alert(1)</script>",
    )
    .await;
    assert_eq!(page["mime_type"], "text/html");
    let picture = upload(&house, "alice", PNG).await;
    let id = page["media_id"].as_str().unwrap();
    for (id, how) in [(id, "attachment; "), (picture.as_str(), "inline; ")] {
        let response = fetch(&house, "alice", Method::GET, id, &[]).await;
        let headers = response.headers();
        assert!(header(headers, "content-disposition").starts_with(how));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("cross-origin-resource-policy", "same-site"),
            ("cache-control", "private, max-age=3600"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(header(headers, name), value);
        }
    }
}

#[tokio::test]
async fn parts_of_a_file_are_had_by_their_range() {
    let house = House::build().await;
    let media = uploaded(&house, "alice", "a.txt", b"0123456789").await;
    let id = media["media_id"].as_str().unwrap();
    let tag = format!("\"{}\"", media["sha256"].as_str().unwrap());
    let ask =
        async |headers: &[(&str, &str)]| fetch(&house, "alice", Method::GET, id, headers).await;
    let part = ask(&[("range", "bytes=2-4")]).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.body().as_ref(), b"234");
    assert_eq!(header(part.headers(), "content-range"), "bytes 2-4/10");
    assert_eq!(header(part.headers(), "content-length"), "3");
    let several = ask(&[("range", "bytes=0-1,4-5")]).await;
    assert_eq!(
        (several.status(), several.body().len()),
        (StatusCode::OK, 10)
    );
    let beyond = ask(&[("range", "bytes=10-")]).await;
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert!(beyond.body().is_empty());
    assert_eq!(header(beyond.headers(), "content-range"), "bytes */10");
    let known = ask(&[("if-none-match", &tag)]).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(known.headers(), "etag"), tag);
    let other = ask(&[("range", "bytes=2-4"), ("if-range", "\"x\"")]).await;
    assert_eq!(other.body().len(), 10);
    let head = fetch(&house, "alice", Method::HEAD, id, &[]).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(header(head.headers(), "content-length"), "10");
    assert_eq!(
        header(head.headers(), "content-type"),
        "text/plain; charset=utf-8"
    );
    assert!(head.body().is_empty());
}

#[tokio::test]
async fn the_same_file_is_kept_once_and_each_person_has_an_own_one() {
    let house = House::build().await;
    let first = upload(&house, "alice", PNG).await;
    assert_eq!(upload(&house, "alice", PNG).await, first);
    let of_bob = upload(&house, "bob", PNG).await;
    assert_ne!(of_bob, first);
    assert_eq!(files(&house.server, "tenant").len(), 1);
    assert_eq!(read(&house, "bob", &first).await, Err(404));
}

#[tokio::test]
async fn what_is_no_form_with_one_file_is_refused_and_leaves_nothing() {
    let house = House::with_settings(&[("SCAIWAVE_MAX_UPLOAD", "1000")]).await;
    let twice = [
        &form(&[], Some(("a", b"x")))[..form(&[], Some(("a", b"x"))).len() - 8],
        &form(&[], Some(("b", b"y"))),
    ]
    .concat();
    for (body, status, path, reason) in [
        (form(&[], None), 422, "body.file", "missing"),
        (form(&[], Some(("a", b""))), 422, "body.file", "length"),
        (twice, 422, "body.file", "duplicate"),
        (
            form(&[("tenant_scope", "maybe")], Some(("a", b"x"))),
            422,
            "body.tenant_scope",
            "type",
        ),
        (b"--XX\r\nbroken".to_vec(), 422, "body", "format"),
    ] {
        let (got, body) = post(&house, "alice", body).await;
        assert_eq!(got.as_u16(), status, "{body}");
        let field = &body["error"]["details"]["fields"][0];
        assert_eq!(
            (&field["path"], &field["reason"]),
            (&json!(path), &json!(reason))
        );
    }
    for size in [1001, 100_000] {
        let (status, body) = post(&house, "alice", form(&[], Some(("a", &vec![7; size])))).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(body["error"]["code"], "SW_CONTENT_TOO_LARGE");
        assert_eq!(body["error"]["details"]["limit"], "max_upload");
    }
    let json = Request::post("/v1/media/upload")
        .header(
            "authorization",
            format!("Bearer {}", token(&house, "alice").await),
        )
        .header("content-type", "application/json")
        .body(Body::from("{}"))
        .unwrap();
    let (status, _) = house.server.send(json).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    for part in ["tenant", "incoming"] {
        assert_eq!(files(&house.server, part).len(), 0, "{part}");
    }
    uploaded(&house, "alice", "a", &vec![7; 1000]).await;
}

#[tokio::test]
async fn a_fifth_upload_at_once_has_to_wait() {
    let house = House::build().await;
    let tenant = house.server.app.tenants().first().unwrap();
    let alice = house.id_of("alice").await.parse().unwrap();
    let media = house.server.app.media();
    let under_way: Vec<_> = (0..4)
        .map(|_| media.upload(&tenant, alice).unwrap())
        .collect();
    let (status, body) = post(&house, "alice", form(&[], Some(("a", b"x")))).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{body}");
    upload(&house, "bob", b"another person's").await;
    drop(under_way);
    upload(&house, "alice", b"x").await;
}

#[tokio::test]
async fn who_reads_the_message_reads_its_file_and_no_longer() {
    let house = House::build().await;
    let id = upload(&house, "alice", PNG).await;
    assert_eq!(read(&house, "bob", &id).await, Err(404));
    let sent = send(&house, "alice", &id).await;
    let described = &sent["content"]["_media"][&id];
    assert_eq!(described["size"], PNG.len());
    assert_eq!(described["mime_type"], "image/png");
    assert_eq!(read(&house, "bob", &id).await.unwrap(), PNG);
    assert_eq!(read(&house, "dave", &id).await, Err(404));
    // Bob may pass on what he may read.
    let passed_on = send(&house, "bob", &id).await;
    let redact = async |who: &str, event: &Value| {
        let path = format!("events/{}/redact", event["id"].as_str().unwrap());
        house.post(who, &path, json!({})).await.ok();
    };
    redact("alice", &sent).await;
    assert_eq!(read(&house, "carol", &id).await.unwrap(), PNG);
    redact("bob", &passed_on).await;
    assert_eq!(read(&house, "carol", &id).await, Err(404));
    assert_eq!(read(&house, "alice", &id).await.unwrap(), PNG);
}

#[tokio::test]
async fn an_edit_takes_the_file_away_and_brings_another() {
    let house = House::build().await;
    let (first, second) = (
        upload(&house, "alice", PNG).await,
        upload(&house, "alice", b"GIF89a").await,
    );
    let sent = send(&house, "alice", &first).await;
    let mut content = sent["content"].clone();
    content["media_id"] = json!(second);
    let path = format!("events/{}/edit", sent["id"].as_str().unwrap());
    let edited = house
        .post("alice", &path, json!({ "content": content }))
        .await
        .ok();
    assert!(edited["content"]["_media"][&first].is_null());
    assert_eq!(read(&house, "bob", &first).await, Err(404));
    assert_eq!(
        read(&house, "bob", &second).await.unwrap().as_ref(),
        b"GIF89a"
    );
}

#[tokio::test]
async fn nobody_sends_what_they_may_not_read() {
    let house = House::build().await;
    let id = upload(&house, "alice", PNG).await;
    let content = json!({"media_id": id, "_media": {&id: {"sha256": "made up"}}});
    let refused = house
        .post("bob", "send", json!({ "content": content }))
        .await;
    assert_eq!(refused.code(), "SW_NOT_FOUND");
    let thumbnail = json!({"body": "x", "thumbnail_id": id});
    let refused = house
        .post("bob", "send", json!({ "content": thumbnail }))
        .await;
    assert_eq!(refused.code(), "SW_NOT_FOUND");
    // What a client writes in the server's place is not taken for it.
    let made_up = json!({"body": "x", "_media": {&id: {}}});
    let sent = house
        .post("bob", "send", json!({ "content": made_up }))
        .await
        .ok();
    assert_eq!(sent["content"], json!({"body": "x"}));
}

#[tokio::test]
async fn pictures_of_people_and_files_for_all_are_for_the_whole_tenant() {
    let house = House::build().await;
    let body = form(&[("tenant_scope", "true")], Some(("a", b"for all")));
    let (_, shared) = post(&house, "alice", body).await;
    let shared = shared["data"]["media_id"].as_str().unwrap().to_owned();
    assert_eq!(
        read(&house, "dave", &shared).await.unwrap().as_ref(),
        b"for all"
    );
    let picture = upload(&house, "alice", PNG).await;
    let avatar = |url: Value| json!({ "avatar_url": url });
    let url = format!("/v1/media/download/{picture}");
    let put = async |who: &str, body: Value| house.ask(who, Method::PUT, "/v1/me", body).await;
    assert_eq!(put("bob", avatar(json!(url))).await.code(), "SW_NOT_FOUND");
    assert_eq!(
        put("alice", avatar(json!(url))).await.data("avatar_url"),
        url
    );
    assert_eq!(read(&house, "dave", &picture).await.unwrap(), PNG);
    put("alice", avatar(json!(null))).await.ok();
    assert_eq!(read(&house, "dave", &picture).await, Err(404));
    sweep(&house).await;
    assert_eq!(read(&house, "alice", &picture).await, Err(404));
    assert_eq!(
        read(&house, "dave", &shared).await.unwrap().as_ref(),
        b"for all"
    );
}

#[tokio::test]
async fn what_nothing_refers_to_goes_after_seven_days_or_with_the_last_message() {
    let house = House::build().await;
    let (unsent, sent) = (
        upload(&house, "alice", PNG).await,
        upload(&house, "alice", b"sent").await,
    );
    let message = send(&house, "alice", &sent).await;
    sweep(&house).await;
    house.server.clock.advance(7 * DAY);
    sweep(&house).await;
    assert_eq!(read(&house, "alice", &unsent).await.unwrap(), PNG);
    house.server.clock.advance(1);
    sweep(&house).await;
    assert_eq!(read(&house, "alice", &unsent).await, Err(404));
    assert_eq!(read(&house, "bob", &sent).await.unwrap().as_ref(), b"sent");
    assert_eq!(files(&house.server, "tenant").len(), 1);
    let path = format!("events/{}/redact", message["id"].as_str().unwrap());
    house.post("alice", &path, json!({})).await.ok();
    sweep(&house).await;
    assert_eq!(read(&house, "alice", &sent).await, Err(404));
    assert_eq!(files(&house.server, "tenant").len(), 0);
}

#[tokio::test]
async fn bytes_stay_while_anybody_has_them_and_strays_go() {
    let house = House::build().await;
    let of_alice = upload(&house, "alice", PNG).await;
    house.server.clock.advance(7 * DAY);
    let of_bob = upload(&house, "bob", PNG).await;
    house.server.clock.advance(1);
    let [kept] = files(&house.server, "tenant").try_into().unwrap();
    let stray = kept.with_file_name("0".repeat(64));
    let foreign = kept.with_file_name("notes of the operator");
    for path in [&stray, &foreign] {
        std::fs::write(path, "left by a crash").unwrap();
    }
    sweep(&house).await;
    assert_eq!(read(&house, "alice", &of_alice).await, Err(404));
    assert_eq!(read(&house, "bob", &of_bob).await.unwrap(), PNG);
    assert!(kept.exists() && foreign.exists() && !stray.exists());
}

#[tokio::test]
async fn the_index_of_what_messages_name_is_made_anew_from_them() {
    let house = House::build().await;
    let id = upload(&house, "alice", PNG).await;
    send(&house, "alice", &id).await;
    let app = &house.server.app;
    let tenant = app.tenants().first().unwrap();
    crate::rooms::rebuild::tenant(&tenant, app.db(), app.now())
        .await
        .unwrap();
    assert_eq!(read(&house, "bob", &id).await.unwrap(), PNG);
}
