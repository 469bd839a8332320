//! Section 5 of the federation design, "Judgement", read directly over complete logs: slow, and sharing no code with
//! what it checks. Quotations are that section's words.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::world::World;
use crate::events::core::event::Event;
use crate::events::core::hash::Hash;
use crate::events::core::verified::Verified;
use crate::events::model::Standing;

type Place = (i64, i64);

/// A fault in reading the rule, put in on purpose: whoever plays rooms can see whether they would show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Misreading {
    /// A right that was taken away voids nothing that was said before that was heard of.
    IgnoresTakings,
    /// A right that was taken away voids everything, however long the host has known it.
    IgnoresCutoffs,
    /// A moderator's redaction erases at once.
    ErasesAtOnce,
    /// What claims state that is not here is judged by the state that is.
    JudgesByWhatIsHeld,
}

impl Misreading {
    pub(crate) const ALL: [Misreading; 4] = [
        Misreading::IgnoresTakings,
        Misreading::IgnoresCutoffs,
        Misreading::ErasesAtOnce,
        Misreading::JudgesByWhatIsHeld,
    ];
}

/// A room as its complete logs make it.
pub(crate) struct Oracle<'w> {
    world: &'w World,
    by_id: BTreeMap<String, &'w Event>,
    misreading: Option<Misreading>,
    /// `H`, with `S[k]` and the marks of each of its events.
    states: Vec<State>,
    /// The first state event in the host's log that is not in `H`.
    beyond: Option<i64>,
}

/// `S[k]`, and what state event `k` itself says of the logs.
#[derive(Clone, Debug)]
pub(super) struct State {
    seq: i64,
    hash: Hash,
    pub(super) life: String,
    life_changed_at: i64,
    pub(super) edit_window: i64,
    allowed: Option<BTreeSet<String>>,
    denied: BTreeSet<String>,
    pub(super) levels: BTreeMap<String, i64>,
    pub(super) people: BTreeMap<String, Person>,
    cutoff: BTreeMap<String, Place>,
    seen: BTreeMap<String, Place>,
    /// With which state event each epoch after the first was admitted.
    admitted: BTreeMap<(String, i64), i64>,
    well_formed: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Person {
    pub(super) membership: String,
    pub(super) level: i64,
    after: Place,
}

impl State {
    fn lets_in(&self, server: &str) -> bool {
        let listed = |allowed: &BTreeSet<String>| allowed.contains(server);
        self.allowed.as_ref().is_none_or(listed) && !self.denied.contains(server)
    }
}

impl<'w> Oracle<'w> {
    /// "H: each claims the state event before it, so they form a chain of their own within the host's log."
    pub(crate) fn new(world: &'w World) -> Self {
        Self::misreading(world, None)
    }

    /// The same by somebody who reads the rule wrongly.
    pub(crate) fn misreading(world: &'w World, misreading: Option<Misreading>) -> Self {
        let mut states: Vec<State> = Vec::new();
        let mut beyond = None;
        for event in &world.logs[0] {
            if !event.event_type.is_state() || beyond.is_some() {
                continue;
            }
            let before = states.last().map(|state| (state.seq, state.hash));
            if before == event.state_hash.map(|hash| (event.state_seq, hash)) {
                states.push(next_state(states.last(), event));
            } else {
                beyond = Some(event.seq);
            }
        }
        let by_id = world
            .events()
            .map(|event| (event.event_id.to_string(), &**event));
        Oracle {
            world,
            by_id: by_id.collect(),
            misreading,
            states,
            beyond,
        }
    }

    /// `S` at the end of `H`.
    pub(super) fn last(&self) -> &State {
        self.states.last().unwrap()
    }

    /// Whether the host's log holds a state event that is not in `H`: none after it can ever count.
    pub(super) fn is_broken(&self) -> bool {
        self.beyond.is_some()
    }

    /// What no later state event can cut off any more: the highest place that `H` names of a log.
    pub(super) fn acknowledged(&self, origin: &str) -> Place {
        let marks = self
            .states
            .iter()
            .flat_map(|state| [&state.cutoff, &state.seen]);
        let of_origin = marks.filter_map(|marks| marks.get(origin).copied());
        of_origin.max().unwrap_or((1, 0))
    }

    /// Who is in the room, "own leaves excepted".
    pub(crate) fn membership(&self, person: &str) -> Option<&str> {
        let known = self.last().people.get(person)?;
        let left = known.membership == "join"
            && self.left_between(person, known.after, (i64::MAX, i64::MAX));
        Some(if left { "leave" } else { &known.membership })
    }

    /// The verdict on an event, once everything has arrived.
    pub(crate) fn verdict(&self, event: &Event) -> Standing {
        let is_hosts = event.origin.as_str() == "h.example";
        if is_hosts && event.event_type.is_state() {
            return match self.states.iter().find(|state| state.seq == event.seq) {
                None => Standing::Wait,
                Some(state) if state.well_formed => Standing::Valid,
                Some(_) => Standing::Void,
            };
        }
        // "Events of epoch n + 1 whose `state_seq` lies before the admission are VOID."
        let epoch = (event.origin.to_string(), event.epoch);
        let admitted = self.last().admitted.get(&epoch);
        if admitted.is_some_and(|by| event.state_seq < *by) {
            return Standing::Void;
        }
        if event.event_type.is_of_log() && event.sender.is_none() {
            return Standing::Valid;
        }
        let sender = event.sender.as_ref().unwrap();
        // A server speaks for its own people, and only the host writes state.
        if sender.server_name() != &event.origin || event.event_type.is_state() {
            return Standing::Void;
        }
        if event.event_type.as_str() == "swp.room.leave" {
            return Standing::Valid;
        }
        // "Unknown types are not judged."
        if event.event_type.as_str() == "swp.room.later" {
            return Standing::Valid;
        }
        let place = (event.epoch, event.seq);
        let s = if is_hosts {
            let before = self.beyond.filter(|seq| *seq < event.seq);
            before.unwrap_or_else(|| self.at(event.seq - 1).seq)
        } else {
            let upto = self
                .log(event.origin.as_str())
                .filter(|e| (e.epoch, e.seq) <= place);
            upto.map(|e| e.state_seq).max().unwrap()
        };
        let claimed = self
            .states
            .iter()
            .find(|state| state.seq == event.state_seq);
        let is_claimed = claimed.map(|state| state.hash) == event.state_hash;
        let is_here = s <= self.last().seq && is_claimed;
        if !is_here && !self.misreads(Misreading::JudgesByWhatIsHeld) {
            return Standing::Wait;
        }
        if is_malformed(event) {
            return Standing::Void;
        }
        let target = self.target(event);
        let is_own = target.is_some_and(|target| is_by(target, event));
        let of_message = target.is_some_and(is_message);
        if event.event_type.as_str() == "swp.room.redaction" && is_own && of_message {
            return Standing::Valid;
        }
        let mut judged_in = vec![self.at(s)];
        for k in 1..self.states.len() {
            let takes =
                self.takes(k, sender.as_str()) && !self.misreads(Misreading::IgnoresTakings);
            let is_beyond = place > self.cut(k, event.origin.as_str())
                || self.misreads(Misreading::IgnoresCutoffs);
            if self.states[k].seq > s && takes && is_beyond {
                judged_in.push(&self.states[k]);
            }
        }
        if judged_in.iter().all(|state| self.right(event, state)) {
            Standing::Valid
        } else {
            Standing::Void
        }
    }

    /// Whether a redaction erased the event: "one's own message: erased at once; by a moderator: erased when a host
    /// event's `seen` covers it". Edits go with their message.
    pub(super) fn is_erased(&self, event: &Event) -> bool {
        let message = match event.event_type.as_str() {
            "swp.room.message.edit" => self.target(event),
            "swp.room.message" => Some(event),
            _ => None,
        };
        let counts = |event: &Event| self.verdict(event) == Standing::Valid;
        let Some(message) = message.filter(|message| counts(event) && counts(message)) else {
            return false;
        };
        self.world.events().any(|redaction| {
            let is_about = redaction.event_type.as_str() == "swp.room.redaction"
                && self
                    .target(redaction)
                    .is_some_and(|of| of.event_id == message.event_id);
            is_about
                && (counts(redaction) || self.erases_at_once(redaction))
                && (is_by(message, redaction) || self.is_covered(redaction))
        })
    }

    /// Misreads that a redaction that counted for a while has erased nothing.
    fn erases_at_once(&self, redaction: &Event) -> bool {
        let before = || Oracle::misreading(self.world, Some(Misreading::IgnoresTakings));
        self.misreads(Misreading::ErasesAtOnce) && before().verdict(redaction) == Standing::Valid
    }

    /// Whether no state event can cut the event off any more: it is the host's own, or the host has seen it.
    fn is_covered(&self, event: &Event) -> bool {
        let (origin, place) = (event.origin.as_str(), (event.epoch, event.seq));
        origin == "h.example"
            || place <= self.acknowledged(origin)
            || self.misreads(Misreading::ErasesAtOnce)
    }

    fn misreads(&self, rule: Misreading) -> bool {
        self.misreading == Some(rule)
    }

    /// "H[k] takes a right from e.sender": "kick, ban, lower level, raised threshold, shorter edit window, stricter
    /// room lists, archive, close".
    fn takes(&self, k: usize, person: &str) -> bool {
        let (before, after) = (&self.states[k - 1], &self.states[k]);
        let joined = |state: &State| {
            let known = state
                .people
                .get(person)
                .filter(|known| known.membership == "join");
            known.map(|known| known.level)
        };
        let put_out = joined(before).is_some() && joined(after) < joined(before);
        let raised = before
            .levels
            .iter()
            .any(|(key, level)| after.levels[key] > *level);
        // One letter each, and one that is nobody's.
        let stricter = "hbcdefgiyz".chars().any(|letter| {
            let name = format!("{letter}.example");
            before.lets_in(&name) && !after.lets_in(&name)
        });
        let shut = after.life != "open" && after.life_changed_at == after.seq;
        put_out || raised || stricter || shut || after.edit_window < before.edit_window
    }

    /// "H[k].cutoff[o], raised to every earlier cutoff[o] and seen[o] in H; for the host's own origin: the position of
    /// state event k."
    fn cut(&self, k: usize, origin: &str) -> Place {
        if origin == "h.example" {
            return (1, self.states[k].seq);
        }
        let earlier = self.states[..k]
            .iter()
            .flat_map(|state| [&state.cutoff, &state.seen]);
        let marks = earlier.chain([&self.states[k].cutoff]);
        let of_origin = marks.filter_map(|marks| marks.get(origin).copied());
        of_origin.max().unwrap_or((1, 0))
    }

    fn right(&self, event: &Event, state: &State) -> bool {
        let sender = event.sender.as_ref().unwrap().as_str();
        if state.life != "open" || !state.lets_in(event.origin.as_str()) {
            return false;
        }
        let Some(person) = state.people.get(sender) else {
            return false;
        };
        let place = (event.epoch, event.seq);
        if person.membership != "join" || self.left_between(sender, person.after, place) {
            return false;
        }
        let target = self.target(event);
        let content = event.content.as_ref();
        let about_message = target.is_none_or(is_message);
        match event.event_type.as_str() {
            "swp.room.reaction" => {
                let removes = content.is_some_and(|content| content["action"] == "remove");
                about_message && (removes || person.level >= state.levels["react"])
            }
            "swp.room.message.edit" => target.is_none_or(|target| {
                let age = event.ts - target.ts;
                let window = state.edit_window * 1000;
                is_message(target) && is_by(target, event) && window != 0 && age < window
            }),
            "swp.room.redaction" => {
                target.is_none() || about_message && person.level >= state.levels["redact"]
            }
            _ => person.level >= state.levels["send"],
        }
    }

    /// "No own leave between `after` and e in its log."
    fn left_between(&self, person: &str, after: Place, place: Place) -> bool {
        let (_, home) = person.split_once(':').unwrap();
        self.log(home).any(|leave| {
            let at = (leave.epoch, leave.seq);
            leave.event_type.as_str() == "swp.room.leave"
                && leave
                    .sender
                    .as_ref()
                    .is_some_and(|sender| sender.as_str() == person)
                && after < at
                && at < place
                && self.verdict(leave) == Standing::Valid
        })
    }

    /// `S[k]` for the last state event up to `seq`.
    fn at(&self, seq: i64) -> &State {
        self.states.iter().rfind(|state| state.seq <= seq).unwrap()
    }

    fn log(&self, origin: &str) -> impl Iterator<Item = &'w Verified<Event>> {
        let world = self.world;
        world
            .events()
            .filter(move |event| event.origin.as_str() == origin)
    }

    fn target(&self, event: &Event) -> Option<&'w Event> {
        let id = event.content.as_ref()?.get("event_id")?.as_str()?;
        self.by_id.get(id).copied()
    }
}

/// Whether a message is the sender's own: what another server writes in its name is not.
fn is_by(target: &Event, event: &Event) -> bool {
    target.sender == event.sender && target.origin == event.origin
}

fn is_message(event: &Event) -> bool {
    event.event_type.as_str() == "swp.room.message"
}

fn is_malformed(event: &Event) -> bool {
    // What is void where it was written never had any to be seen.
    let Some(content) = &event.content else {
        return false;
    };
    let id = content["event_id"].as_str().map(str::len) == Some(36);
    let emoji = content["emoji"].as_str().unwrap_or_default();
    match event.event_type.as_str() {
        "swp.room.message.edit" => !id || !content["content"].is_object(),
        "swp.room.redaction" => !id,
        "swp.room.reaction" => {
            !id || emoji.is_empty()
                || !["add", "remove"]
                    .iter()
                    .any(|word| content["action"] == *word)
        }
        _ => false,
    }
}

fn next_state(before: Option<&State>, event: &Verified<Event>) -> State {
    let content = event.content.as_ref().unwrap();
    let mut state = before.cloned().unwrap_or_else(|| begin(content));
    state.seq = event.seq;
    state.hash = event.hash();
    state.cutoff = places(&content["cutoff"]);
    state.seen = places(&content["seen"]);
    state.well_formed = true;
    let words = |value: &Value| -> BTreeSet<String> {
        let list = value.as_array().unwrap().iter();
        list.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    match event.event_type.as_str() {
        "swp.room.member" => {
            let name = content["participant"].as_str().unwrap().to_owned();
            let membership = content["membership"].as_str().unwrap().to_owned();
            let held = state
                .people
                .get(&name)
                .filter(|held| held.membership == "join");
            let after = match place(&content["after"]) {
                Some(after) => after,
                None => held.map_or((1, 0), |held| held.after),
            };
            let level = content["power_level"].as_i64().unwrap();
            let person = Person {
                membership,
                level,
                after,
            };
            state.people.insert(name, person);
        }
        "swp.room.power_levels" => {
            for (key, level) in content["power_levels"].as_object().unwrap() {
                state.levels.insert(key.clone(), level.as_i64().unwrap());
            }
        }
        "swp.room.state" => {
            state.life = content["state"].as_str().unwrap().to_owned();
            state.life_changed_at = event.seq;
        }
        "swp.room.settings" => {
            if let Some(window) = content["edit_window_seconds"].as_i64() {
                state.edit_window = window;
            }
            if content["allowed_servers"].is_array() {
                let allowed = words(&content["allowed_servers"]);
                state.allowed = Some(allowed).filter(|allowed| !allowed.is_empty());
                state.denied = words(&content["denied_servers"]);
            }
        }
        "swp.room.log" if content["key"].is_object() => {
            let origin = content["origin"].as_str().unwrap().to_owned();
            let epoch = content["epoch"].as_i64().unwrap();
            let next = (2..).find(|epoch| !state.admitted.contains_key(&(origin.clone(), *epoch)));
            if next == Some(epoch) {
                state.admitted.insert((origin, epoch), state.seq);
            }
        }
        "swp.room.name" if !content["name"].is_string() => {
            state.well_formed = false;
            state.cutoff.clear();
            state.seen.clear();
        }
        _ => {}
    }
    state
}

fn begin(create: &Value) -> State {
    let levels = create["power_levels"].as_object().unwrap().iter();
    State {
        seq: 0,
        hash: Hash::of(b"none"),
        life: "open".to_owned(),
        life_changed_at: 0,
        edit_window: create["edit_window_seconds"].as_i64().unwrap(),
        allowed: None,
        denied: BTreeSet::new(),
        levels: levels
            .map(|(key, level)| (key.clone(), level.as_i64().unwrap()))
            .collect(),
        people: BTreeMap::new(),
        cutoff: BTreeMap::new(),
        seen: BTreeMap::new(),
        admitted: BTreeMap::new(),
        well_formed: true,
    }
}

fn places(marks: &Value) -> BTreeMap<String, Place> {
    let marks = marks.as_object().into_iter().flatten();
    marks
        .filter_map(|(name, mark)| Some((name.clone(), place(mark)?)))
        .collect()
}

fn place(mark: &Value) -> Option<Place> {
    Some((mark["epoch"].as_i64()?, mark["seq"].as_i64()?))
}
