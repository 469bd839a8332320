//! What all servers must agree on in the end, with each other and with the rule.

use std::collections::BTreeSet;

use super::script::Play;
use super::{setting, show};
use crate::events::core::hash::Hash;
use crate::events::model::Placed;
use crate::events::store::forks::{self, Fork};
use crate::rooms::judgement_tests::arrival::{Held, held, keeps_content, told};
use crate::rooms::judgement_tests::oracle::{Misreading, Oracle};
use crate::rooms::judgement_tests::world::World;
use crate::rooms::verify;

/// What one play came to.
#[derive(Default)]
pub(super) struct Outcome {
    /// The misreadings of the rule that it would have shown.
    pub(super) shown: BTreeSet<Misreading>,
    /// All events on all servers, with when they came there.
    held: String,
}

impl Outcome {
    /// Of all events on all servers, with when they came there.
    pub(super) fn digest(&self) -> Hash {
        Hash::of(self.held.as_bytes())
    }
}

/// Everything that the servers of a room, and its liar once it is known, have written.
async fn world_of(play: &Play) -> World {
    let written = play.nodes.iter().map(|node| node.written(play.room));
    let mut logs: Vec<_> = written.map(<[_]>::to_vec).collect();
    // As long as it has not joined, nobody knows the liar's key, and nothing of it is taken.
    let known = play.nodes[0].ends(play.room).await;
    let liar = play.liar.iter();
    let taken = liar.filter(|liar| known.iter().any(|end| end.origin == liar.name));
    logs.extend(taken.map(|liar| liar.log.clone()));
    World::of(play.room, logs)
}

/// Prints the room, if that is wanted.
pub(super) async fn show(play: &Play) {
    if setting("SCAIWAVE_SIMULATION_SHOW", 0) > 0 {
        show::print(play, &world_of(play).await).await;
    }
}

/// Compares logs, verdicts, contents, members, rights, messages and their order.
pub(super) async fn compare(play: &Play, outcome: &mut Outcome) {
    let world = world_of(play).await;
    let oracle = Oracle::new(&world);
    let mut first: Option<BTreeSet<String>> = None;
    for node in &play.nodes {
        if node.ends(play.room).await.is_empty() {
            continue;
        }
        let held = held(node.app(), play.room).await;
        for event in world.events() {
            let expected = Held {
                verdict: oracle.verdict(event).as_str().to_owned(),
                has_content: keeps_content(&oracle, event),
            };
            let found = held.get(&event.event_id.to_string());
            let (origin, kind) = (&event.origin, &event.event_type);
            let seq = (event.epoch, event.seq);
            assert!(
                found.is_some_and(|found| *found == expected || is_gone(found, &expected)),
                "{}: {origin} {seq:?} {kind}: {found:?} and not {expected:?}",
                node.name
            );
        }
        for end in node.ends(play.room).await {
            for placed in node.log(play.room, &end.origin).await {
                let event = &placed.event;
                let Placed { position, hash, .. } = &placed;
                outcome.held += &format!("{} {position} {hash}\n", node.name);
                assert!(
                    world.events().any(|said| said.hash() == placed.hash),
                    "{}: {} {:?} {} is in no log",
                    node.name,
                    event.origin,
                    (event.epoch, event.seq),
                    event.event_type
                );
            }
        }
        assert_eq!(held.len(), world.events().count(), "{}", node.name);
        let told = told(node.app(), play.room).await;
        match &first {
            None => first = Some(told),
            Some(first) => {
                let differ: Vec<_> = first.symmetric_difference(&told).collect();
                assert!(differ.is_empty(), "{}: {differ:#?}", node.name);
            }
        }
        let forked = forks::list(&node.tenant(), node.app().db()).await.unwrap();
        let honest = |fork: &&Fork| !play.is_liars(&fork.origin);
        assert_eq!(forked.iter().find(honest), None, "{}", node.name);
        let checked = verify::tenant(&node.tenant(), node.app().db()).await;
        checked.unwrap_or_else(|error| panic!("{}: {error}", node.name));
    }
    let shown = Misreading::ALL.into_iter().filter(|misreading| {
        let wrong = Oracle::misreading(&world, Some(*misreading));
        world.events().any(|event| {
            oracle.verdict(event) != wrong.verdict(event)
                || keeps_content(&oracle, event) != keeps_content(&wrong, event)
        })
    });
    outcome.shown.extend(shown);
}

/// Whoever hears of a void event when everybody has dropped its content cannot tell, by the event alone, that what it said was
/// void. It says nothing to anybody there either.
fn is_gone(found: &Held, expected: &Held) -> bool {
    let is_bare = !found.has_content && !expected.has_content;
    is_bare && found.verdict == "valid" && expected.verdict == "void"
}
