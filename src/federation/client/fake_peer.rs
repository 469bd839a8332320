//! A server that notes what it is asked and answers the same bytes to everything: the other end in tests of calls.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, HeaderValue};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair as TlsKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::{Client, ClientOptions};
use crate::events::core::names::ServerName;

/// A request as it came over the wire, and the name that TLS asked for.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) sni: Option<String>,
}

/// Makes the bytes of an answer from a request.
type Respond = Box<dyn FnMut(&Received) -> Vec<u8> + Send>;

/// A peer under a test's control.
pub(crate) struct FakePeer {
    pub(crate) address: SocketAddr,
    pub(crate) received: mpsc::UnboundedReceiver<Received>,
    answer: Arc<Mutex<Respond>>,
    connections: Arc<AtomicUsize>,
}

impl FakePeer {
    /// Gives every request the same answer, with or without TLS.
    pub(crate) async fn start(answer: impl Into<Vec<u8>>, tls: Option<TlsAcceptor>) -> Self {
        Self::listen(always(answer), tls).await
    }

    /// Answers as `respond` says.
    pub(crate) async fn answering(
        respond: impl FnMut(&Received) -> Vec<u8> + Send + 'static,
    ) -> Self {
        Self::listen(Box::new(respond), None).await
    }

    async fn listen(respond: Respond, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::listen_at(listener, respond, tls)
    }

    /// Gives every request the same answer, with TLS, at an address that was found before.
    pub(crate) fn at(listener: TcpListener, answer: impl Into<Vec<u8>>, tls: TlsAcceptor) -> Self {
        Self::listen_at(listener, always(answer), Some(tls))
    }

    fn listen_at(listener: TcpListener, respond: Respond, tls: Option<TlsAcceptor>) -> Self {
        let answer = Arc::new(Mutex::new(respond));
        let address = listener.local_addr().unwrap();
        let (sender, received) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let current = Arc::clone(&answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = Arc::clone(&current);
                let (tls, sender) = (tls.clone(), sender.clone());
                tokio::spawn(async move {
                    match tls {
                        None => converse(stream, None, &answer, &sender).await,
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else {
                                return;
                            };
                            let sni = stream.get_ref().1.server_name().map(ToOwned::to_owned);
                            converse(stream, sni, &answer, &sender).await;
                        }
                    }
                });
            }
        });
        Self {
            address,
            received,
            answer,
            connections,
        }
    }

    /// Gives every request the same answer, without TLS.
    pub(crate) async fn plain(answer: impl Into<Vec<u8>>) -> Self {
        Self::start(answer, None).await
    }

    /// A client that knows `name` at this peer's address.
    pub(crate) fn client(&self, name: &ServerName) -> Client {
        let url = format!("http://{}", self.address);
        Client::new(&ClientOptions {
            peer_urls: [(name.clone(), url.parse().unwrap())].into(),
            ..ClientOptions::default()
        })
        .unwrap()
    }

    /// How many requests it got since the last question.
    pub(crate) fn new_requests(&mut self) -> usize {
        std::iter::from_fn(|| self.received.try_recv().ok()).count()
    }

    /// Gives another answer from the next request on.
    pub(crate) fn answer_from_now_on(&self, answer: impl Into<Vec<u8>>) {
        *self.answer.lock().unwrap() = always(answer);
    }

    /// Answers as `respond` says from the next request on.
    pub(crate) fn respond_from_now_on(
        &self,
        respond: impl FnMut(&Received) -> Vec<u8> + Send + 'static,
    ) {
        *self.answer.lock().unwrap() = Box::new(respond);
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    sni: Option<String>,
    answer: &Mutex<Respond>,
    sender: &mpsc::UnboundedSender<Received>,
) {
    // A broken-off answer holds the connection open, so that it stays without an end.
    while let Some((line, headers, body)) = read_request(&mut stream).await {
        let received = Received {
            line,
            headers,
            body,
            sni: sni.clone(),
        };
        let answer = answer.lock().unwrap()(&received);
        let _ = sender.send(received);
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn always(answer: impl Into<Vec<u8>>) -> Respond {
    let answer = answer.into();
    Box::new(move |_| answer.clone())
}

async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
) -> Option<(String, HeaderMap, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let mut chunk = [0; 1024];
        let read = stream
            .read(&mut chunk)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let (line, rest) = head.split_once("\r\n").unwrap();
    let mut headers = HeaderMap::new();
    for header in rest.split("\r\n") {
        let (name, value) = header.split_once(": ").unwrap();
        headers.append(
            HeaderName::try_from(name).unwrap(),
            HeaderValue::try_from(value).unwrap(),
        );
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.to_str().unwrap().parse().unwrap());
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        body.push(stream.read_u8().await.ok()?);
    }
    Some((line.to_owned(), headers, body))
}

/// A certificate for `host`, and the authority that signed it, in PEM.
pub(crate) fn tls(host: &str) -> (TlsAcceptor, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, TlsKey::generate().unwrap()).unwrap();
    let key = TlsKey::generate().unwrap();
    let certificate = CertificateParams::new([host.to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(
        tokio_rustls::rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(
        vec![CertificateDer::from(certificate)],
        PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    )
    .unwrap();
    (TlsAcceptor::from(Arc::new(config)), issuer.pem())
}
