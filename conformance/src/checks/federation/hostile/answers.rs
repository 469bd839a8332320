//! What the server is answered when it calls a hostile peer: too much, packed, elsewhere, something else. It follows nowhere,
//! unpacks nothing, reads no more than its bounds, says so to whoever asked, and takes the right answer afterwards.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::stage::{Stage, body, new_guest};
use super::order::in_case;
use super::trap::Trap;
use super::{answers_peer, goes_on};
use crate::check::{Check, Stop, Verdict, failed, federation, skipped};
use crate::judge::{self, must};
use crate::peer::descriptor;
use crate::peer::mischief::{Ill, Mischief};
use crate::trial::Trial;

const SECTION: &str = "federation security, connections and limits";
/// More than the largest bound on an answer (16 MiB), and what sockets on the way may hold.
const MOST_TAKEN: u64 = 40 << 20;
/// None of these answers is worth waiting for.
const PROMPTLY: Duration = Duration::from_secs(15);

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "hostile/answers: a descriptor that is endless, packed, elsewhere or no JSON is not taken",
            descriptors,
        )
        .alone(),
        federation(
            SECTION,
            "hostile/answers: a host that answers a join like that gets its guest SW_SERVICE_UNAVAILABLE",
            joins,
        )
        .alone(),
        federation(
            SECTION,
            "hostile/answers: heads and pages like that fill no gap and harm nobody; the right ones fill it",
            pages,
        )
        .alone(),
        federation(
            SECTION,
            "hostile/answers: an invitation answered like that waits, and goes out again",
            invitations,
        )
        .alone(),
        federation(
            SECTION,
            "hostile/answers: results of a delivery like that lose nothing",
            deliveries,
        )
        .alone(),
    ]
}

/// Everything that a call may be answered with, by name; redirects lead into the trap and to a cloud's metadata.
fn ills(trap: &Trap) -> Vec<(&'static str, Ill)> {
    let elsewhere = format!("http://127.0.0.1:{}/", trap.port());
    vec![
        ("an endless body", Ill::Endless),
        ("a body of 2^40 bytes", Ill::StatedHuge),
        ("a packed body", Ill::Bomb),
        ("a redirect to the loopback", Ill::Redirect(elsewhere)),
        (
            "a redirect to metadata",
            Ill::Redirect("http://169.254.169.254/latest/meta-data/".to_owned()),
        ),
        (
            "a redirect to itself",
            Ill::Redirect(descriptor::PATH.to_owned()),
        ),
        ("a page for people", Ill::Page),
        ("thousands of headers", Ill::ManyHeaders),
        ("a header of 1 MiB", Ill::LongHeader),
        ("no body", Ill::Text(String::new())),
        ("null", Ill::Text("null".to_owned())),
        ("a list", Ill::Text("[]".to_owned())),
        ("an empty object", Ill::Text("{}".to_owned())),
        ("deep lists", Ill::Text("[".repeat(60_000))),
    ]
}

/// How much of it was taken, and that it is not being taken any more.
async fn is_bounded(t: &Trial, mischief: &Mischief) -> Verdict {
    t.until("the endless body is given up", || async {
        Ok((!mischief.is_open()).then_some(()))
    })
    .await?;
    must(mischief.bytes() < MOST_TAKEN, || {
        format!("the server took {} bytes of an answer", mischief.bytes())
    })
}

async fn descriptors(t: Trial) -> Verdict {
    let (admin, peer, trap) = (t.admin()?, t.peer()?, Trap::set().await?);
    let path = format!("/v1/admin/federation/peers/{}/confirm-key", peer.name());
    let shown = json!({"key_id": peer.key().key_id()});
    if admin.post(path.clone(), shown.clone()).await?.status == 404 {
        return Err(skipped("the server has no endpoint that confirms keys"));
    }
    for (name, ill) in ills(&trap) {
        let mischief = peer.misbehaves(ill, |request| request.path == descriptor::PATH);
        let begin = Instant::now();
        let (answer, meanwhile) = tokio::join!(
            admin.post(path.clone(), shown.clone()),
            answers_peer(&t, &peer)
        );
        meanwhile?;
        let refused = answer?.refused("SW_SERVICE_UNAVAILABLE").map(drop);
        refused.map_err(|stop| in_case(name, stop))?;
        must(begin.elapsed() < PROMPTLY && mischief.times() == 1, || {
            format!("{name}: asked {} times", mischief.times())
        })?;
        is_bounded(&t, &mischief).await?;
    }
    trap.must_be_unvisited("a redirect")?;
    admin.post(path, shown).await?.ok()?;
    answers_peer(&t, &peer).await
}

async fn joins(t: Trial) -> Verdict {
    let (peer, person, trap) = (t.peer()?, t.person().await?, Trap::set().await?);
    let creator = new_guest(&peer);
    let room_id = peer.creates_room(&creator, "A room of a hostile host");
    let invite = peer
        .invites(&room_id, &creator, person.fqid())
        .ok_or_else(|| failed("the suite has lost its room"))?;
    body(&peer.post(&t.stranger(), "/invite", &invite).await?)?;
    let accept = format!("/v1/me/invitations/{room_id}/accept");
    for what in ["/join", "/backfill"] {
        let mut ills = ills(&trap);
        ills.push(("no events", Ill::Json(json!({"events": []}))));
        for (name, ill) in ills {
            let path = format!("/rooms/{room_id}{what}");
            let mischief = peer.misbehaves(ill, move |request| request.path == path);
            let begin = Instant::now();
            let answer = person.post(accept.clone(), json!({})).await?;
            let refused = answer.refused("SW_SERVICE_UNAVAILABLE").map(drop);
            refused.map_err(|stop| in_case(&format!("{what} with {name}"), stop))?;
            must(begin.elapsed() < PROMPTLY, || {
                format!("{what} with {name} took {:?}", begin.elapsed())
            })?;
            is_bounded(&t, &mischief).await?;
        }
    }
    trap.must_be_unvisited("a redirect")?;
    person.post(accept, json!({})).await?.ok()?;
    goes_on(&t).await
}

async fn pages(t: Trial) -> Verdict {
    let (stage, trap) = (Stage::open(&t).await?, Trap::set().await?);
    stage.says("before").await?;
    for what in ["heads", "backfill"] {
        for (name, ill) in ills(&trap) {
            let path = format!("/rooms/{}/{what}", stage.room.id);
            let mischief = stage
                .peer
                .misbehaves(ill, move |request| request.path == path);
            let missing = stage.append_message("kept back");
            let late = stage.append_message("behind it");
            judge::equal(&stage.send_one(&late).await?, "/status", "pending")?;
            t.until("the server looks for what is missing", || async {
                Ok((mischief.times() > 0).then_some(()))
            })
            .await
            .map_err(|stop| in_case(&format!("{what} with {name}"), stop))?;
            is_bounded(&t, &mischief).await?;
            stage.not_shown(&late).await?;
            drop(mischief);
            // What was pending may have been kept or not; a sender that tries again loses nothing.
            for event in [&missing, &late] {
                let result = stage.send_one(event).await?;
                must(taken(&result), || format!("a good event got {result}"))?;
            }
            stage.shown(&late, |_| true).await?;
        }
    }
    trap.must_be_unvisited("a redirect")?;
    goes_on(&t).await
}

/// It may have been fetched in the meantime.
fn taken(result: &Value) -> bool {
    result["status"] == "accepted" || result["status"] == "duplicate"
}

/// Ends the waiting after failures.
async fn retries(t: &Trial) -> Result<(), Stop> {
    let path = format!("/v1/admin/federation/peers/{}/retry", t.peer()?.name());
    t.admin()?.post(path, json!({})).await?.ok().map(drop)
}

async fn invitations(t: Trial) -> Verdict {
    let (busy, trap) = (Stage::open(&t).await?, Trap::set().await?);
    for (name, ill) in ills(&trap) {
        // To a server that reads the room already, the log would tell it.
        let stage = Stage::empty(&t).await?;
        let room_id = stage.room.id.clone();
        let is_answer = matches!(&ill, Ill::Page | Ill::Text(_) | Ill::Bomb);
        let mischief = stage.peer.misbehaves(ill, move |request| {
            request.path == "/invite" && request.body["event"]["room_id"] == room_id.as_str()
        });
        let request = json!({"fqid": stage.guest});
        let path = stage.room.at("/invite");
        stage.owner.post(path, request).await?.ok()?;
        retries(&t).await?;
        t.until("the invitation goes out", || async {
            Ok((mischief.times() > 0).then_some(()))
        })
        .await
        .map_err(|stop| in_case(name, stop))?;
        is_bounded(&t, &mischief).await?;
        busy.says("meanwhile").await?;
        drop(mischief);
        // What says 200 may count as taken, whatever it says beside.
        if is_answer {
            continue;
        }
        retries(&t).await?;
        stage
            .peer
            .gets("the invitation again", |request| {
                !request.refused
                    && request.path == "/invite"
                    && request.body["event"]["content"]["participant"] == stage.guest.as_str()
            })
            .await
            .map_err(|stop| in_case(name, stop))?;
    }
    trap.must_be_unvisited("a redirect")
}

async fn deliveries(t: Trial) -> Verdict {
    let (stage, trap) = (Stage::open(&t).await?, Trap::set().await?);
    let mut ills = ills(&trap);
    let results = |results: Value| Ill::Json(json!({"results": results}));
    ills.extend([
        ("no results", results(json!([]))),
        ("results that are none", results(json!([1, null]))),
    ]);
    for (name, ill) in ills {
        let room_id = stage.room.id.clone();
        let mischief = stage.peer.misbehaves(ill, move |request| {
            let events = request.events();
            events
                .iter()
                .any(|event| event["room_id"] == room_id.as_str())
        });
        let sent = stage.owner.says(&stage.room, name).await?;
        t.until("the delivery", || async {
            Ok((mischief.times() > 0).then_some(()))
        })
        .await
        .map_err(|stop| in_case(name, stop))?;
        is_bounded(&t, &mischief).await?;
        stage.says("meanwhile").await?;
        drop(mischief);
        retries(&t).await?;
        stage
            .gets("the message again", |event| event["event_id"] == sent["id"])
            .await
            .map_err(|stop| in_case(name, stop))?;
    }
    trap.must_be_unvisited("a redirect")?;
    goes_on(&t).await
}
