//! Servers that know each other, the people who write on all of them, and what must be equal at the end.

pub(crate) mod compare;
pub(crate) mod disputes;
pub(crate) mod watchers;
pub(crate) mod writers;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use crate::support::{Backend, Line, Person, PrivateCa, Proxy, Server, eventually};
use writers::Ledger;

/// How long servers may take to agree once everything is up again.
pub(crate) const CONVERGENCE: Duration = Duration::from_secs(300);

/// The names of a fleet's servers, in order.
const NAMES: [&str; 3] = ["a.example", "b.example", "c.example"];

/// Servers of which each reaches each other one through a line of its own.
pub(crate) struct Fleet {
    pub(crate) servers: Vec<Server>,
    /// By who calls and who is called; none to oneself.
    lines: Vec<Vec<Option<Proxy>>>,
}

impl Fleet {
    /// One server for each database, up to [`NAMES`], not started yet.
    pub(crate) async fn prepare(backends: &[Backend], ca: &PrivateCa) -> Self {
        let count = backends.len();
        let mut lines = Vec::with_capacity(count);
        for from in 0..count {
            let mut row = Vec::with_capacity(count);
            for to in 0..count {
                row.push(match from == to {
                    true => None,
                    false => Some(Proxy::new().await),
                });
            }
            lines.push(row);
        }
        let mut servers = Vec::with_capacity(count);
        for ((backend, name), row) in backends.iter().zip(NAMES).zip(&lines) {
            let peers = NAMES.into_iter().zip(row);
            let peers: Vec<_> = peers
                .filter_map(|(name, line)| Some((name, line.as_ref()?.address())))
                .collect();
            servers.push(prepare(*backend, name, &peers, ca).await);
        }
        Self { servers, lines }
    }

    /// Starts all servers and lets them deal with each other.
    pub(crate) async fn launch(&mut self) {
        for (number, server) in self.servers.iter_mut().enumerate() {
            tokio::task::block_in_place(|| server.launch());
            for row in &self.lines {
                if let Some(line) = &row[number] {
                    line.set_target_port(server.port());
                }
            }
        }
        for (number, server) in self.servers.iter().enumerate() {
            let all = NAMES.into_iter().take(self.servers.len()).enumerate();
            let others = all.filter(|(other, _)| *other != number);
            let others: Vec<_> = others.map(|(_, name)| name).collect();
            allow(server, &others).await;
        }
    }

    /// Both directions between two servers become such a line.
    pub(crate) fn set_between(&self, one: usize, other: usize, line: Line) {
        for proxy in [&self.lines[one][other], &self.lines[other][one]] {
            proxy.as_ref().unwrap().set_line(line);
        }
    }

    /// Every line becomes such a one.
    pub(crate) fn set_all(&self, line: Line) {
        for proxy in self.lines.iter().flatten().flatten() {
            proxy.set_line(line);
        }
    }

    /// All lines to and from one server become such ones.
    pub(crate) fn set_around(&self, server: usize, line: Line) {
        for other in (0..self.servers.len()).filter(|other| *other != server) {
            self.set_between(server, other, line);
        }
    }
}

/// A server under this name that speaks TLS and knows the addresses of others, not started yet.
pub(crate) async fn prepare(
    backend: Backend,
    name: &str,
    peers: &[(&str, SocketAddr)],
    ca: &PrivateCa,
) -> Server {
    let mut server = Server::prepare(backend, &[("SCAIWAVE_SERVER_NAME", name)]).await;
    server.speak_tls(name, ca);
    let ca_file = ca.write_to(server.scratch());
    server.set(
        "SCAIWAVE_FEDERATION_CA_FILE",
        &ca_file.display().to_string(),
    );
    let urls: Vec<_> = peers
        .iter()
        .map(|(name, address)| format!("{name}=https://{address}"))
        .collect();
    server.set("SCAIWAVE_FEDERATION_PEER_URLS", &urls.join(","));
    server
}

/// The same, started, and open to those others.
pub(crate) async fn start(
    backend: Backend,
    name: &str,
    peers: &[(&str, SocketAddr)],
    ca: &PrivateCa,
) -> Server {
    let mut server = prepare(backend, name, peers, ca).await;
    server.launch();
    let names: Vec<_> = peers.iter().map(|(name, _)| *name).collect();
    allow(&server, &names).await;
    server
}

async fn allow(server: &Server, peers: &[&str]) {
    let policy = json!({"allowed_peers": peers});
    server
        .admin()
        .await
        .api
        .put("/v1/admin/federation/policy", &policy)
        .await
        .data();
}

/// Waits until a person is shown a message with exactly this text.
pub(crate) async fn arrives(person: &Person, room: &str, text: &str, within: Duration) {
    eventually(&format!("{text} arrives"), within, async || {
        person.bodies(room).await.iter().any(|body| body == text)
    })
    .await;
}

/// Brings people of other servers into a room of `host`'s.
pub(crate) async fn bring_in(host: &Person, guests: impl IntoIterator<Item = &Person>, room: &str) {
    for person in guests {
        let invite = format!("/v1/rooms/{room}/invite");
        host.api
            .post(&invite, &json!({"fqid": person.fqid}))
            .await
            .data();
        eventually(
            "the invitation crosses over",
            Duration::from_secs(30),
            async || {
                let open = person.api.get("/v1/me/invitations").await.data();
                open.as_array().is_some_and(|open| {
                    open.iter()
                        .any(|invitation| invitation["room_id"] == json!(room))
                })
            },
        )
        .await;
        person.join(room).await.data();
    }
}

/// Waits until so many more messages were acknowledged by this server.
pub(crate) async fn progress(ledger: &Ledger, server: usize, more: usize) {
    let goal = ledger.acknowledged_on(server) + more;
    eventually("the senders get on", CONVERGENCE, async || {
        ledger.acknowledged_on(server) >= goal || ledger.is_exhausted()
    })
    .await;
}
