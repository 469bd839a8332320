//! A ban, and what the banned person's server had said, or says it had said, before it.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::super::{BOB, Home, Log, Peer};
use super::{append, heads, is_sound, log, message, outcomes, rests, rows, tenant, texts};
use crate::app::test_server::{START, Server};
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::sign::PublicKey;
use crate::events::model::{Shown, Standing};
use crate::federation::core::policy::{DefaultMode, PolicyChange};
use crate::federation::exchange::catch_up;
use crate::federation::exchange::pages::Keys;
use crate::messages;
use crate::rooms::core::decide::Command;
use crate::rooms::store::members;
use crate::rooms::timeline::Part;

const MALLORY: &str = "@m:b.example";
/// The last event of B that the ban lets count.
const LAST: i64 = 123;

/// What comes next at a server that is not the host.
enum Next {
    /// The host's log up to the ban, and with it.
    Ban,
    /// The host's log up to the redaction.
    Redaction,
    /// Events of B's log.
    Events(&'static [i64]),
}

/// Orders of arrival at other servers; after each, everything comes once more in its order.
const ELSEWHERE: [&[Next]; 4] = [
    &[
        Next::Events(&[122, 123, 124, 125, 126]),
        Next::Ban,
        Next::Redaction,
    ],
    &[
        Next::Events(&[122, 123]),
        Next::Ban,
        Next::Events(&[124, 125, 126]),
    ],
    &[
        Next::Redaction,
        Next::Events(&[126, 125]),
        Next::Events(&[122, 123, 124]),
    ],
    &[
        Next::Events(&[125, 126]),
        Next::Events(&[122, 123, 124]),
        Next::Redaction,
    ],
];
/// Orders of arrival at the host, which has banned by then and named event 123.
const AT_HOST: [&[&[i64]]; 4] = [
    &[&[124, 125, 126]],
    &[&[126], &[125], &[124]],
    &[&[125, 126], &[124]],
    &[&[124], &[126]],
];

/// Another server of the room.
struct Elsewhere {
    server: Server,
    room: RoomId,
    host_key: PublicKey,
}

impl Elsewhere {
    async fn start(name: &str, room: RoomId, host: &Server) -> Elsewhere {
        let server = Server::start(&[("SCAIWAVE_SERVER_NAME", name)]).await;
        rests(&server);
        let open = PolicyChange {
            default_mode: Some(DefaultMode::Open),
            ..PolicyChange::default()
        };
        let policies = server.app.federation().policies();
        policies
            .change(&tenant(&server), open, START)
            .await
            .unwrap();
        let host_key = host.app.keys().current(&tenant(host)).unwrap();
        Elsewhere {
            server,
            room,
            host_key: host_key.public_key().clone(),
        }
    }

    async fn takes(&self, by: &str, events: Vec<Event>) {
        let (app, tenant, by) = (&self.server.app, tenant(&self.server), by.parse().unwrap());
        let pinned = Some(("a.example".parse().unwrap(), vec![self.host_key.clone()]));
        let keys = Keys::load(app, &tenant, self.room, pinned).await.unwrap();
        catch_up::place(app, &tenant, &by, keys, events, Part::Beginning)
            .await
            .unwrap();
    }
}

/// What one server holds of the room at the end.
#[derive(Debug, PartialEq)]
struct Held {
    heads: Vec<String>,
    /// Membership and level of each person.
    members: BTreeMap<String, (&'static str, u8)>,
    /// Events of B that count for nothing.
    voids: Vec<i64>,
    /// Contents of B's last events.
    shown: Vec<(i64, Option<Value>)>,
    /// Which of B's last messages are redacted.
    redacted: Vec<i64>,
}

async fn held(server: &Server, room: RoomId) -> Held {
    let tenant = tenant(server);
    let of_b = log(server, room, &"b.example".parse().unwrap()).await;
    let people = members::list(&tenant, server.app.db(), room, ("", None), 100, 0).await;
    let people = people.unwrap().0.into_iter();
    let voids = of_b
        .iter()
        .filter(|placed| placed.standing == Standing::Void);
    let last: Vec<_> = of_b
        .iter()
        .filter(|placed| placed.event.seq >= 122)
        .collect();
    let mut redacted = Vec::new();
    let mut tx = server.app.db().begin().await.unwrap();
    for placed in &last {
        let id = placed.event.event_id;
        if messages::project::is_redacted(&tenant, &mut tx, id)
            .await
            .unwrap()
        {
            redacted.push(placed.event.seq);
        }
    }
    let is_shown = last.iter().filter(|placed| placed.shown == Shown::History);
    Held {
        heads: heads(server, room).await,
        members: people
            .map(|row| {
                (
                    row.fqid.to_string(),
                    (row.membership.as_str(), row.power_level),
                )
            })
            .collect(),
        voids: voids.map(|placed| placed.event.seq).collect(),
        shown: is_shown
            .map(|placed| (placed.event.seq, placed.event.content.clone()))
            .collect(),
        redacted,
    }
}

/// The host's log as it is now.
async fn host_log(home: &Home, room: RoomId) -> Vec<Event> {
    let placed = log(&home.server, room, &"a.example".parse().unwrap()).await;
    placed
        .iter()
        .map(|placed| (*placed.event).clone())
        .collect()
}

fn events(log: &Log, seqs: &[i64]) -> Vec<Event> {
    let at = |seq: &i64| log.events[usize::try_from(*seq).unwrap() - 1].clone();
    seqs.iter().map(|seq| at(seq).into_inner()).collect()
}

fn values(log: &Log, seqs: &[i64]) -> Vec<Value> {
    let events = events(log, seqs);
    events.iter().map(Event::to_value).collect()
}

/// Case F-08: whatever came before the ban or after it, and in which order, all servers end alike.
#[tokio::test]
async fn what_lies_beyond_a_ban_s_cut_off_counts_nowhere_in_whatever_order_it_came() {
    for (at, order) in AT_HOST.iter().enumerate() {
        let home = Home::start().await;
        rests(&home.server);
        let b = Peer::allowed(&home, "b.example", 2).await;
        // Bob is B's other user, whom nothing of this concerns.
        let (room, mut log_of_b) = home.shared_with(&b).await;
        home.invite(room, MALLORY).await;
        b.join(&home, room, "m", &log_of_b).await;
        log_of_b.hear(&home).await;
        for seq in 1..=126 {
            let sender = if seq % 2 == 1 && seq < 122 {
                BOB
            } else {
                MALLORY
            };
            let draft = message(&log_of_b, &b, sender, &format!("said as {seq}"));
            append(&mut log_of_b, draft, &b.key);
        }
        let counted: Vec<i64> = (1..=LAST).collect();
        let taken = outcomes(&home, &b, &values(&log_of_b, &counted)).await;
        assert!(taken.iter().all(|word| word == "accepted"));

        // The ban is of later than what B dates 124 to 126, which claim the state before it.
        home.server.clock.advance(60_000);
        let target = Some(MALLORY.parse().unwrap());
        let ban = Command::Ban {
            target,
            reason: None,
        };
        home.act(room, ban).await;
        let with_ban = host_log(&home, room).await;
        let banned = with_ban.last().unwrap();
        let cutoff = &banned.content.as_ref().unwrap()["cutoff"]["b.example"];
        assert_eq!(cutoff["seq"], LAST);
        assert!(banned.ts > log_of_b.events[125].ts);
        assert!(banned.seq > log_of_b.events[125].state_seq);
        for seqs in *order {
            outcomes(&home, &b, &values(&log_of_b, seqs)).await;
        }
        let message_123 = log_of_b.events[122].event_id;
        let path = format!("/v1/rooms/{room}/events/{message_123}/redact");
        home.ask(Method::POST, &path, json!({})).await;
        log_of_b.hear(&home).await;
        let draft = message(&log_of_b, &b, BOB, "said as 127");
        append(&mut log_of_b, draft, &b.key);
        let rest = outcomes(&home, &b, &values(&log_of_b, &[124, 125, 126, 127])).await;
        assert_eq!(rest[3], "accepted", "{rest:?}");
        let all_of_host = host_log(&home, room).await;

        let mut servers = vec![home.server];
        for (name, order) in [("c.example", at), ("d.example", (at + 1) % 4)] {
            let there = Elsewhere::start(name, room, &servers[0]).await;
            let known = with_ban.len() - 1;
            there.takes("a.example", with_ban[..known].to_vec()).await;
            let first: Vec<i64> = (1..=121).collect();
            there.takes("b.example", events(&log_of_b, &first)).await;
            for next in ELSEWHERE[order] {
                match next {
                    Next::Ban => there.takes("a.example", with_ban.clone()).await,
                    Next::Redaction => there.takes("a.example", all_of_host.clone()).await,
                    Next::Events(seqs) => there.takes("b.example", events(&log_of_b, seqs)).await,
                }
            }
            there.takes("a.example", all_of_host.clone()).await;
            let last: Vec<i64> = (122..=127).collect();
            there.takes("b.example", events(&log_of_b, &last)).await;
            servers.push(there.server);
        }

        let content = |seq: i64| {
            log_of_b.events[usize::try_from(seq).unwrap() - 1]
                .content
                .clone()
        };
        for server in &servers {
            let held = held(server, room).await;
            assert_eq!(held.voids, [124, 125, 126]);
            assert_eq!(held.redacted, [123]);
            let expected = [(122, content(122)), (123, None), (127, content(127))];
            assert_eq!(held.shown, expected);
            assert_eq!(held.members[MALLORY], ("ban", 0));
            assert_eq!(held.members[BOB], ("join", 0));
            for (table, rows) in rows(server).await {
                let is_kept = |seq| {
                    rows.iter()
                        .any(|row| row.contains(&format!("said as {seq}\"")))
                };
                let kept: Vec<_> = (123..=126).filter(|seq| is_kept(*seq)).collect();
                assert_eq!(kept, [0; 0], "contents in {table}");
            }
            is_sound(server).await;
        }
        let at_host = held(&servers[0], room).await;
        for server in &servers[1..] {
            assert_eq!(held(server, room).await, at_host);
        }
        let read = texts(&servers[0], "alice", room).await;
        let last = &read[read.len() - 3..];
        assert_eq!(
            last,
            [json!("said as 122"), Value::Null, json!("said as 127")]
        );
    }
}
