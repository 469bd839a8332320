//! A server behind nginx, set up rightly and wrongly, and what the check of its name says about that.

use std::time::Duration;

use serde_json::{Value, json};

use super::{shared_room, start};
use crate::support::{Backend, Forwarding, Nginx, Person, PrivateCa, Proxy, Server, eventually};

const PATH: &str = "/_scaiwave/federation/v1/profile/%40nobody.here";
const QUERY: &str = "x=a%2Fb";

/// What `scaiwave admin federation check` says, and whether it is content.
fn check(server: &Server, names: &[&str]) -> (bool, Value) {
    let arguments = [&["--json", "admin", "federation", "check"], names].concat();
    let outcome = server.cli(&arguments, "");
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    match outcome.status.code() {
        Some(0) => (true, report),
        Some(1) => (false, report["error"].clone()),
        other => panic!("exit code {other:?}: {outcome:#?}"),
    }
}

fn step<'a>(report: &'a Value, name: &str) -> &'a Value {
    let steps = report["steps"].as_array().unwrap().iter();
    let mut found = steps.filter(|step| step["step"] == name);
    found
        .next()
        .unwrap_or_else(|| panic!("{name} in {report:#}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_check_finds_what_a_proxy_does_to_requests() {
    let ca = PrivateCa::new();
    let scratch = tempfile::tempdir().unwrap();
    let mut nginx = Nginx::prepare("a.example", &ca, scratch.path());
    let to_b = Proxy::new().await;
    let mut a = Server::prepare(Backend::Sqlite, &[("SCAIWAVE_SERVER_NAME", "a.example")]).await;
    let ca_file = ca.write_to(a.scratch());
    a.set(
        "SCAIWAVE_FEDERATION_CA_FILE",
        &ca_file.display().to_string(),
    );
    let urls = format!(
        "a.example={},b.example=https://{}",
        nginx.url(),
        to_b.address()
    );
    a.set("SCAIWAVE_FEDERATION_PEER_URLS", &urls);
    a.launch();
    nginx.forward(a.port(), Forwarding::Unchanged).await;
    let b = start(
        Backend::Postgres,
        "b.example",
        &[("a.example", nginx.address())],
        &ca,
    )
    .await;
    to_b.set_target_port(b.port());
    let policy = json!({"allowed_peers": ["b.example"]});
    let admin = &a.admin().await.api;
    admin
        .put("/v1/admin/federation/policy", &policy)
        .await
        .data();

    // (a) Rightly: both see a healthy server, and messages cross over.
    for (server, names) in [
        (&a, &[][..]),
        (&b, &["a.example"][..]),
        (&a, &["b.example"][..]),
        (&b, &[][..]),
    ] {
        let (ok, report) = check(server, names);
        if server.backend() == Backend::Postgres && names.is_empty() {
            assert!(!ok, "B has no address for itself: {report:#}");
            assert_eq!(step(&report, "connection")["ok"], false);
            continue;
        }
        assert!(ok, "{report:#}");
        assert_eq!(step(&report, "signature")["ok"], true);
    }
    let [alice, anton] = a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = b.people(["bea", "ben"]).await;
    let room = shared_room(&alice, &anton, &of_b).await;
    of_b[0].says(&room, "through the proxy").await;
    eventually("it arrives", Duration::from_secs(30), async || {
        alice.bodies(&room).await == ["through the proxy"]
    })
    .await;

    // (b) nginx decodes the path, (c) it puts another name in the place of the own one.
    let decoded = PATH.replace("%40", "@");
    for (how, word, received) in [
        (
            Forwarding::Decoded,
            "rewrites the path",
            ("a.example", decoded.as_str()),
        ),
        (Forwarding::OtherHost, "rewrites the host", ("up", PATH)),
    ] {
        nginx.forward(a.port(), how).await;
        for (server, names) in [(&a, &[][..]), (&b, &["a.example"][..])] {
            let (ok, report) = check(server, names);
            assert!(!ok, "{how:?}: {report:#}");
            let signature = step(&report, "signature");
            let message = signature["message"].as_str().unwrap();
            assert!(
                message.contains("a proxy") && message.contains(word),
                "{how:?}: {message}"
            );
            let expected = json!({"method": "GET", "authority": received.0, "path": received.1, "query": QUERY});
            assert_eq!(signature["details"]["received"], expected, "{how:?}");
            assert_eq!(signature["details"]["sent"]["path"], PATH);
        }
    }
    let told = a.cli(&["admin", "federation", "check"], "");
    assert!(told.stderr.contains("signature   WRONG"), "{told:#?}");
}
