//! Rows about people that many state events bring at once: a room's whole state, when somebody joins it from elsewhere.
//!
//! Written one by one, each event costs a few statements; collected, a few dozen people share one. The rows come out the
//! same, since each is made from the room as it is when all of them are written, or from the latest profile.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::{admitted_key, member_row};
use crate::db::{DbError, Tx};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::{KeyId, PublicKey};
use crate::events::model::{Placed, Standing};
use crate::events::store;
use crate::participants::{self, ForeignProfile};
use crate::rooms::core::content::{Change, MemberChange, StateChange};
use crate::rooms::core::view::RoomView;
use crate::rooms::profiles;
use crate::rooms::store::members::{self, MemberRow};
use crate::tenants::Tenant;

/// Whether what an event changes for clients is the same before and after the next state event of its room. What people
/// of this server are shown is not: it begins and ends with single events. A message is taken to be the first that is
/// heard of it.
pub fn outlasts_state(tenant: &Tenant, placed: &Placed, change: Option<&StateChange>) -> bool {
    if placed.standing != Standing::Valid {
        return true;
    }
    match change.map(|state| &state.change) {
        Some(Change::Member(member)) => member.participant.server_name() != tenant.server_name(),
        Some(Change::Log(_)) => false,
        Some(_) => true,
        None => [
            EventType::ROOM_MESSAGE,
            EventType::ROOM_MESSAGE_EDIT,
            EventType::ROOM_REACTION,
        ]
        .contains(&placed.event.event_type),
    }
}

/// A log's key as an event names it: in which room, whose, which, in which epoch and from which place on.
type Named = (RoomId, ServerName, KeyId, i64, i64);

/// What state events say of people of other servers, until it is written.
#[derive(Default)]
pub struct People {
    members: BTreeMap<(RoomId, Fqid), MemberRow>,
    profiles: BTreeMap<Fqid, ForeignProfile>,
    named: HashSet<Named>,
    keys: HashMap<(RoomId, ServerName), Vec<PublicKey>>,
}

impl People {
    /// Takes the event, if it is the host's word about somebody of another server. False: it is something else.
    pub async fn take(
        &mut self,
        tenant: &Tenant,
        tx: &mut Tx,
        view: &RoomView,
        placed: &Placed,
        change: Option<&StateChange>,
    ) -> Result<bool, DbError> {
        let Some(Change::Member(member)) = change.map(|state| &state.change) else {
            return Ok(false);
        };
        let person = &member.participant;
        if placed.standing != Standing::Valid || person.server_name() == tenant.server_name() {
            return Ok(false);
        }
        let room_id = placed.event.room_id;
        self.name_key(tenant, tx, view, placed, change).await?;
        let profile = self.profile(tenant, tx, room_id, member).await?;
        self.keep(profile);
        if let Some(row) = member_row(view, person) {
            self.members.insert((room_id, person.clone()), row);
        }
        Ok(true)
    }

    /// Writes down the key that the event names, the first time that one does: every membership of a server's people
    /// brings it.
    async fn name_key(
        &mut self,
        tenant: &Tenant,
        tx: &mut Tx,
        view: &RoomView,
        placed: &Placed,
        change: Option<&StateChange>,
    ) -> Result<(), DbError> {
        let event = &placed.event;
        let Some(named) = admitted_key(view, event, change) else {
            return Ok(());
        };
        let (key_id, at) = (named.key.key_id(), named.at);
        let (room_id, origin) = (event.room_id, named.origin);
        let known = (room_id, origin.clone(), key_id, at.epoch, at.from_seq);
        if self.named.insert(known) {
            store::logs::add_log_key(tenant, tx, room_id, &origin, &named.key, at).await?;
            self.keys.remove(&(room_id, origin));
        }
        Ok(())
    }

    async fn profile(
        &mut self,
        tenant: &Tenant,
        tx: &mut Tx,
        room_id: RoomId,
        member: &MemberChange,
    ) -> Result<ForeignProfile, DbError> {
        let server = member.participant.server_name();
        let log = (room_id, server.clone());
        if !self.keys.contains_key(&log) {
            let keys = store::logs::log_keys_in(tenant, tx, room_id, server).await?;
            self.keys.insert(log.clone(), keys);
        }
        let keys = self.keys.get(&log).map_or(&[][..], Vec::as_slice);
        Ok(profiles::brought_by(member, keys))
    }

    /// Of several profiles the latest one counts, and the first one of its time, as if they were written one by one.
    fn keep(&mut self, profile: ForeignProfile) {
        match self.profiles.entry(profile.fqid.clone()) {
            Entry::Vacant(place) => {
                place.insert(profile);
            }
            Entry::Occupied(mut known) if known.get().ts < profile.ts => {
                known.insert(profile);
            }
            Entry::Occupied(_) => {}
        }
    }

    /// Writes everything that was taken so far, and is empty again.
    pub async fn write(&mut self, tenant: &Tenant, tx: &mut Tx, now: i64) -> Result<(), DbError> {
        let People {
            members, profiles, ..
        } = std::mem::take(self);
        let profiles: Vec<&ForeignProfile> = profiles.values().collect();
        participants::store::upsert_all_foreign(tenant, tx, &profiles, now).await?;
        let members: Vec<(RoomId, &MemberRow)> = members
            .iter()
            .map(|((room_id, _), row)| (*room_id, row))
            .collect();
        members::upsert_all(tenant, tx, &members).await
    }
}
