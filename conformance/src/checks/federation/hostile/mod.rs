//! What a hostile peer does: each check tries one thing, demands the specification's answer, and then that the server goes on
//! for everybody else.
//!
//! What an honest peer may get wrong stands elsewhere: each of the eight checks by itself in `order`, wrong signatures in
//! `signature`, wrong envelopes and single forks in `envelope`, the policy in `policy`. Here are their combinations and edges,
//! and what only malice sends. Checks that change the policy, the peer's descriptor or its answers run alone.

mod answers;
mod bodies;
mod forks;
mod invites;
mod keys;
mod names;
mod order;
mod pending;
mod signatures;
mod slow;
mod trap;

use serde_json::Value;

use super::stage::Stage;
use crate::check::{Check, Stop, Verdict};
use crate::client::Agent;
use crate::peer::Peer;
use crate::peer::policy::PATH;
use crate::trial::Trial;

/// A room that does not exist.
const NOWHERE: &str = "00000000-0000-8000-8000-000000000000";
/// What a rightly signed request for [`NOWHERE`] asks; it gets as far as check 6.
const HEADS: &str = "/rooms/00000000-0000-8000-8000-000000000000/heads";

pub(super) fn checks() -> Vec<Check> {
    [
        slow::checks(),
        order::checks(),
        bodies::checks(),
        signatures::checks(),
        names::checks(),
        answers::checks(),
        pending::checks(),
        forks::checks(),
        keys::checks(),
        invites::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The server goes on: a good event of somebody else of the same peer is taken and shown, and a person is answered.
async fn goes_on(t: &Trial) -> Verdict {
    let stage = Stage::open(t).await?;
    let event = stage.says("undisturbed").await?;
    stage.shown(&event, |_| true).await?;
    stage.owner.says(&stage.room, "so is this").await.map(drop)
}

/// The same in little: a lawful request of the peer gets as far as a lawful request gets.
async fn answers_peer(t: &Trial, peer: &Peer) -> Verdict {
    let answer = peer.get(&t.stranger(), HEADS).await?;
    answer.refused("SW_ROOM_NOT_FOUND").map(drop)
}

/// Sets keys of the policy for what `work` does.
async fn under_policy<T>(
    admin: &Agent,
    change: Value,
    work: impl Future<Output = Result<T, Stop>>,
) -> Result<T, Stop> {
    let before = admin.get(PATH).await?.ok()?;
    admin.put(PATH, change).await?.ok()?;
    let done = work.await;
    admin.put(PATH, before).await?.ok()?;
    done
}
