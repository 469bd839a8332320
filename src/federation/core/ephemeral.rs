//! What servers tell each other live and never store: presence and typing. Pure: time comes in as a number.
//!
//! Of each person only the latest word waits for a server, so that what is told does not grow with how often it
//! changes. A server that does not take it loses it, and is left alone for a while.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::presence::State;

/// Entries of each list in one request, at most.
pub const MAX_NOTICES: usize = 500;
/// Entries of each kind that may wait for one server; what does not fit is lost.
const MOST_WAITING: usize = 5_000;
/// The shortest time between two requests to a server, in ms.
const INTERVAL_MS: i64 = 1_000;
/// A word about typing is worth nothing after this time, in ms.
const STALE_MS: i64 = 4_000;
/// How long a server is left alone that did not take a request, in ms; doubling up to an hour.
const MIN_SILENCE_MS: i64 = 60_000;
const MAX_SILENCE_MS: i64 = 3_600_000;
/// The same for one that has sent us a valid request since.
const SILENCE_IF_HEARD_MS: i64 = 10_000;

/// The body of `POST /ephemeral`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, garde::Validate)]
#[garde(allow_unvalidated)]
pub struct Notices {
    /// How present people are.
    #[serde(default)]
    #[garde(length(max = MAX_NOTICES))]
    pub presence: Vec<PresenceNotice>,
    /// Who types where.
    #[serde(default)]
    #[garde(length(max = MAX_NOTICES))]
    pub typing: Vec<TypingNotice>,
    /// Messages that AIs are generating: checked, and passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(length(max = MAX_NOTICES))]
    pub chunks: Vec<OtherNotice>,
    /// What AIs are doing: the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[garde(length(max = MAX_NOTICES))]
    pub ai_status: Vec<OtherNotice>,
}

/// How present somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in the protocol")]
pub struct PresenceNotice {
    pub participant: Fqid,
    pub status: State,
}

/// That somebody types, or types no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in the protocol")]
pub struct TypingNotice {
    pub room_id: RoomId,
    pub participant: Fqid,
    pub typing: bool,
}

/// Somebody about whom something is said that means nothing here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in the protocol")]
pub struct OtherNotice {
    pub participant: Fqid,
}

impl Notices {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.presence.len() + self.typing.len() + self.chunks.len() + self.ai_status.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all of them are about people of `server`, which alone may speak for them.
    #[must_use]
    pub fn are_of(&self, server: &ServerName) -> bool {
        let present = self.presence.iter().map(|notice| &notice.participant);
        let typing = self.typing.iter().map(|notice| &notice.participant);
        let others = self.chunks.iter().chain(&self.ai_status);
        present
            .chain(typing)
            .chain(others.map(|notice| &notice.participant))
            .all(|person| person.server_name() == server)
    }
}

/// What waits for one server.
#[derive(Debug, Default)]
struct Mailbox {
    presence: BTreeMap<Fqid, State>,
    typing: BTreeMap<(RoomId, ParticipantId), Typed>,
}

#[derive(Debug)]
struct Typed {
    person: Fqid,
    typing: bool,
    at: i64,
}

impl Mailbox {
    fn is_empty(&self) -> bool {
        self.presence.is_empty() && self.typing.is_empty()
    }

    fn put_presence(&mut self, person: &Fqid, status: State) {
        if let Some(waiting) = self.presence.get_mut(person) {
            *waiting = status;
        } else if self.presence.len() < MOST_WAITING {
            self.presence.insert(person.clone(), status);
        }
    }

    fn put_typing(&mut self, room: RoomId, person: &Fqid, typing: bool, at: i64) {
        let key = (room, ParticipantId::derive(person));
        if self.typing.len() < MOST_WAITING || self.typing.contains_key(&key) {
            let person = person.clone();
            self.typing.insert(key, Typed { person, typing, at });
        }
    }

    /// Takes out as much as one request holds.
    fn take(&mut self, now: i64) -> Notices {
        self.typing
            .retain(|_, typed| now < typed.at.saturating_add(STALE_MS));
        let mut notices = Notices::default();
        while notices.presence.len() < MAX_NOTICES
            && let Some((participant, status)) = self.presence.pop_first()
        {
            notices.presence.push(PresenceNotice {
                participant,
                status,
            });
        }
        while notices.typing.len() < MAX_NOTICES
            && let Some(((room_id, _), typed)) = self.typing.pop_first()
        {
            notices.typing.push(TypingNotice {
                room_id,
                participant: typed.person,
                typing: typed.typing,
            });
        }
        notices
    }
}

/// A server, as a tenant (its key) knows it.
pub type Destination = (i64, ServerName);

/// What waits for all servers, and when each may be sent to.
#[derive(Debug, Default)]
pub struct Mail(HashMap<Destination, Counter>);

/// One server's place.
#[derive(Debug, Default)]
struct Counter {
    mailbox: Mailbox,
    is_sending: bool,
    /// When the last request began, and when the next one may.
    sent_at: i64,
    next_at: i64,
    /// Requests in a row that it did not take.
    failures: u32,
}

impl Mail {
    /// Tells a server how present somebody is.
    pub fn put_presence(&mut self, to: &Destination, person: &Fqid, status: State, now: i64) {
        if let Some(mailbox) = self.mailbox(to, now) {
            mailbox.put_presence(person, status);
        }
    }

    /// Tells a server that somebody types, or types no more.
    pub fn put_typing(
        &mut self,
        to: &Destination,
        room: RoomId,
        person: &Fqid,
        typing: bool,
        now: i64,
    ) {
        if let Some(mailbox) = self.mailbox(to, now) {
            mailbox.put_typing(room, person, typing, now);
        }
    }

    /// Somebody has sent a message: what waits about typing would come after it.
    pub fn forget_typing(&mut self, tenant: i64, room: RoomId, person: ParticipantId) {
        for ((of, _), counter) in &mut self.0 {
            if *of == tenant {
                counter.mailbox.typing.remove(&(room, person));
            }
        }
    }

    /// Nothing waits for a server that is left alone.
    fn mailbox(&mut self, to: &Destination, now: i64) -> Option<&mut Mailbox> {
        if !self.0.contains_key(to) {
            self.0.insert(to.clone(), Counter::default());
        }
        self.0
            .get_mut(to)
            .filter(|counter| counter.failures == 0 || now >= counter.next_at)
            .map(|counter| &mut counter.mailbox)
    }

    /// Takes out the next request, whose sending begins now. `Err`: when to look again, if anything waits at all.
    pub fn next(&mut self, now: i64) -> Result<(Destination, Notices), Option<i64>> {
        self.0.retain(|_, counter| {
            !counter.mailbox.is_empty()
                || counter.is_sending
                || counter.failures > 0
                || now < counter.next_at
        });
        let waiting = self
            .0
            .iter_mut()
            .filter(|(_, counter)| !counter.is_sending && !counter.mailbox.is_empty());
        let Some((to, counter)) = waiting.min_by_key(|(_, counter)| counter.next_at) else {
            return Err(None);
        };
        if now < counter.next_at {
            return Err(Some(counter.next_at));
        }
        let notices = counter.mailbox.take(now);
        if notices.is_empty() {
            // Everything that waited was stale.
            return Err(Some(now));
        }
        counter.is_sending = true;
        counter.sent_at = now;
        Ok((to.clone(), notices))
    }

    /// A request has ended. What waits for a server that did not take it is lost.
    pub fn sent(&mut self, to: &Destination, is_taken: bool, now: i64) {
        let Some(counter) = self.0.get_mut(to) else {
            return;
        };
        counter.is_sending = false;
        if is_taken {
            counter.failures = 0;
            counter.next_at = counter.sent_at.saturating_add(INTERVAL_MS);
        } else {
            counter.failures = counter.failures.saturating_add(1);
            counter.mailbox = Mailbox::default();
            let doublings = counter.failures.saturating_sub(1).min(10);
            let silence = (MIN_SILENCE_MS << doublings).min(MAX_SILENCE_MS);
            counter.next_at = now.saturating_add(silence);
        }
    }

    /// Whether a server is left alone because it did not take the last request.
    #[cfg(test)]
    pub(crate) fn is_left_alone(&self, server: &Destination) -> bool {
        self.0
            .get(server)
            .is_some_and(|counter| counter.failures > 0)
    }

    /// A server has sent us a valid request: it is there.
    pub fn heard(&mut self, from: &Destination) {
        if let Some(counter) = self.0.get_mut(from).filter(|counter| counter.failures > 0) {
            let soon = counter.sent_at.saturating_add(SILENCE_IF_HEARD_MS);
            counter.next_at = counter.next_at.min(soon);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ROOM: RoomId = RoomId(Uuid::from_u128(7));

    fn server(name: &str) -> Destination {
        (1, name.parse().unwrap())
    }

    fn person(number: usize) -> Fqid {
        format!("@p{number}:a.example").parse().unwrap()
    }

    fn next_to(mail: &mut Mail, now: i64) -> Notices {
        mail.next(now).unwrap().1
    }

    #[test]
    fn only_the_latest_word_about_somebody_waits() {
        let (mut mail, b) = (Mail::default(), server("b.example"));
        for status in [State::Online, State::Busy, State::Offline] {
            mail.put_presence(&b, &person(1), status, 0);
        }
        for typing in [true, false, true] {
            mail.put_typing(&b, ROOM, &person(1), typing, 0);
        }
        let notices = next_to(&mut mail, 0);
        assert_eq!(notices.presence.len(), 1);
        assert_eq!(notices.presence[0].status, State::Offline);
        assert_eq!(notices.typing.len(), 1);
        assert!(notices.typing[0].typing);
    }

    #[test]
    fn a_server_gets_one_request_at_a_time_and_one_a_second() {
        let (mut mail, b) = (Mail::default(), server("b.example"));
        mail.put_presence(&b, &person(1), State::Online, 0);
        next_to(&mut mail, 0);
        mail.put_presence(&b, &person(2), State::Online, 10);
        assert_eq!(mail.next(5_000), Err(None), "the first is under way");
        mail.sent(&b, true, 100);
        assert_eq!(mail.next(999), Err(Some(1_000)));
        assert_eq!(next_to(&mut mail, 1_000).len(), 1);
        mail.sent(&b, true, 1_100);
        assert_eq!(mail.next(2_100), Err(None));
        assert!(mail.0.is_empty(), "nothing is remembered of a quiet server");
    }

    #[test]
    fn what_does_not_fit_into_a_request_follows_and_what_does_not_fit_at_all_is_lost() {
        let (mut mail, b) = (Mail::default(), server("b.example"));
        for number in 0..MOST_WAITING + 10 {
            mail.put_presence(&b, &person(number), State::Online, 0);
            mail.put_typing(&b, ROOM, &person(number), true, 0);
        }
        let (mut presence, mut now) = (0, 0);
        while let Ok((to, notices)) = mail.next(now) {
            assert!(notices.presence.len() <= MAX_NOTICES);
            assert!(notices.typing.len() <= MAX_NOTICES);
            presence += notices.presence.len();
            mail.sent(&to, true, now);
            now += INTERVAL_MS;
        }
        assert_eq!(presence, MOST_WAITING);
    }

    #[test]
    fn a_word_about_typing_that_waited_too_long_is_not_sent() {
        let (mut mail, b) = (Mail::default(), server("b.example"));
        mail.put_presence(&b, &person(1), State::Online, 0);
        mail.put_typing(&b, ROOM, &person(1), true, 0);
        assert!(next_to(&mut mail, STALE_MS).typing.is_empty());
        mail.sent(&b, true, STALE_MS);
        mail.put_typing(&b, ROOM, &person(1), true, STALE_MS);
        assert_eq!(mail.next(9_000), Err(Some(9_000)));
        assert_eq!(mail.next(9_000), Err(None));
    }

    #[test]
    fn a_message_overtakes_what_waits_about_typing() {
        let (mut mail, b) = (Mail::default(), server("b.example"));
        mail.put_typing(&b, ROOM, &person(1), true, 0);
        mail.put_typing(&b, ROOM, &person(2), true, 0);
        mail.forget_typing(1, ROOM, ParticipantId::derive(&person(1)));
        let notices = next_to(&mut mail, 0);
        let typing: Vec<_> = notices
            .typing
            .iter()
            .map(|notice| &notice.participant)
            .collect();
        assert_eq!(typing, [&person(2)]);
    }

    #[test]
    fn nothing_waits_for_a_server_that_is_away_and_it_is_tried_ever_less_often() {
        let (mut mail, b) = (Mail::default(), server("b.example"));
        let mut now = 0;
        for silence in [60_000, 120_000, 240_000] {
            mail.put_presence(&b, &person(1), State::Online, now);
            next_to(&mut mail, now);
            mail.put_presence(&b, &person(2), State::Online, now);
            mail.sent(&b, false, now);
            mail.put_presence(&b, &person(3), State::Online, now + silence - 1);
            assert_eq!(mail.next(now + silence), Err(None));
            now += silence;
        }
        for _ in 0..20 {
            mail.put_presence(&b, &person(1), State::Online, now);
            next_to(&mut mail, now);
            mail.sent(&b, false, now);
            now += MAX_SILENCE_MS;
        }
    }

    #[test]
    fn a_server_that_calls_is_tried_again_soon_but_not_at_every_call() {
        let (mut mail, b) = (Mail::default(), server("b.example"));
        mail.put_presence(&b, &person(1), State::Online, 0);
        next_to(&mut mail, 0);
        mail.sent(&b, false, 0);
        mail.heard(&b);
        mail.put_presence(&b, &person(1), State::Online, 9_999);
        assert_eq!(mail.next(9_999), Err(None));
        mail.put_presence(&b, &person(1), State::Online, 10_000);
        next_to(&mut mail, 10_000);
        mail.sent(&b, true, 10_000);
        mail.put_presence(&b, &person(1), State::Online, 10_000);
        next_to(&mut mail, 11_000);
    }

    #[test]
    fn only_a_servers_own_people_are_its_to_speak_of() {
        let notices = |about: &str| Notices {
            presence: vec![PresenceNotice {
                participant: about.parse().unwrap(),
                status: State::Online,
            }],
            ..Notices::default()
        };
        let a = "a.example".parse().unwrap();
        assert!(notices("@alice:a.example").are_of(&a));
        assert!(!notices("@alice:b.example").are_of(&a));
    }
}
