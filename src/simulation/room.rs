//! The rooms that everybody plays in: how they are made, and what is known of them.

use super::liar::Liar;
use super::node::Node;
use crate::events::core::event::Event;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::Fqid;
use crate::events::core::verified::Verified;
use crate::rooms::core::content::RoomType;
use crate::rooms::core::decide::{CreateRoom, Invitee};
use crate::rooms::timeline::Make;

/// Messages that were ever said.
pub(super) fn said(nodes: &[Node], room: RoomId, liar: Option<&Liar>) -> Vec<EventId> {
    let honest = nodes.iter().flat_map(|node| node.written(room));
    let lies = liar.into_iter().flat_map(|liar| &liar.log);
    honest
        .chain(lies)
        .filter(|event: &&Verified<Event>| event.event_type.as_str() == "swp.room.message")
        .map(|event| event.event_id)
        .collect()
}

pub(super) fn invitee(person: &Fqid) -> Invitee {
    Invitee {
        person: person.clone(),
        profile: None,
        holds_role: false,
    }
}

pub(super) async fn make_room(host: &Node, number: u8) -> RoomId {
    let room = CreateRoom {
        nonce: format!("simulated room {number}"),
        room_type: RoomType::Group,
        name: Some("Room".to_owned()),
        topic: None,
        alias: None,
        scope_kind: None,
        visibility: None,
        read_role_slugs: Vec::new(),
        auto_close: false,
        edit_window_seconds: 3,
        profile: None,
        joined: Vec::new(),
        invited: None,
    };
    let make = Make {
        tenant: host.tenant(),
        creator: host.people[0].clone(),
        room,
        dm_with: None,
        once: None,
    };
    let made = host.app().timeline().make(make).await.unwrap();
    made.get().room_id
}

pub(super) async fn is_joined(host: &Node, room: RoomId, person: &Fqid) -> bool {
    let servers =
        crate::rooms::store::members::servers(&host.tenant(), host.app().db(), room).await;
    servers.unwrap().contains(person.server_name())
}
