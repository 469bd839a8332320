//! The pure judgement against the oracle.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::oracle::Oracle;
use super::script::{Changed, Mark, Saying, StateStep, Step, saying, script};
use super::world::{PEOPLE, World, person, server};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::EventId;
use crate::events::core::verified::Verified;
use crate::events::model::{Placed, Standing};
use crate::rooms::core::content::Membership;
use crate::rooms::core::judge::Verdict;
use crate::rooms::core::view::RoomView;
use crate::rooms::timeline::place;

/// What a server holds of a room, judged by nothing but the pure rule.
struct Receiver {
    view: RoomView,
    placed: BTreeMap<EventId, Placed>,
}

impl Receiver {
    fn begin(world: &World) -> Receiver {
        let create = &world.logs[0][0];
        let view = place::begin(create, create.hash()).unwrap();
        let placed = BTreeMap::from([(create.event_id, place::first(create, 1).placed)]);
        Receiver { view, placed }
    }

    fn take(&mut self, event: &Verified<Event>) {
        let target = target_of(event)
            .and_then(|id| self.placed.get(&id))
            .cloned();
        let position = self.placed.len() as i64 + 1;
        let landing = place::next(&mut self.view, event, position, target.as_ref(), None);
        self.placed.insert(event.event_id, landing.placed);
    }

    /// The verdict on an event of the timeline by all that is here.
    fn judge(&self, world: &World, event: &Event) -> Standing {
        let target = target_of(event).and_then(|id| self.placed.get(&id));
        let log = world.events().filter(|other| other.origin == event.origin);
        let upto = log.filter(|other| other.seq <= event.seq);
        let highest = upto.map(|other| other.state_seq).max().unwrap();
        match place::judge_event(&self.view, event, highest, target) {
            Verdict::Valid => Standing::Valid,
            Verdict::Void(_) => Standing::Void,
            Verdict::Wait(_) => Standing::Wait,
        }
    }
}

fn target_of(event: &Event) -> Option<EventId> {
    event
        .content
        .as_ref()?
        .get("event_id")?
        .as_str()?
        .parse()
        .ok()
}

fn is_judged(event: &Event) -> bool {
    let is_bookkeeping = event.event_type == EventType::ROOM_LEAVE;
    let is_state = event.event_type.is_state() && event.origin == server(0);
    !is_bookkeeping && !is_state
}

/// All events but the first in an order that respects each log's own.
pub(super) fn in_some_order<'w>(world: &'w World, choices: &[usize]) -> Vec<&'w Verified<Event>> {
    let mut rests: Vec<&[Verified<Event>]> =
        vec![&world.logs[0][1..], &world.logs[1], &world.logs[2]];
    let mut order = Vec::new();
    let mut choices = choices.iter().cycle();
    while !rests.is_empty() {
        let choice = choices.next().unwrap() % rests.len();
        match rests[choice].split_first() {
            Some((next, rest)) => {
                order.push(next);
                rests[choice] = rest;
            }
            None => drop(rests.remove(choice)),
        }
    }
    order
}

fn choices() -> impl Strategy<Value = Vec<usize>> {
    vec(0..6_usize, 1..60)
}

/// A person of another server than the host is banned, with this cut-off in its server's log.
fn ban(who: usize, cutoff: Mark) -> Step {
    Step::State(StateStep {
        change: Changed::Member {
            who,
            to: Membership::Ban,
            level: 0,
            after: Mark::Absent,
        },
        cutoff,
        seen: Mark::Absent,
    })
}

fn is_own_redaction(world: &World, event: &Event) -> bool {
    let target = target_of(event);
    event.event_type == EventType::ROOM_REDACTION
        && world.events().any(|of| {
            Some(of.event_id) == target && of.sender == event.sender && of.origin == event.origin
        })
}

proptest! {
    #[test]
    fn whatever_the_order_of_arrival_the_verdicts_are_the_rule_s(script in script(), choices in choices()) {
        let world = World::play("order", &script);
        let oracle = Oracle::new(&world);
        let mut receiver = Receiver::begin(&world);
        for event in in_some_order(&world, &choices) {
            receiver.take(event);
        }
        for event in world.events() {
            let stands = match is_judged(event) {
                true => receiver.judge(&world, event),
                false => receiver.placed[&event.event_id].standing,
            };
            prop_assert_eq!(stands, oracle.verdict(event), "{} {}", event.origin, event.seq);
        }
    }

    #[test]
    fn whatever_the_order_of_arrival_the_members_and_their_rights_are_the_rule_s(
        script in script(), choices in choices(),
    ) {
        let world = World::play("rights", &script);
        let oracle = Oracle::new(&world);
        let mut receiver = Receiver::begin(&world);
        for event in in_some_order(&world, &choices) {
            receiver.take(event);
        }
        let (view, state) = (&receiver.view, oracle.last());
        for who in 0..PEOPLE.len() {
            let person = person(who);
            let membership = view.membership(&person).map(Membership::as_str);
            prop_assert_eq!(membership, oracle.membership(person.as_str()));
            let level = view.history.member(&person).map(|member| i64::from(member.power_level));
            prop_assert_eq!(level, state.people.get(person.as_str()).map(|known| known.level));
        }
        let levels: BTreeMap<String, i64> =
            serde_json::from_value(serde_json::to_value(view.history.levels()).unwrap()).unwrap();
        prop_assert_eq!(&levels, &state.levels);
        prop_assert_eq!(view.history.lifecycle().as_str(), &state.life);
        prop_assert_eq!(view.history.edit_window() as i64, state.edit_window);
    }

    #[test]
    fn a_verdict_only_moves_from_waiting_to_valid_to_void(script in script(), choices in choices()) {
        let world = World::play("moves", &script);
        let mut receiver = Receiver::begin(&world);
        let mut arrived: Vec<(&Verified<Event>, Standing)> = Vec::new();
        for event in in_some_order(&world, &choices) {
            receiver.take(event);
            for (event, before) in &mut arrived {
                let now = receiver.judge(&world, event);
                let moves_on = now == *before
                    || *before == Standing::Wait
                    || (*before == Standing::Valid && now == Standing::Void);
                prop_assert!(moves_on, "{} {}: {before} to {now}", event.origin, event.seq);
                *before = now;
            }
            if is_judged(event) {
                arrived.push((event, receiver.judge(&world, event)));
            }
        }
    }

    #[test]
    fn a_ban_voids_everything_beyond_its_cut_off_and_nothing_before_it(
        script in script(), who in 2..5_usize, cutoff in 0..20_i64, backdated in vec(saying(), 0..6),
    ) {
        let mut world = World::play("ban", &script);
        let before = Oracle::new(&world);
        let verdicts: BTreeMap<EventId, Standing> =
            world.events().map(|event| (event.event_id, before.verdict(event))).collect();
        let (_, known) = before.acknowledged(person(who).server_name().as_str());
        let is_broken = before.is_broken();
        let cutoff = cutoff.max(known);
        world.step(&ban(who, Mark::At(cutoff)));
        // Written after the ban by a server that has not heard of it, or says so.
        for saying in &backdated {
            world.step(&Step::Say(Saying { server: world_server(who), ..saying.clone() }));
        }
        let mut receiver = Receiver::begin(&world);
        for event in in_some_order(&world, &[0]) {
            receiver.take(event);
        }
        // Of types without a rule nobody loses a right.
        let has_rule = |event: &Event| event.event_type.as_str() != "swp.room.later";
        for event in world.events().filter(|event| is_judged(event) && has_rule(event)) {
            let stands = receiver.judge(&world, event);
            // What waited may have waited for this very state event.
            if verdicts.get(&event.event_id) == Some(&Standing::Wait) {
                continue;
            }
            let is_hit = event.sender.as_ref() == Some(&person(who)) && event.seq > cutoff;
            if is_hit && !is_broken && stands != Standing::Wait && !is_own_redaction(&world, event) {
                prop_assert_eq!(stands, Standing::Void, "{} {}", event.origin, event.seq);
            } else if let (Some(before), false) = (verdicts.get(&event.event_id), is_hit) {
                prop_assert_eq!(stands, *before, "{} {}", event.origin, event.seq);
            }
        }
    }
}

fn world_server(who: usize) -> usize {
    let home = person(who).server_name().clone();
    (0..3).find(|index| server(*index) == home).unwrap()
}
