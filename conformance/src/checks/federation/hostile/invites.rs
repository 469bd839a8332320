//! Invitations without end: a person is spared, and so are people of other peers.

use std::time::Instant;

use super::super::stage::{body, new_guest};
use super::goes_on;
use crate::check::{Check, Stop, Verdict, failed, federation, skipped};
use crate::client::answer::Answer;
use crate::judge::{self, must};
use crate::peer::Peer;
use crate::trial::Trial;

const SECTION: &str = "federation security, limits";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "hostile/rates: more than 10 invitations to one person within a minute get SW_RATE_LIMIT_EXCEEDED",
            to_one_person,
        )
        .alone(),
        federation(
            SECTION,
            "hostile/rates: more than 60 invitations within a minute get SW_RATE_LIMIT_EXCEEDED",
            to_many,
        )
        .alone(),
    ]
}

/// Who turns off all limits has none for invitations, and shows none to clients.
async fn has_limits(t: &Trial) -> Verdict {
    let answer = t.person().await?.get("/v1/me").await?;
    match answer.header("X-RateLimit-Limit") {
        Some(_) => Ok(()),
        None => Err(skipped("the server has no rate limits")),
    }
}

/// Sends an invitation to a new room and takes whatever comes, a 429 too.
async fn invites(t: &Trial, peer: &Peer, guest: &str) -> Result<Answer, Stop> {
    let creator = new_guest(peer);
    let room_id = peer.creates_room(&creator, "One of a thousand");
    let invite = peer
        .invites(&room_id, &creator, guest)
        .ok_or_else(|| failed("the suite has lost its room"))?;
    let request = peer.request("POST", "/invite", Some(&invite));
    request.impatient().send(&t.stranger()).await
}

/// Invites until it is refused; how often it was not.
async fn until_refused(
    t: &Trial,
    peer: &Peer,
    guests: &[String],
    most: usize,
    begin: Instant,
) -> Result<usize, Stop> {
    for (count, guest) in guests.iter().cycle().enumerate() {
        // A bucket may fill again while it is emptied.
        let refilled = begin.elapsed().as_secs() as usize * most / 60;
        if count > most + refilled + 1 {
            break;
        }
        let answer = invites(t, peer, guest).await?;
        if answer.status == 200 {
            judge::equal(&body(&answer)?, "/ok", true)?;
            continue;
        }
        answer.refused("SW_RATE_LIMIT_EXCEEDED")?;
        let wait = answer.must_header("Retry-After")?;
        let seconds: u64 = wait.parse().unwrap_or(0);
        must((1..=60).contains(&seconds), || {
            format!("Retry-After is {wait:?}")
        })?;
        return Ok(count);
    }
    Err(failed(format!(
        "more than {most} invitations within a minute were taken"
    )))
}

async fn to_one_person(t: Trial) -> Verdict {
    has_limits(&t).await?;
    let peer = t.peer()?;
    let (one, other) = (t.newcomer().await?, t.newcomer().await?);
    let begin = Instant::now();
    let taken = until_refused(&t, &peer, &[one.fqid().to_owned()], 10, begin).await?;
    must(taken >= 10, || {
        format!("a receiver may not be stricter than 10 a minute: {taken} were taken")
    })?;
    let answer = invites(&t, &peer, other.fqid()).await?;
    judge::equal(&body(&answer)?, "/ok", true)?;
    let (rows, _) = one.get("/v1/me/invitations").await?.list()?;
    must(rows.len() == taken, || {
        format!("{taken} were taken and {} are there", rows.len())
    })
}

async fn to_many(t: Trial) -> Verdict {
    has_limits(&t).await?;
    let peer = t.peer()?;
    let mut guests = Vec::new();
    for _ in 0..8 {
        guests.push(t.newcomer().await?.fqid().to_owned());
    }
    let begin = Instant::now();
    until_refused(&t, &peer, &guests, 60, begin).await?;
    // What is no invitation is answered as before.
    goes_on(&t).await
}
