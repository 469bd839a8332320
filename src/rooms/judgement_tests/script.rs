//! What the servers of a room do, step by step, as proptest makes it up. A number names something of the world by its
//! remainder, so that every script can be played.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::rooms::core::content::{Lifecycle, Membership};
use crate::rooms::core::levels::LevelKey;

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A server hears the room's state as the host has it now; honest claims name that.
    Hear(usize),
    /// The host hears a server's log as it is now; honest cut-offs name that.
    Tell(usize),
    /// The host appends a state event.
    State(StateStep),
    /// A server appends an event of the timeline, or a leave.
    Say(Saying),
}

/// A state event.
#[derive(Clone, Debug)]
pub(super) struct StateStep {
    /// What it changes.
    pub(super) change: Changed,
    /// Which cut-offs it names.
    pub(super) cutoff: Mark,
    /// How far it says that the host has seen the other logs.
    pub(super) seen: Mark,
}

/// A position that a state event names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// None.
    Absent,
    /// Where the host knows the log to end.
    Honest,
    /// Anywhere.
    At(i64),
}

/// What a state event changes.
#[derive(Clone, Debug)]
pub(super) enum Changed {
    Member {
        who: usize,
        to: Membership,
        level: u8,
        after: Mark,
    },
    Threshold(LevelKey, u8),
    EditWindow(u64),
    Servers {
        allowed: Option<Vec<usize>>,
        denied: Vec<usize>,
    },
    Life(Lifecycle),
    Name,
    Seen,
    /// A content that is no change.
    Malformed,
    /// A right content after the wrong state event.
    Orphan,
}

/// An event of the timeline.
#[derive(Clone, Debug)]
pub(super) struct Saying {
    /// Whose log.
    pub(super) server: usize,
    /// One of its people; or anybody, if `pretends`.
    pub(super) sender: usize,
    pub(super) pretends: bool,
    pub(super) what: What,
    pub(super) claim: Claimed,
    /// Seconds since the step before.
    pub(super) later: i64,
}

/// What is said, about the event with this number.
#[derive(Clone, Debug)]
pub(super) enum What {
    Message,
    Edit(usize),
    Redact(usize),
    React(usize, bool),
    Leave,
    /// A type of a later version.
    Unknown,
    /// A content that its type cannot have.
    Malformed(usize),
    /// A state event, which only the host may write.
    State,
}

/// The host state that an event names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claimed {
    /// The one last heard.
    Heard,
    /// An earlier one.
    Earlier(usize),
    /// One that is not there, or only later.
    Ahead(i64),
    /// The right number with another hash.
    OtherHash,
}

/// A room's life.
pub(super) fn script() -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 0..45)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => (0..3_usize).prop_map(Step::Hear),
        2 => (0..3_usize).prop_map(Step::Tell),
        4 => state_step().prop_map(Step::State),
        12 => saying().prop_map(Step::Say),
    ]
}

fn state_step() -> impl Strategy<Value = StateStep> {
    (changed(), mark(), mark()).prop_map(|(change, cutoff, seen)| StateStep {
        change,
        cutoff,
        seen,
    })
}

fn mark() -> impl Strategy<Value = Mark> {
    prop_oneof![1 => Just(Mark::Absent), 4 => Just(Mark::Honest), 2 => (0..12_i64).prop_map(Mark::At)]
}

fn changed() -> impl Strategy<Value = Changed> {
    let membership = prop_oneof![
        6 => Just(Membership::Join), 3 => Just(Membership::Leave), 3 => Just(Membership::Ban),
        1 => Just(Membership::Invite), 1 => Just(Membership::Knock),
    ];
    let member = (0..5_usize, membership, level(), mark()).prop_map(|(who, to, level, after)| {
        Changed::Member {
            who,
            to,
            level,
            after,
        }
    });
    let key = prop_oneof![
        Just(LevelKey::Send),
        Just(LevelKey::React),
        Just(LevelKey::Redact),
    ];
    let life = prop_oneof![
        3 => Just(Lifecycle::Open), 1 => Just(Lifecycle::Archived), 1 => Just(Lifecycle::Closed),
    ];
    let servers = (
        option::weighted(0.3, vec(0..3_usize, 1..3)),
        vec(0..3_usize, 0..2),
    );
    prop_oneof![
        10 => member,
        3 => (key, level()).prop_map(|(key, level)| Changed::Threshold(key, level)),
        2 => (0..4_u64).prop_map(Changed::EditWindow),
        2 => servers.prop_map(|(allowed, denied)| Changed::Servers { allowed, denied }),
        3 => life.prop_map(Changed::Life),
        2 => Just(Changed::Name),
        2 => Just(Changed::Seen),
        1 => Just(Changed::Malformed),
        1 => Just(Changed::Orphan),
    ]
}

fn level() -> impl Strategy<Value = u8> {
    prop_oneof![Just(0), Just(10), Just(50), Just(100)]
}

pub(super) fn saying() -> impl Strategy<Value = Saying> {
    let about = 0..50_usize;
    let what = prop_oneof![
        6 => Just(What::Message),
        3 => about.clone().prop_map(What::Edit),
        4 => about.clone().prop_map(What::Redact),
        4 => (about.clone(), any::<bool>()).prop_map(|(about, adds)| What::React(about, adds)),
        2 => Just(What::Leave),
        1 => Just(What::Unknown),
        1 => about.prop_map(What::Malformed),
        1 => Just(What::State),
    ];
    let claim = prop_oneof![
        10 => Just(Claimed::Heard),
        3 => (0..20_usize).prop_map(Claimed::Earlier),
        1 => (1..4_i64).prop_map(Claimed::Ahead),
        1 => Just(Claimed::OtherHash),
    ];
    let pretends = prop::bool::weighted(0.05);
    (0..3_usize, 0..5_usize, pretends, what, claim, 0..3_i64).prop_map(
        |(server, sender, pretends, what, claim, later)| Saying {
            server,
            sender,
            pretends,
            what,
            claim,
            later,
        },
    )
}
