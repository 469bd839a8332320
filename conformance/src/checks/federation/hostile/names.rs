//! Names that are none, or that lead into the server's own network: they are refused where they stand, and nothing is fetched.
//! The policy is open meanwhile, so that a name's form is all that keeps the server from calling.

use serde_json::{Value, json};

use super::super::stage::{Stage, message, rejected};
use super::order::in_case;
use super::trap::Trap;
use super::{HEADS, answers_peer, under_policy};
use crate::check::{Check, Verdict, federation};
use crate::protocol::event;
use crate::protocol::key::Key;
use crate::trial::Trial;

const SECTION: &str = "federation names; security, connections";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "hostile/names: as keyid, what is no name gets SW_FED_SIGNATURE_MISMATCH, and nothing is fetched",
            key_ids,
        )
        .alone(),
        federation(
            SECTION,
            "hostile/names: as origin or sender, what is no name gets SW_VALIDATION_ERROR, and nothing is fetched",
            origins,
        )
        .alone(),
        federation(
            SECTION,
            "hostile/names: a name that leads to the loopback is not connected to",
            loopback,
        )
        .alone(),
        federation(
            SECTION,
            "hostile/names: in a query, what is no name gets SW_VALIDATION_ERROR",
            queries,
        ),
    ]
}

/// Texts that are no server names; those that could be read as an address lead to the trap.
fn no_names(port: u16) -> Vec<String> {
    let mut names: Vec<String> = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.000.000.001",
        "127.0.0.1.",
        "127.0.0.0x1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[::1%25lo]",
        "localhost.",
        "LOCALHOST",
        "Localhost",
        ".localhost",
        "local_host",
        "-localhost",
        "localhost-",
        "local..host",
        "local%68ost",
        "somebody@localhost",
        "http://localhost",
        "xn--a.example",
    ]
    .iter()
    .map(|host| format!("{host}:{port}"))
    .collect();
    names.extend([
        format!("localhost:0{port}"),
        format!("localhost:{port}/"),
        format!("localhost:{port}?x"),
        format!("localhost:+{port}"),
        "localhost:0".to_owned(),
        "localhost:65536".to_owned(),
        "localhost:".to_owned(),
        "::1".to_owned(),
        "a b".to_owned(),
        String::new(),
        format!("{}.example", "a".repeat(64)),
        format!("{}example", "a.".repeat(124)),
    ]);
    names
}

fn open() -> Value {
    json!({"default_mode": "open"})
}

async fn key_ids(t: Trial) -> Verdict {
    let (admin, peer, trap) = (t.admin()?, t.peer()?, Trap::set().await?);
    let work = async {
        for name in no_names(trap.port()) {
            let key = Key::random();
            let id = format!("{name}#{}", key.key_id());
            let request = peer.request("GET", HEADS, None).with_key(key);
            let request = request.manner(|manner| manner.key_id = id);
            let answer = request.send(&t.stranger()).await?;
            answer
                .refused("SW_FED_SIGNATURE_MISMATCH")
                .map_err(|stop| in_case(&format!("keyid of {name:?}"), stop))?;
        }
        Ok(())
    };
    under_policy(&admin, open(), work).await?;
    trap.must_be_unvisited("a keyid")?;
    answers_peer(&t, &peer).await
}

async fn origins(t: Trial) -> Verdict {
    let (admin, stage, trap) = (t.admin()?, Stage::open(&t).await?, Trap::set().await?);
    let work = async {
        for name in no_names(trap.port()) {
            let sender = format!("@somebody:{name}");
            for (origin, sender) in [
                (name.as_str(), sender.as_str()),
                (name.as_str(), stage.guest.as_str()),
                (stage.peer.name(), sender.as_str()),
            ] {
                let mut event = stage.compose("swp.room.message", message("x"));
                event["origin"] = json!(origin);
                event["sender"] = json!(sender);
                event::sign(&mut event, stage.peer.key());
                let request = json!({"events": [event]});
                let answer = stage.peer.post(&t.stranger(), "/send", &request).await?;
                answer.refused("SW_VALIDATION_ERROR").map_err(|stop| {
                    in_case(&format!("origin {origin:?}, sender {sender:?}"), stop)
                })?;
            }
        }
        Ok(())
    };
    under_policy(&admin, open(), work).await?;
    trap.must_be_unvisited("an origin or sender")?;
    stage.says("the log goes on").await.map(drop)
}

async fn loopback(t: Trial) -> Verdict {
    let (admin, stage, trap) = (t.admin()?, Stage::open(&t).await?, Trap::set().await?);
    let name = format!("localhost:{}", trap.port());
    let work = async {
        let key = Key::random();
        let id = format!("{name}#{}", key.key_id());
        let request = stage.peer.request("GET", HEADS, None).with_key(key);
        let request = request.manner(|manner| manner.key_id = id);
        let answer = request.send(&t.stranger()).await?;
        answer.refused("SW_FED_SIGNATURE_MISMATCH")?;
        let mut event = stage.compose("swp.room.message", message("x"));
        event["origin"] = json!(name);
        event["sender"] = json!(format!("@somebody:{name}"));
        event::sign(&mut event, stage.peer.key());
        rejected(
            &stage.send_one(&event).await?,
            "SW_FED_SIGNATURE_MISMATCH",
            false,
        )?;
        // The invitation is a durable job; where it would go is refused whenever it is tried.
        let request = json!({"fqid": format!("@somebody:{name}")});
        stage
            .owner
            .post(stage.room.at("/invite"), request)
            .await
            .map(drop)
    };
    under_policy(&admin, open(), work).await?;
    trap.must_be_unvisited("a name of the loopback")?;
    stage.says("the log goes on").await.map(drop)
}

async fn queries(t: Trial) -> Verdict {
    let (stage, trap) = (Stage::open(&t).await?, Trap::set().await?);
    for name in no_names(trap.port()) {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("origin", &name)
            .append_pair("epoch", "1")
            .append_pair("after_seq", "0")
            .finish();
        let answer = stage.get(&format!("/backfill?{query}")).await?;
        answer
            .refused("SW_VALIDATION_ERROR")
            .map_err(|stop| in_case(&format!("origin={name:?}"), stop))?;
    }
    trap.must_be_unvisited("an origin in a query")
}
