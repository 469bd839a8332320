//! Requests that are wrong in two things at once: of each two of the eight checks the earlier one answers.

use serde_json::{Value, json};

use super::super::stage::{Stage, body, message, rejected};
use super::{NOWHERE, goes_on, under_policy};
use crate::check::{Check, Stop, Verdict, failed, federation};
use crate::client::answer::Answer;
use crate::judge;
use crate::peer::outgoing::Signed;
use crate::protocol::event;
use crate::protocol::key::Key;
use crate::trial::Trial;

const SECTION: &str = "federation checks, the order";
const CHECKS: std::ops::RangeInclusive<u8> = 1..=8;

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "hostile/order: of each two checks that a request fails, the earlier one answers",
            pairs,
        )
        .alone(),
    ]
}

/// The code with which a check answers what [`request`] gets wrong for it.
fn code(check: u8) -> &'static str {
    match check {
        1 => "SW_VALIDATION_ERROR",
        2 => "SW_FED_PROTOCOL_VERSION",
        3 => "SW_FED_REFUSED",
        4 => "SW_FED_PEER_UNKNOWN",
        5 | 7 => "SW_FED_SIGNATURE_MISMATCH",
        6 => "SW_ROOM_NOT_FOUND",
        _ => "SW_NOT_MEMBER",
    }
}

/// The policy under which checks 3 and 4 fail as asked.
fn policy(stage: &Stage, fails: &[u8]) -> Value {
    let mut change = json!({});
    if fails.contains(&3) {
        change["default_mode"] = json!("closed");
    }
    if fails.contains(&4) {
        change["denied_peers"] = json!([stage.peer.name()]);
    }
    change
}

/// One event, wrong in what is asked of checks 1 and 6 to 8.
fn event(stage: &Stage, fails: &[u8]) -> Result<Value, Stop> {
    let mut draft = stage.draft("swp.room.message", message("wrong in two things"));
    if fails.contains(&8) {
        draft.sender = json!(stage.peer.fqid("nobody"));
    }
    let composed = stage.copy(|room| {
        let mut log = room.own.clone();
        if fails.contains(&6) {
            log.room_id = NOWHERE.to_owned();
        }
        let event = log.compose(&draft, stage.peer.key());
        if fails == [8] {
            // It takes its place in the log.
            room.own.advance(&event);
            room.learn(&event);
        }
        event
    });
    let mut event = composed.ok_or_else(|| failed("the suite has lost its room"))?;
    if fails.contains(&1) {
        event["extra"] = json!(1);
        event::sign(&mut event, stage.peer.key());
    }
    if fails.contains(&7) {
        let id = event["key_id"].clone();
        event::sign(&mut event, &Key::random());
        event["key_id"] = id;
    }
    Ok(event)
}

/// A request with that event, wrong in what is asked of checks 2 and 5.
fn request(stage: &Stage, fails: &[u8]) -> Result<Signed, Stop> {
    let events = json!({"events": [event(stage, fails)?]});
    let mut request = stage.peer.request("POST", "/send", Some(&events));
    if fails.contains(&2) {
        request = request.manner(|manner| manner.protocol = "v999".to_owned());
    }
    if fails.contains(&5) {
        request = request.with_key(Key::random());
    }
    Ok(request)
}

fn answered_by(check: u8, answer: &Answer) -> Verdict {
    if check <= 5 {
        return answer.refused(code(check)).map(drop);
    }
    let results = judge::list(&body(answer)?, "/results")?;
    let result = results.first().ok_or_else(|| failed("no result"))?;
    rejected(result, code(check), check == 8)
}

async fn pairs(t: Trial) -> Verdict {
    let (admin, stage) = (t.admin()?, Stage::open(&t).await?);
    for earlier in CHECKS {
        for later in earlier..=*CHECKS.end() {
            let fails: Vec<u8> = if earlier == later {
                vec![earlier]
            } else {
                vec![earlier, later]
            };
            let request = request(&stage, &fails)?;
            let change = policy(&stage, &fails);
            let answer = under_policy(&admin, change, request.send(&t.stranger())).await?;
            answered_by(earlier, &answer)
                .map_err(|stop| in_case(&format!("what fails checks {fails:?}"), stop))?;
        }
    }
    stage.says("the log goes on").await?;
    goes_on(&t).await
}

/// Says in which case of a table a check failed.
pub(super) fn in_case(case: &str, stop: Stop) -> Stop {
    match stop {
        Stop::Failed(reason) => failed(format!("{case}: {reason}")),
        skipped => skipped,
    }
}
