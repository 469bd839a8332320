//! Two people of different servers who each made a DM with the other end with one.
//!
//! Both wanted a DM, so each server brings its person into the other's room, too, and nothing that was said is lost. Of
//! the two rooms all servers choose the same ([`dms`]); the host of the other one archives it once both people are in
//! both rooms.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::sync::Notify;

use super::remote;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Result};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::participants;
use crate::rooms::core::content::Membership;
use crate::rooms::core::decide::{Command, Joining};
use crate::rooms::perform;
use crate::rooms::store::dms::{self, Candidate};
use crate::tenants::Tenant;

/// How often pairs are looked at again whose other server did not answer.
const EVERY: Duration = Duration::from_secs(60);

/// Pairs that are looked at at one time.
const AT_ONCE: usize = 8;

/// A person of this tenant (its key), and one of another server.
type Pair = (i64, ParticipantId, ParticipantId);

/// Pairs with more than one DM room.
#[derive(Default)]
pub struct Several {
    pairs: Mutex<HashSet<Pair>>,
    added: Notify,
}

impl Several {
    fn add(&self, pair: Pair) {
        self.retry(pair);
        self.added.notify_one();
    }

    /// Looks at a pair again after a while.
    fn retry(&self, pair: Pair) {
        self.pairs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(pair);
    }

    fn all(&self) -> Vec<Pair> {
        let pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        pairs.iter().copied().collect()
    }

    fn remove(&self, pair: &Pair) {
        self.pairs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(pair);
    }
}

/// A person of this server was invited to a DM, or one of another server came into one: there may be two rooms.
pub(super) fn look(app: &App, tenant: &Tenant, local: ParticipantId, remote: ParticipantId) {
    app.several_dms().add((tenant.key(), local, remote));
}

/// Brings pairs to one room, until the server stops.
pub async fn run(app: App) {
    for tenant in app.tenants().all() {
        match dms::with_several(&tenant, app.db()).await {
            Ok(pairs) => {
                for (local, remote) in pairs {
                    look(&app, &tenant, local, remote);
                }
            }
            Err(error) => tracing::warn!(%error, "DMs cannot be listed"),
        }
    }
    let stop = app.stop().clone();
    loop {
        let settled = stream::iter(app.several_dms().all())
            .for_each_concurrent(AT_ONCE, async |pair| settle_or_retry(&app, pair).await);
        tokio::select! {
            () = settled => {}
            () = stop.cancelled() => return,
        }
        tokio::select! {
            () = app.several_dms().added.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn settle_or_retry(app: &App, pair: Pair) {
    let (tenant, local, remote) = pair;
    // Whoever is added again meanwhile is looked at again.
    app.several_dms().remove(&pair);
    let Some(tenant) = app.tenants().by_key(tenant) else {
        return;
    };
    if let Err(error) = settle(app, &tenant, local, remote).await {
        tracing::info!(%error, "two DMs of the same people are not one yet");
        // Any other answer stays the same.
        if error.code() == Code::ServiceUnavailable {
            app.several_dms().retry(pair);
        }
    }
}

/// What there is to do about a pair's open DM rooms, which are in the order of their age.
#[derive(Debug, Default, PartialEq, Eq)]
struct Todo {
    /// Rooms that the person of this server wanted, too, by making one of its own.
    join: Vec<RoomId>,
    /// Rooms hosted here beside the one that counts, with both people in both.
    set_aside: Vec<RoomId>,
}

fn todo(rooms: &[Candidate], counts: RoomId) -> Todo {
    let made_own = rooms
        .iter()
        .any(|room| room.is_here && room.local == Membership::Join);
    if !made_own {
        return Todo::default();
    }
    let invited = rooms
        .iter()
        .filter(|room| !room.is_here && room.local == Membership::Invite);
    let join: Vec<RoomId> = invited.map(|room| room.room_id).collect();
    let is_complete = |room: &Candidate| {
        let local = room.local == Membership::Join || join.contains(&room.room_id);
        local && room.remote == Membership::Join
    };
    let is_there = rooms
        .iter()
        .any(|room| room.room_id == counts && is_complete(room));
    let set_aside = rooms
        .iter()
        .filter(|room| is_there && room.is_here && room.room_id != counts && is_complete(room))
        .map(|room| room.room_id)
        .collect();
    Todo { join, set_aside }
}

async fn settle(
    app: &App,
    tenant: &Tenant,
    local: ParticipantId,
    remote: ParticipantId,
) -> Result<()> {
    let rooms = dms::candidates(tenant, app.db(), local, remote).await?;
    let pair = dms::pair(local, remote);
    let counts = dms::room_of(tenant, app.db().reader(), pair).await?;
    let person = participants::store::get(tenant, app.db().reader(), local).await?;
    let (Some(counts), Some(person)) = (counts, person) else {
        return Ok(());
    };
    let Todo { join, set_aside } = todo(&rooms, counts);
    for room in join {
        let row = perform::find(app, tenant, room).await?;
        let host = app.federation().peers().get(tenant, &row.host).await?;
        if app.now() < host.next_send_at {
            return Err(Error::new(Code::ServiceUnavailable).source("the host is away"));
        }
        let joining = Joining {
            profile: None,
            key: None,
            after: None,
            holds_role: false,
        };
        remote::ask_host(app, tenant, &row, &person.fqid, &Command::Join(joining)).await?;
    }
    for room in set_aside {
        perform::as_host(app, tenant, room, person.fqid.clone(), Command::SetAside).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use Membership::{Invite, Join, Leave};

    const HERE: RoomId = RoomId(Uuid::from_u128(1));
    const THERE: RoomId = RoomId(Uuid::from_u128(2));

    fn room(room_id: RoomId, local: Membership, remote: Membership) -> Candidate {
        Candidate {
            room_id,
            is_here: room_id == HERE,
            local,
            remote,
        }
    }

    fn done(rooms: [Candidate; 2], counts: RoomId) -> (Vec<RoomId>, Vec<RoomId>) {
        let Todo { join, set_aside } = todo(&rooms, counts);
        (join, set_aside)
    }

    #[test]
    fn who_made_a_dm_comes_into_the_others() {
        for counts in [HERE, THERE] {
            let rooms = [room(HERE, Join, Invite), room(THERE, Invite, Join)];
            assert_eq!(done(rooms, counts), (vec![THERE], vec![]));
        }
    }

    #[test]
    fn the_host_of_the_other_room_archives_it_once_both_are_in_both() {
        let rooms = || [room(HERE, Join, Join), room(THERE, Join, Join)];
        assert_eq!(done(rooms(), THERE), (vec![], vec![HERE]));
        assert_eq!(done(rooms(), HERE), (vec![], vec![]));
        let invited = [room(HERE, Join, Join), room(THERE, Invite, Join)];
        assert_eq!(done(invited, THERE), (vec![THERE], vec![HERE]));
    }

    #[test]
    fn nobody_is_brought_into_a_room_that_was_not_wanted() {
        let left = [room(HERE, Leave, Join), room(THERE, Invite, Join)];
        assert_eq!(done(left, THERE), (vec![], vec![]));
        let alone = todo(&[room(THERE, Invite, Join)], THERE);
        assert_eq!(alone, Todo::default());
    }
}
