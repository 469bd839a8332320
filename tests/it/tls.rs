//! TLS served by the server itself, with certificates that are renewed while it runs.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Backend, PrivateCa, Server, Socket, eventually};

const NAME: &str = "chat.example.org";

/// The certificate that a new connection gets.
async fn certificate(config: &Arc<rustls::ClientConfig>, port: u16) -> Vec<u8> {
    let name = rustls::pki_types::ServerName::try_from(NAME).unwrap();
    let tcp = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .unwrap();
    let stream = tokio_rustls::TlsConnector::from(config.clone())
        .connect(name, tcp)
        .await
        .unwrap();
    let chain = stream
        .get_ref()
        .1
        .peer_certificates()
        .expect("a certificate");
    chain.first().expect("a leaf").as_ref().to_vec()
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_restart() {
    let ca = PrivateCa::new();
    let mut server = Server::prepare(Backend::Sqlite, &[]).await;
    server.speak_tls(NAME, &ca);
    server.launch();
    assert!(server.url().starts_with("https://"), "{}", server.url());
    assert_eq!(server.stranger().get("/health").await.status, 200);
    let admin = server.admin().await;
    let config = ca.client_config();
    let mut socket = Socket::try_open(&admin.api, None, Some(&config))
        .await
        .unwrap();

    let before = certificate(&config, server.port()).await;
    ca.issue(NAME, server.scratch());
    eventually(
        "the new certificate is served",
        Duration::from_secs(90),
        async || certificate(&config, server.port()).await != before,
    )
    .await;
    socket.send(&serde_json::json!({"type": "ping"}));
    socket.next_of("pong").await;

    let certificate_file = server.scratch().join(format!("{NAME}.pem"));
    // A broken renewal keeps the certificate that works.
    let renewed = certificate(&config, server.port()).await;
    std::fs::write(&certificate_file, "not a certificate").unwrap();
    eventually("the server notices", Duration::from_secs(90), async || {
        server
            .log()
            .contains(&certificate_file.display().to_string())
    })
    .await;
    assert_eq!(certificate(&config, server.port()).await, renewed);
}
