//! A name whose addresses change between look-ups. Loopback addresses stand for the rest of the world: 127.0.0.2 for a
//! public one, 127.0.0.1 for a private one, and both have a server with the name's certificate at the same port.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;

use super::fake_peer::{FakePeer, tls};
use super::*;

const PUBLIC: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));
const PRIVATE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A name server in a stranger's hands.
#[derive(Clone, Default)]
struct NameServer {
    answer: Arc<Mutex<Vec<IpAddr>>>,
    asked: Arc<AtomicUsize>,
}

impl NameServer {
    fn lookups(&self) -> Lookups {
        let Self { answer, asked } = self.clone();
        Lookups::by(move |_| {
            asked.fetch_add(1, Ordering::SeqCst);
            let addresses = answer.lock().unwrap();
            Ok(addresses.iter().map(|ip| SocketAddr::new(*ip, 0)).collect())
        })
    }

    fn answers(&self, addresses: &[IpAddr]) {
        *self.answer.lock().unwrap() = addresses.to_vec();
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Listeners at the two addresses, at one port.
async fn listeners() -> [TcpListener; 2] {
    loop {
        let public = TcpListener::bind((PUBLIC, 0)).await.unwrap();
        let port = public.local_addr().unwrap().port();
        if let Ok(private) = TcpListener::bind((PRIVATE, port)).await {
            return [public, private];
        }
    }
}

#[tokio::test]
async fn every_connection_goes_to_an_address_that_was_checked_for_it() {
    let (acceptor, ca) = tls("b.example");
    // Each request needs a connection of its own.
    let answer = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    let [at_public, at_private] = listeners().await;
    let public = FakePeer::at(at_public, answer, acceptor.clone());
    let private = FakePeer::at(at_private, answer, acceptor);
    let server: ServerName = format!("b.example:{}", public.address.port())
        .parse()
        .unwrap();
    let options = ClientOptions {
        ca_pem: Some(ca.into_bytes()),
        ..ClientOptions::default()
    };
    let names = NameServer::default();
    let client = Client::resolving(&options, names.lookups(), |ip| ip == PUBLIC).unwrap();

    for (times, addresses, is_refused) in [
        (1, &[PUBLIC][..], false),
        (2, &[PRIVATE], true),
        // Which of the two would be tried first is not ours to say.
        (3, &[PUBLIC, PRIVATE], true),
        (4, &[PRIVATE, PUBLIC], true),
        (5, &[PUBLIC], false),
    ] {
        names.answers(addresses);
        let answered = client.descriptor(&server).await;
        match is_refused {
            false => assert_eq!(answered.unwrap(), b"{}"),
            true => {
                let error = answered.unwrap_err().to_string();
                assert!(error.starts_with("address refused"), "{error}");
            }
        }
        assert_eq!(names.asked(), times, "one look-up for one connection");
    }
    assert_eq!((public.connections(), private.connections()), (2, 0));
}
