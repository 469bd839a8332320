//! Settings: a wrong one stops the start and says what would be right; secrets are never shown.

use crate::support::{Backend, Server};

/// Starts with one setting and returns what a server that refused it printed.
async fn refused(name: &str, value: &str) -> String {
    let server = Server::prepare(Backend::Sqlite, &[(name, value)]).await;
    let outcome = server.refuses_to_start();
    assert!(
        !server.data().join("scaiwave.db").exists(),
        "nothing is made before settings are checked"
    );
    outcome.stderr
}

#[tokio::test]
async fn a_wrong_value_is_named_with_what_would_be_right() {
    for (name, value, right) in [
        ("SCAIWAVE_BIND", "everywhere", "127.0.0.1:8000"),
        ("SCAIWAVE_PUBLIC_URL", "chat.example.org", "https://"),
        ("SCAIWAVE_SERVER_NAME", "Not A Name", "host"),
        (
            "SCAIWAVE_DB_URL",
            "mysql://localhost/scaiwave",
            "postgres://",
        ),
        ("SCAIWAVE_DB_POOL", "many", "number"),
        ("SCAIWAVE_AUTH_MODE", "kerberos", "local"),
        ("SCAIWAVE_SECRET_KEY", "c2hvcnQ=", "32 bytes"),
        ("SCAIWAVE_MAX_CONTENT", "65537", "65536"),
        ("SCAIWAVE_TRUSTED_PROXIES", "10.0.0.0/40", "CIDR"),
        (
            "SCAIWAVE_TLS_CERT_FILE",
            "/no/such/file.pem",
            "SCAIWAVE_TLS_KEY_FILE",
        ),
    ] {
        let said = refused(name, value).await;
        assert!(said.contains(name), "{name} is named: {said}");
        assert!(
            said.contains(right),
            "{name}: says what would be right ({right}): {said}"
        );
        if name != "SCAIWAVE_SECRET_KEY" {
            assert!(said.contains(value), "{name}: the value is named: {said}");
        } else {
            assert!(!said.contains(value), "a secret is not repeated: {said}");
        }
    }
}

#[tokio::test]
async fn mock_sign_in_stays_on_the_loopback_address() {
    let mut server = Server::prepare(
        Backend::Sqlite,
        &[
            ("SCAIWAVE_AUTH_MODE", "mock"),
            ("SCAIWAVE_BIND", "0.0.0.0:0"),
        ],
    )
    .await;
    let said = server.refuses_to_start().stderr;
    assert!(said.contains("SCAIWAVE_MOCK_ANYWHERE"), "{said}");

    server.set("SCAIWAVE_BIND", "127.0.0.1:0");
    server.launch();
    let me = server
        .stranger()
        .with_token("mock-dev-token")
        .get("/v1/me")
        .await
        .data();
    assert_eq!(me["local_id"], "dev");
}

#[tokio::test]
async fn an_unknown_name_is_a_warning() {
    let server = Server::start(Backend::Sqlite, &[("SCAIWAVE_COLOUR", "red")]).await;
    assert!(server.log().contains("SCAIWAVE_COLOUR"), "{}", server.log());
}

#[tokio::test]
async fn secrets_come_from_files_too_and_are_masked() {
    let mut server = Server::prepare(Backend::Sqlite, &[]).await;
    let secret = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
    let file = server.scratch().join("secret");
    std::fs::write(&file, format!("{secret}\n")).unwrap();
    server.set("SCAIWAVE_SECRET_KEY_FILE", &file.display().to_string());
    server.launch();

    server.set(
        "SCAIWAVE_SMTP_URL",
        "smtp://postmaster:hunter2@mail.example.org",
    );
    for command in [
        ["show-config"].as_slice(),
        &["show-config", "--json"],
        &["export-env"],
    ] {
        let shown = server.cli(command, "").done().stdout;
        assert!(shown.contains("SCAIWAVE_SECRET_KEY"), "{shown}");
        assert!(
            !shown.contains(secret),
            "{command:?} shows the key: {shown}"
        );
        assert!(
            !shown.contains("hunter2"),
            "{command:?} shows a password: {shown}"
        );
    }
}

#[tokio::test]
async fn the_command_line_tells_misuse_from_failure() {
    let server = Server::start(Backend::Sqlite, &[]).await;
    let url = server.url().to_owned();
    let code = |arguments: &[&str]| server.cli(arguments, "").status.code();
    assert_eq!(code(&["health", "--url", &url]), Some(0));
    assert_eq!(
        code(&["health", "--url", "http://127.0.0.1:9"]),
        Some(3),
        "unreachable"
    );
    assert_eq!(code(&["no-such-command"]), Some(2), "usage");
    assert_eq!(
        code(&["admin", "suspend-user", "nobody"]),
        Some(1),
        "failed"
    );
    assert!(
        server
            .cli(&["--version"], "")
            .done()
            .stdout
            .contains(env!("CARGO_PKG_VERSION"))
    );
}
