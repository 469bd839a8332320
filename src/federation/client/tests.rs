//! Calls to a peer on this machine.

use tokio::net::TcpListener;

use super::fake_peer::{FakePeer, Received, tls};
use super::*;
use crate::federation::core::http_signature::Parsed;

const NOW_MS: i64 = 1_780_000_000_000;

fn client(peers: impl IntoIterator<Item = (ServerName, String)>, ca_pem: Option<String>) -> Client {
    try_client(peers, ca_pem).unwrap()
}

fn try_client(
    peers: impl IntoIterator<Item = (ServerName, String)>,
    ca_pem: Option<String>,
) -> Result<Client, ClientSetupError> {
    Client::new(&ClientOptions {
        peer_urls: peers
            .into_iter()
            .map(|(name, url)| (name, url.parse().unwrap()))
            .collect(),
        ca_pem: ca_pem.map(String::into_bytes),
        ..ClientOptions::default()
    })
}

fn name(text: &str) -> ServerName {
    text.parse().unwrap()
}

fn key() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

async fn send(client: &Client, to: &ServerName, call: Call<'_>) -> Result<PeerResponse, PeerError> {
    let own = name("a.example");
    let key = key();
    let signer = Signer {
        name: &own,
        key: &key,
    };
    client
        .send(
            Destination {
                name: to,
                base_url: None,
            },
            call,
            signer,
            NOW_MS,
        )
        .await
}

fn get(path_and_query: &str) -> Call<'_> {
    Call {
        method: Method::GET,
        path_and_query,
        body: None,
        max_response: 1_000,
    }
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn verify(received: &Received, authority: &str) {
    let mut words = received.line.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target
        .split_once('?')
        .map_or((target, None), |(path, query)| (path, Some(query)));
    let request = http_signature::Request {
        method,
        authority,
        path,
        query,
        body: &received.body,
    };
    let parsed = Parsed::read(&received.headers).unwrap();
    assert_eq!(*parsed.server_name(), name("a.example"));
    let checked = parsed
        .check(&request, &received.headers, &[authority], NOW_MS)
        .unwrap();
    checked.verify(key().public_key()).unwrap();
}

#[tokio::test]
async fn a_listed_url_replaces_only_the_address() {
    let mut peer = FakePeer::plain(ok("{}")).await;
    for server in [
        name("b.example"),
        name("b.example:8448"),
        name("localhost:8001"),
    ] {
        let call = Call {
            method: Method::POST,
            body: Some(b"{\"events\":[]}".to_vec()),
            ..get("/_scaiwave/federation/v1/send")
        };
        let answer = send(&peer.client(&server), &server, call).await.unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (StatusCode::OK, b"{}".as_slice())
        );
        let received = peer.received.recv().await.unwrap();
        assert_eq!(received.line, "POST /_scaiwave/federation/v1/send HTTP/1.1");
        assert_eq!(received.headers["host"], server.as_str());
        assert_eq!(received.headers["content-type"], "application/json");
        assert_eq!(received.body, b"{\"events\":[]}");
        verify(&received, server.as_str());
    }
}

#[tokio::test]
async fn what_is_signed_is_what_is_sent() {
    let mut peer = FakePeer::plain(ok("{}")).await;
    let server = name("b.example");
    for path in [
        "/_scaiwave/federation/v1/profile/%40bob?x=a%2Fb",
        "/a/../b?q=\u{e4} x",
        "//c.example/x",
    ] {
        send(&peer.client(&server), &server, get(path))
            .await
            .unwrap();
        verify(&peer.received.recv().await.unwrap(), "b.example");
    }
    assert!(matches!(
        send(&peer.client(&server), &server, get("@c.example/x")).await,
        Err(PeerError::Request(_))
    ));
}

#[tokio::test]
async fn two_names_may_share_a_host_and_differ_in_their_address() {
    let mut first = FakePeer::plain(ok("1")).await;
    let mut second = FakePeer::plain(ok("2")).await;
    let names = [name("localhost:8001"), name("localhost:8002")];
    let urls = [&first, &second].map(|peer| format!("http://{}", peer.address));
    let client = client(names.clone().into_iter().zip(urls), None);
    assert_eq!(send(&client, &names[0], get("/")).await.unwrap().body, b"1");
    assert_eq!(send(&client, &names[1], get("/")).await.unwrap().body, b"2");
    assert_eq!(
        first.received.recv().await.unwrap().headers["host"],
        "localhost:8001"
    );
    assert_eq!(
        second.received.recv().await.unwrap().headers["host"],
        "localhost:8002"
    );
}

#[tokio::test]
async fn with_tls_the_certificate_is_that_of_the_name_not_of_the_address() {
    let (acceptor, ca) = tls("b.example");
    let mut peer = FakePeer::start(ok("{}"), Some(acceptor)).await;
    let url = format!("https://{}", peer.address);

    let server = name("b.example");
    send(
        &client([(server.clone(), url.clone())], Some(ca.clone())),
        &server,
        get("/x"),
    )
    .await
    .unwrap();
    let received = peer.received.recv().await.unwrap();
    assert_eq!(received.sni.as_deref(), Some("b.example"));
    assert_eq!(received.headers["host"], "b.example");
    verify(&received, "b.example");

    let other = name("c.example");
    let refused = send(
        &client([(other.clone(), url.clone())], Some(ca)),
        &other,
        get("/x"),
    )
    .await;
    assert!(matches!(refused, Err(PeerError::Connect(_))), "{refused:?}");
    let refused = send(&client([(server.clone(), url)], None), &server, get("/x")).await;
    assert!(matches!(refused, Err(PeerError::Connect(_))), "{refused:?}");
}

#[tokio::test]
async fn a_name_with_a_private_address_is_refused_unless_listed_or_allowed() {
    let (acceptor, ca) = tls("localhost");
    let peer = FakePeer::start(ok("{}"), Some(acceptor)).await;
    let server = name(&format!("localhost:{}", peer.address.port()));
    let client = |private: &[&str]| {
        Client::new(&ClientOptions {
            private_hosts: private.iter().map(ToString::to_string).collect(),
            ca_pem: Some(ca.clone().into_bytes()),
            ..ClientOptions::default()
        })
        .unwrap()
    };
    let refused = send(&client(&[]), &server, get("/")).await.unwrap_err();
    assert!(
        matches!(refused, PeerError::AddressRefused(_)),
        "{refused:?}"
    );
    assert!(
        refused.to_string().starts_with("address refused"),
        "{refused}"
    );
    assert_eq!(peer.connections(), 0);
    assert!(
        send(&client(&["localhost"]), &server, get("/"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_base_url_replaces_the_name_unless_the_peer_is_listed() {
    let (acceptor, ca) = tls("localhost");
    let mut peer = FakePeer::start(ok("{}"), Some(acceptor)).await;
    let base_url: BaseUrl = format!("https://localhost:{}", peer.address.port())
        .parse()
        .unwrap();
    let server = name("b.example");
    let client = Client::new(&ClientOptions {
        private_hosts: ["localhost".to_owned()].into(),
        ca_pem: Some(ca.into_bytes()),
        ..ClientOptions::default()
    })
    .unwrap();
    let (own, key) = (name("a.example"), key());
    let signer = Signer {
        name: &own,
        key: &key,
    };
    let to = Destination {
        name: &server,
        base_url: Some(&base_url),
    };
    client.send(to, get("/x"), signer, NOW_MS).await.unwrap();
    let received = peer.received.recv().await.unwrap();
    assert_eq!(received.headers["host"], base_url.authority());
    assert_eq!(received.sni.as_deref(), Some("localhost"));
    verify(&received, base_url.authority());

    let mut listed = FakePeer::plain(ok("{}")).await;
    listed
        .client(&server)
        .send(to, get("/x"), signer, NOW_MS)
        .await
        .unwrap();
    assert_eq!(
        listed.received.recv().await.unwrap().headers["host"],
        "b.example"
    );
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let target = FakePeer::plain(ok("secret")).await;
    let answer = format!(
        "HTTP/1.1 302 Found\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        target.address
    );
    let peer = FakePeer::plain(answer).await;
    let server = name("b.example");
    let refused = peer.client(&server).descriptor(&server).await.unwrap_err();
    assert!(matches!(refused, PeerError::Redirect { .. }));
    assert!(
        refused.to_string().starts_with("redirect refused"),
        "{refused}"
    );
    let refused = send(&peer.client(&server), &server, get("/")).await;
    assert!(matches!(refused, Err(PeerError::Redirect { .. })));
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn a_descriptor_is_fetched_unsigned_and_only_taken_with_200() {
    let mut peer = FakePeer::plain(ok("{\"a\":1}")).await;
    let server = name("b.example");
    assert_eq!(
        peer.client(&server).descriptor(&server).await.unwrap(),
        b"{\"a\":1}"
    );
    let received = peer.received.recv().await.unwrap();
    assert_eq!(received.line, "GET /.well-known/scaiwave/server HTTP/1.1");
    assert!(!received.headers.contains_key("signature"));

    let missing = FakePeer::plain("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    let refused = missing.client(&server).descriptor(&server).await;
    assert!(matches!(
        refused,
        Err(PeerError::NoDescriptor {
            status: StatusCode::NOT_FOUND
        })
    ));
}

#[tokio::test]
async fn an_answer_is_capped_whether_or_not_it_states_its_length() {
    let server = name("b.example");
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024)).repeat(100);
    let endless = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}");
    let stated = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_owned();
    for answer in [endless, stated] {
        let peer = FakePeer::plain(answer).await;
        let refused = send(&peer.client(&server), &server, get("/")).await;
        assert!(
            matches!(refused, Err(PeerError::TooLarge { limit: 1_000 })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_given_up() {
    let server = name("b.example");
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"] {
        let peer = FakePeer::plain(answer).await;
        let client = Client::new(&ClientOptions {
            peer_urls: [(
                server.clone(),
                format!("http://{}", peer.address).parse().unwrap(),
            )]
            .into(),
            timeout: Duration::from_millis(200),
            ..ClientOptions::default()
        })
        .unwrap();
        let refused = send(&client, &server, get("/")).await;
        assert!(matches!(refused, Err(PeerError::Timeout)), "{refused:?}");
    }
}

#[tokio::test]
async fn a_peer_that_is_away_is_a_failed_connection() {
    let server = name("b.example");
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let client = client([(server.clone(), format!("http://{free}"))], None);
    let refused = send(&client, &server, get("/")).await;
    assert!(matches!(refused, Err(PeerError::Connect(_))), "{refused:?}");
}

#[tokio::test]
async fn errors_of_the_peer_and_its_wish_to_wait_are_handed_on() {
    let answer = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n{}";
    let peer = FakePeer::plain(answer).await;
    let server = name("b.example");
    let answer = send(&peer.client(&server), &server, get("/"))
        .await
        .unwrap();
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.retry_after(), Some(Duration::from_secs(7)));
}

#[test]
fn listed_urls_are_addresses_and_nothing_more() {
    let server = name("b.example");
    for url in [
        "http://h/path",
        "http://u@h",
        "http://h?x",
        "https://h#x",
        "ftp://h",
    ] {
        let result = try_client([(server.clone(), url.to_owned())], None);
        assert!(matches!(result, Err(ClientSetupError::PeerUrl(_))), "{url}");
    }
}

#[test]
fn a_ca_file_without_certificates_is_refused() {
    assert!(matches!(
        try_client([], Some("hello".to_owned())),
        Err(ClientSetupError::CaFile(_))
    ));
}
