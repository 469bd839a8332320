//! The protocol between servers, with the suite as the other server.

mod admin;
mod descriptor;
mod direct;
mod envelope;
mod guest;
mod host_state;
mod hostile;
mod joining;
mod judgement;
mod live;
mod managed;
mod media;
mod messages;
mod order;
mod policy;
mod reading;
mod recovery;
mod signature;
mod stage;

use crate::check::Check;

pub(super) fn checks() -> Vec<Check> {
    [
        descriptor::checks(),
        order::checks(),
        signature::checks(),
        policy::checks(),
        joining::checks(),
        host_state::checks(),
        messages::checks(),
        media::checks(),
        live::checks(),
        direct::checks(),
        envelope::checks(),
        judgement::checks(),
        reading::checks(),
        guest::checks(),
        recovery::checks(),
        admin::checks(),
        managed::checks(),
        hostile::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
