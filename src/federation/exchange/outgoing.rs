//! What an append leaves to be delivered, written in its own transaction: ends of logs, servers that came or went,
//! invitations and their answers.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Value, json};

use super::document::summary;
use super::remote::{document, job_id};
use crate::app::App;
use crate::db::{Committed, DbError, Tx};
use crate::entropy::Entropy;
use crate::error::Result;
use crate::events::core::event::Event;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::KeyPair;
use crate::events::model::{LogEnd, Placed};
use crate::federation::core::delivery::LogPlace;
use crate::federation::outbox::{self, Job};
use crate::rooms::core::content::{Membership, OriginKey, StateChange};
use crate::rooms::core::view::RoomView;
use crate::rooms::project;
use crate::rooms::store::members::{self, MemberRow};
use crate::rooms::store::rooms::RoomRow;
use crate::rooms::store::spans;
use crate::rooms::timeline::Outcome;
use crate::tenants::Tenant;

/// How long the delivery of an invitation or its answer is tried, in ms: 14 days.
const TRIED_MS: i64 = 14 * 24 * 3600 * 1000;

/// What a request that waits for delivery is made with.
pub struct Maker<'a> {
    /// The own server's key.
    pub key: &'a KeyPair,
    /// Where its id comes from.
    pub entropy: &'a Entropy,
    /// The time, in ms.
    pub now: i64,
}

impl Maker<'_> {
    fn job(&self, kind: &str, path: String, body: &Value) -> Job {
        Job {
            id: job_id(self.entropy),
            kind: kind.to_owned(),
            path,
            body: body.to_string(),
            expires_at: self.now + TRIED_MS,
            tries: 0,
        }
    }
}

/// Our logs end here now.
pub async fn ends(tenant: &Tenant, tx: &mut Tx, ends: &[(RoomId, LogEnd)]) -> Result<(), DbError> {
    let own: Vec<(RoomId, LogPlace)> = ends
        .iter()
        .filter(|(_, end)| end.origin == *tenant.server_name())
        .map(|(room_id, end)| {
            let place = LogPlace {
                epoch: end.epoch,
                seq: end.seq,
            };
            (*room_id, place)
        })
        .collect();
    outbox::extend(tenant, tx, &own).await
}

/// The servers of the rooms that a batch of events concerns, as the rooms are now.
#[derive(Default)]
pub struct Servers {
    /// How many people of each server are joined in a room.
    joined: HashMap<RoomId, BTreeMap<ServerName, usize>>,
    /// Servers that are delivered to, whoever of their people joined.
    open: HashSet<(RoomId, ServerName)>,
}

impl Servers {
    /// Somebody's relation to a room changed: its server may come or go, or has to hear of an invitation.
    pub async fn membership(
        &mut self,
        tenant: &Tenant,
        tx: &mut Tx,
        view: &RoomView,
        placed: &Placed,
        change: Option<&StateChange>,
        maker: &Maker<'_>,
    ) -> Result<(), DbError> {
        let is_elsewhere = |person: &&Fqid| person.server_name() != tenant.server_name();
        let Some(person) = project::person_of(placed, change).filter(is_elsewhere) else {
            return Ok(());
        };
        let server = person.server_name();
        let room_id = placed.event.room_id;
        if view.membership(person) == Some(Membership::Join) {
            return self.joins(tenant, tx, view, placed, server).await;
        }
        // The host hears everything, whoever of its people are there: it judges, and brings back who left a DM.
        if server == view.history.host() || self.joined(view, room_id, server) > 0 {
            return Ok(());
        }
        outbox::close(tenant, tx, server, room_id, own_end(tenant, view)).await?;
        let is_ours = placed.event.origin == *tenant.server_name();
        match is_ours && tells_invitee(view, person, placed) {
            true => tell(tenant, tx, view, placed, server, maker).await,
            false => Ok(()),
        }
    }

    /// Somebody of a server is in the room: the first time that this is seen, its delivery begins unless it goes on already.
    async fn joins(
        &mut self,
        tenant: &Tenant,
        tx: &mut Tx,
        view: &RoomView,
        placed: &Placed,
        server: &ServerName,
    ) -> Result<(), DbError> {
        let room_id = placed.event.room_id;
        if !self.open.insert((room_id, server.clone())) {
            return Ok(());
        }
        let end = own_end(tenant, view);
        // Who brings somebody back without being asked has to say so: the server learns from this event, which does not
        // fit to what it has, that there is more. Others fetch what came before by themselves: their join names a place
        // in the host's log.
        let sent = match is_unasked(tenant, placed) {
            true => LogPlace {
                epoch: placed.event.epoch,
                seq: placed.event.seq - 1,
            },
            false => end,
        };
        outbox::open(tenant, tx, server, room_id, sent, end).await
    }

    fn joined(&mut self, view: &RoomView, room_id: RoomId, server: &ServerName) -> usize {
        let of_room = self.joined.entry(room_id).or_insert_with(|| {
            let mut counts = BTreeMap::new();
            for (person, _) in view.joined_members() {
                *counts.entry(person.server_name().clone()).or_default() += 1;
            }
            counts
        });
        of_room.get(server).copied().unwrap_or(0)
    }
}

fn own_end(tenant: &Tenant, view: &RoomView) -> LogPlace {
    let head = view.head(tenant.server_name());
    LogPlace {
        epoch: head.epoch,
        seq: head.seq,
    }
}

/// Whether this server joined somebody by itself.
fn is_unasked(tenant: &Tenant, placed: &Placed) -> bool {
    placed.event.sender.is_none() && placed.event.origin == *tenant.server_name()
}

/// Whether the person's server, which the room's log does not reach, has to be told of this event by itself: of an
/// invitation, and of the end of one.
fn tells_invitee(view: &RoomView, person: &Fqid, placed: &Placed) -> bool {
    let before = view.history.member_at(placed.event.seq - 1, person);
    let was_invited = before.is_some_and(|before| before.membership == Membership::Invite);
    match view.membership(person) {
        Some(Membership::Invite) => true,
        Some(Membership::Leave) => was_invited,
        _ => false,
    }
}

async fn tell(
    tenant: &Tenant,
    tx: &mut Tx,
    view: &RoomView,
    placed: &Placed,
    server: &ServerName,
    maker: &Maker<'_>,
) -> Result<(), DbError> {
    let body = json!({
        "event": placed.event.to_value(),
        "room": summary(view, placed.event.room_id, maker.key, maker.now),
        "key": OriginKey::of(maker.key.public_key()),
    });
    let job = maker.job("invite", "/invite".to_owned(), &body);
    outbox::add_job(tenant, tx, server, &job, maker.now).await
}

/// Tells the other servers of a room that two events were signed for one place of a log, so that all freeze it alike and the
/// admins of the origin hear of it: both events, which prove it.
pub async fn evidence(
    tenant: &Tenant,
    tx: &mut Tx,
    view: &RoomView,
    both: [&Event; 2],
    maker: &Maker<'_>,
) -> Result<(), DbError> {
    let body = json!({ "events": both.map(|event| event.without_content().to_value()) });
    let members = view.joined_members();
    // The host hears of it though nobody of it is there: it settles forks.
    let servers: BTreeSet<&ServerName> = members
        .map(|(person, _)| person.server_name())
        .chain([view.history.host()])
        .filter(|server| *server != tenant.server_name())
        .collect();
    for server in servers {
        let job = maker.job("evidence", "/send".to_owned(), &body);
        outbox::add_job(tenant, tx, server, &job, maker.now).await?;
    }
    Ok(())
}

/// Declining is immediate for the invited person; the host hears of it when it can be reached.
pub(super) async fn decline(
    app: &App,
    tenant: &Tenant,
    row: &RoomRow,
    actor: &Fqid,
) -> Result<Committed<Outcome>> {
    let id = ParticipantId::derive(actor);
    let document = document(app, tenant, row, actor, "decline", json!({}))?;
    let mut tx = app.db().begin().await?;
    let found = members::get(tenant, tx.conn(), row.id, id).await?;
    let Some(member) = found.filter(|member| member.membership == Membership::Invite) else {
        let missing = crate::rooms::core::decide::Refusal::NotFound(
            "there is no open invitation to this room",
        );
        return Err(crate::rooms::RoomError::from(missing).into());
    };
    let left = MemberRow {
        membership: Membership::Leave,
        changed_at: app.now(),
        expires_at: None,
        ..member
    };
    members::upsert(tenant, &mut tx, row.id, &left).await?;
    spans::end_reading(tenant, &mut tx, id, row.id).await?;
    let job = Job {
        id: job_id(app.entropy()),
        kind: "request".to_owned(),
        path: format!("/rooms/{}/request", row.id),
        body: document.to_string(),
        expires_at: app.now() + TRIED_MS,
        tries: 0,
    };
    outbox::add_job(tenant, &mut tx, &row.host, &job, app.now()).await?;
    let committed = tx.commit(()).await?;
    app.federation().wake_senders();
    Ok(committed.map(|()| Outcome {
        room_id: row.id,
        events: Vec::new(),
        repeat_of: None,
    }))
}
