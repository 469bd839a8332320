//! Paths that mean one thing to a proxy and another to the server: only what is written as it is meant is answered.

use super::raw::{said_to, statuses};
use crate::support::{Api, on_both};

/// The status of the answer to a path, sent as it is.
async fn status(server: &crate::support::Server, api: &Api, path: &str) -> Vec<u16> {
    let token = api.token().unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    statuses(&said_to(server, request.as_bytes()).await)
}

#[tokio::test]
async fn a_path_that_is_written_otherwise_leads_nowhere() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        for path in [
            "/v1/%6De",
            "/v1/%6de",
            "/%76%31/me",
            "/v1/./me",
            "/v1/../v1/me",
            "/v1/%2e/me",
            "/v1/%2e%2e/v1/me",
            "/v1/rooms/../me",
            "/v1/rooms/..%2fme",
            "//v1/me",
            "/v1//me",
            "/v1/me/",
            "/v1/me/.",
            "/v1/me%2f",
            "/v1/me%00",
            "/v1/me%20",
            "/v1/me;a=b",
            "/v1\\me",
            "/V1/me",
            "/v1/ME",
            "/v1/me%3Fa",
            "/v1/rooms/%00",
            "/v1/rooms/%ff",
            "/v1/rooms/%",
            "/v1/rooms/%zz",
        ] {
            let answers = status(&server, &alice.api, path).await;
            assert!(matches!(answers[..], [400 | 404]), "{path}: {answers:?}");
        }
        for rest in ["", "%2F", "%2fsend", "%00", "/../", "%2e%2e"] {
            let path = format!("/v1/rooms/{room}{rest}");
            let answers = status(&server, &alice.api, &path).await;
            let expected = if rest.is_empty() { 200 } else { 404 };
            assert_eq!(answers, [expected], "{path}");
        }
        // An id is an id, however its letters are written.
        let escaped: String = room.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answers = status(&server, &alice.api, &format!("/v1/rooms/{escaped}")).await;
        assert_eq!(answers, [200]);
        let name = alice.fqid.replace('@', "%40").replace(':', "%3A");
        let answers = status(&server, &alice.api, &format!("/v1/profiles/{name}")).await;
        assert_eq!(answers, [200]);
        for form in ["http://a/v1/me", "/v1/me?", "/v1/me?x=%2e%2e/"] {
            assert_eq!(status(&server, &alice.api, form).await, [200], "{form}");
        }
        for form in [
            "*",
            "v1/me",
            "http:///v1/me",
            "ftp:v1/me",
            "/v1/me\u{7f}",
            "/v1/m\u{e9}",
        ] {
            let answers = status(&server, &alice.api, form).await;
            assert!(
                answers.iter().all(|status| (400..500).contains(status)),
                "{form}: {answers:?}"
            );
        }
    })
    .await;
}
