//! What a delivery to another server comes to: how long to wait after a failure, how far a position moves after an
//! answer, and what to do with a batch that is refused as a whole. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::events::core::ids::{EventId, RoomId};

/// Most events in one batch.
pub const MAX_BATCH_EVENTS: usize = 100;
/// Largest batch in bytes.
pub const MAX_BATCH_BYTES: usize = 1 << 20;

const SECOND_MS: u64 = 1_000;
const HOUR_MS: u64 = 3_600 * SECOND_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
/// After how long a peer is tried once a day only.
const GIVEN_UP_AFTER_MS: u64 = 7 * DAY_MS;
/// How much of an other server's message is kept.
const MAX_REASON_CHARS: usize = 300;

/// How long to wait after `failures` failures in a row, the first of them `failing_for_ms` ago: one second, doubling up
/// to an hour, once a day after a week. `jitter` from 0 to 1 spreads those who failed together over half of it.
#[must_use]
pub fn backoff(failures: u32, failing_for_ms: i64, jitter: f64) -> Duration {
    let whole = if u64::try_from(failing_for_ms).is_ok_and(|ms| ms >= GIVEN_UP_AFTER_MS) {
        return Duration::from_millis(DAY_MS)
            + Duration::from_millis(HOUR_MS).mul_f64(jitter.clamp(0.0, 1.0));
    } else {
        SECOND_MS
            .saturating_mul(1 << failures.saturating_sub(1).min(20))
            .min(HOUR_MS)
    };
    Duration::from_millis(whole / 2)
        + Duration::from_millis(whole / 2).mul_f64(jitter.clamp(0.0, 1.0))
}

/// How long a log has been stalled after so many tries in a row: as long as their waits are on average. So one that nobody
/// helps is tried once a day too, after about a week.
#[must_use]
pub fn stalled_for_ms(stalls: u32) -> i64 {
    let doubling = stalls.min(12);
    let seconds = (1_i64 << doubling) - 1;
    let hours = i64::from(stalls - doubling);
    (seconds * 1_000 + hours * 3_600_000) * 3 / 4
}

/// What the other server says about one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum EventResult {
    /// It is stored there.
    Accepted,
    /// It was there already.
    Duplicate,
    /// It is stored there, and judged later.
    Pending,
    /// It does not count there.
    Rejected {
        /// The catalogue's error object.
        error: Reason,
        /// True: void, it took its place in the log; false: the log stalls at it.
        placed: bool,
    },
}

/// Why an event is rejected, in the catalogue's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// A code of the catalogue.
    pub code: String,
    /// For people.
    pub message: String,
}

/// A place in this server's log of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace {
    /// The epoch, from 1.
    pub epoch: i64,
    /// The number in it, 0 for before its first event.
    pub seq: i64,
}

/// What a delivery means for one room.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomOutcome {
    /// How far the other server has the log now; none if no further than before.
    pub reached: Option<LogPlace>,
    /// Why it can go no further, if it cannot.
    pub stalled: Option<String>,
    /// What it said about each event, counted by status.
    pub results: BTreeMap<&'static str, u64>,
}

impl EventResult {
    /// The status in the answer.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self {
            EventResult::Accepted => "accepted",
            EventResult::Duplicate => "duplicate",
            EventResult::Pending => "pending",
            EventResult::Rejected { .. } => "rejected",
        }
    }
}

/// The answer to a delivery is not what was agreed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Not the JSON that an answer is.
    #[error("the answer to a delivery is malformed: {0}")]
    Shape(String),
    /// Another number of results than events.
    #[error("the answer has {found} results for {sent} events")]
    Count {
        /// Events sent.
        sent: usize,
        /// Results received.
        found: usize,
    },
    /// A result of another event than the one that stands in its place.
    #[error("the answer speaks of {found} where {sent} was sent")]
    OtherEvent {
        /// The event sent.
        sent: EventId,
        /// The event spoken of.
        found: EventId,
    },
}

/// An event that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its room.
    pub room_id: RoomId,
    /// Its place in this server's log.
    pub place: LogPlace,
    /// Its id.
    pub event_id: EventId,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<OfEvent>,
}

#[derive(Deserialize)]
struct OfEvent {
    event_id: EventId,
    #[serde(flatten)]
    result: EventResult,
}

/// Reads the answer to a delivery of these events, in their order, and tells how far each room got.
///
/// A room goes no further than its first event that could not be placed.
///
/// # Errors
/// The answer says nothing about these events.
pub fn settle(sent: &[Sent], answer: &[u8]) -> Result<BTreeMap<RoomId, RoomOutcome>, AnswerError> {
    let answer: Answer =
        serde_json::from_slice(answer).map_err(|error| AnswerError::Shape(error.to_string()))?;
    if answer.results.len() != sent.len() {
        return Err(AnswerError::Count {
            sent: sent.len(),
            found: answer.results.len(),
        });
    }
    let mut rooms: BTreeMap<RoomId, RoomOutcome> = BTreeMap::new();
    for (sent, OfEvent { event_id, result }) in sent.iter().zip(answer.results) {
        if event_id != sent.event_id {
            return Err(AnswerError::OtherEvent {
                sent: sent.event_id,
                found: event_id,
            });
        }
        let room = rooms.entry(sent.room_id).or_default();
        *room.results.entry(result.status()).or_default() += 1;
        if room.stalled.is_some() {
            continue;
        }
        match result {
            EventResult::Rejected {
                error,
                placed: false,
            } => room.stalled = Some(shortened(&error)),
            EventResult::Accepted
            | EventResult::Duplicate
            | EventResult::Pending
            | EventResult::Rejected { placed: true, .. } => room.reached = Some(sent.place),
        }
    }
    Ok(rooms)
}

fn shortened(reason: &Reason) -> String {
    format!("{}: {}", reason.code, reason.message)
        .chars()
        .take(MAX_REASON_CHARS)
        .collect()
}

/// What to do after a batch was refused as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Something in it is at fault: send less at a time.
    Split,
    /// Not the batch is at fault: send it again later.
    Later,
}

/// Judges the status of an answer other than 200.
#[must_use]
pub fn refused(status: StatusCode) -> Refused {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => Refused::Split,
        _ => Refused::Later,
    }
}

/// How a batch is cut after refusals: half as many events each time; one that stands alone goes once more without its
/// content, and if even that is refused its log stalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Most events in the next batch.
    pub events: usize,
    /// Whether they go without content.
    pub bare: bool,
}

impl Default for Cut {
    fn default() -> Self {
        Self {
            events: MAX_BATCH_EVENTS,
            bare: false,
        }
    }
}

impl Cut {
    /// The next cut after a batch of `sent` events was refused; none if there is nothing left to leave out.
    #[must_use]
    pub fn after_refusal(self, sent: usize) -> Option<Self> {
        match sent {
            2.. => Some(Self {
                events: sent.min(self.events).div_ceil(2),
                bare: false,
            }),
            _ if !self.bare => Some(Self {
                events: 1,
                bare: true,
            }),
            _ => None,
        }
    }

    /// The next cut after a batch was taken: the culprit of a refusal may still lie ahead, so it grows again slowly.
    #[must_use]
    pub fn after_success(self) -> Self {
        Self {
            events: (self.events * 2).min(MAX_BATCH_EVENTS),
            bare: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn room(number: u8) -> RoomId {
        format!("00000000-0000-8000-8000-0000000000{number:02}")
            .parse()
            .unwrap()
    }

    fn place(seq: i64) -> LogPlace {
        LogPlace { epoch: 1, seq }
    }

    fn sent(number: u8, seq: i64) -> Sent {
        let id = format!("019e7044-8be8-7b05-8d6d-{number:04}{seq:08}");
        Sent {
            room_id: room(number),
            place: place(seq),
            event_id: id.parse().unwrap(),
        }
    }

    /// An answer with these results of these events.
    fn answer<const N: usize>(of: &[Sent], mut results: [serde_json::Value; N]) -> Vec<u8> {
        for (result, sent) in results.iter_mut().zip(of) {
            result["event_id"] = json!(sent.event_id);
        }
        json!({"results": results.as_slice()})
            .to_string()
            .into_bytes()
    }

    fn rejected(placed: bool) -> serde_json::Value {
        json!({"status": "rejected", "error": {"code": "SW_ROOM_FROZEN", "message": "no"}, "placed": placed})
    }

    #[test]
    fn waiting_doubles_up_to_an_hour_and_becomes_a_day_after_a_week() {
        let seconds = |failures, days: i64, jitter| {
            backoff(failures, days * 86_400_000, jitter).as_secs_f64()
        };
        assert_eq!(seconds(1, 0, 1.0), 1.0);
        assert_eq!(seconds(1, 0, 0.0), 0.5);
        assert_eq!(seconds(4, 0, 1.0), 8.0);
        assert_eq!(seconds(4, 0, 0.5), 6.0);
        assert_eq!(seconds(12, 0, 1.0), 2_048.0);
        assert_eq!(seconds(13, 0, 1.0), 3_600.0);
        assert_eq!(seconds(u32::MAX, 6, 1.0), 3_600.0);
        assert_eq!(seconds(200, 7, 0.0), 86_400.0);
        assert_eq!(seconds(200, 7, 1.0), 90_000.0);
    }

    #[test]
    fn a_stalled_log_is_tried_once_a_day_after_about_a_week() {
        let hours = |stalls| backoff(stalls, stalled_for_ms(stalls), 1.0).as_secs_f64() / 3_600.0;
        assert_eq!(stalled_for_ms(0), 0);
        assert_eq!(hours(13), 1.0);
        assert_eq!(hours(234), 1.0);
        assert_eq!(hours(235), 25.0);
        assert_eq!(hours(u32::MAX), 25.0);
    }

    #[test]
    fn a_position_moves_on_for_all_that_took_their_place() {
        let sent: Vec<_> = (1..=4).map(|seq| sent(1, seq)).collect();
        let results = [
            json!({"status": "accepted"}),
            json!({"status": "duplicate"}),
            rejected(true),
            json!({"status": "pending"}),
        ];
        let rooms = settle(&sent, &answer(&sent, results)).unwrap();
        assert_eq!(
            rooms[&room(1)],
            RoomOutcome {
                reached: Some(place(4)),
                stalled: None,
                results: ["accepted", "duplicate", "rejected", "pending"]
                    .map(|status| (status, 1))
                    .into(),
            }
        );
    }

    #[test]
    fn a_stalled_log_holds_up_no_other_room() {
        let sent = [sent(1, 1), sent(2, 9), sent(1, 2), sent(1, 3), sent(2, 10)];
        let ok = || json!({"status": "accepted"});
        let results = [ok(), ok(), rejected(false), ok(), ok()];
        let rooms = settle(&sent, &answer(&sent, results)).unwrap();
        assert_eq!(
            rooms[&room(1)],
            RoomOutcome {
                reached: Some(place(1)),
                stalled: Some("SW_ROOM_FROZEN: no".to_owned()),
                results: [("accepted", 2), ("rejected", 1)].into(),
            }
        );
        assert_eq!(
            rooms[&room(2)],
            RoomOutcome {
                reached: Some(place(10)),
                stalled: None,
                results: [("accepted", 2)].into(),
            }
        );
    }

    #[test]
    fn an_answer_about_something_else_moves_nothing() {
        let sent = [sent(1, 1), sent(1, 2)];
        assert_eq!(
            settle(&sent, br#"{"results": []}"#),
            Err(AnswerError::Count { sent: 2, found: 0 })
        );
        let ok = || json!({"status": "accepted"});
        let swapped = [sent[1], sent[0]];
        assert_eq!(
            settle(&sent, &answer(&swapped, [ok(), ok()])),
            Err(AnswerError::OtherEvent {
                sent: sent[0].event_id,
                found: sent[1].event_id
            })
        );
        let nameless = json!({"results": [ok(), ok()]}).to_string();
        assert!(matches!(
            settle(&sent, nameless.as_bytes()),
            Err(AnswerError::Shape(_))
        ));
        for answer in [
            &b"{}"[..],
            b"[]",
            b"",
            br#"{"results": [{"status": "fine"}]}"#,
            br#"{"results": [{"status": "rejected"}]}"#,
        ] {
            assert!(matches!(settle(&sent, answer), Err(AnswerError::Shape(_))));
        }
    }

    #[test]
    fn only_refusals_of_the_content_split_a_batch() {
        assert_eq!(refused(StatusCode::PAYLOAD_TOO_LARGE), Refused::Split);
        assert_eq!(refused(StatusCode::UNPROCESSABLE_ENTITY), Refused::Split);
        for status in [400, 401, 403, 404, 429, 500, 502, 503] {
            assert_eq!(
                refused(StatusCode::from_u16(status).unwrap()),
                Refused::Later,
                "{status}"
            );
        }
    }

    #[test]
    fn a_refused_batch_is_halved_until_the_culprit_stands_alone_and_then_goes_bare() {
        let mut cut = Cut::default();
        let mut sizes = vec![];
        let mut size = 100;
        while let Some(next) = cut.after_refusal(size) {
            sizes.push((next.events, next.bare));
            size = next.events;
            cut = next;
        }
        assert_eq!(
            sizes,
            [
                (50, false),
                (25, false),
                (13, false),
                (7, false),
                (4, false),
                (2, false),
                (1, false),
                (1, true)
            ]
        );
        assert_eq!(
            Cut {
                events: 1,
                bare: true
            }
            .after_success(),
            Cut {
                events: 2,
                bare: false
            }
        );
        assert_eq!(
            Cut {
                events: 80,
                bare: false
            }
            .after_success(),
            Cut::default()
        );
    }
}
