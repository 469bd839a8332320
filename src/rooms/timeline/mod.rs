//! The one writer of all rooms: decides, signs, judges and appends, many at a time.
//!
//! Whatever wants to change a room hands a [`Job`] to the writer task and waits. The task takes all jobs that wait,
//! decides them one after another in memory, writes everything with few statements in one transaction (group commit),
//! and answers after the commit. A caller that goes away neither aborts nor loses anything. May use `events`, `db`,
//! `rooms::core`, and the stores of rooms, messages and participants for their projections.

mod aftermath;
mod batch;
mod commands;
mod compose;
mod epochs;
mod erase;
mod forks;
mod gaps;
mod host_fork;
mod known;
mod late_content;
mod log_key;
pub(crate) mod place;
mod receive;
mod views;
mod writer;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

#[cfg(test)]
pub(crate) use log_key::is_incomplete as is_incomplete_log_key;
pub(crate) use receive::MAX_AHEAD_MS;
pub use writer::{Writer, WriterParts};

use crate::catalogue::Code;
use crate::db::Committed;
use crate::events::core::event::Event;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::verified::Verified;
use crate::events::model::Placed;
use crate::rooms::core::decide::{Command, CreateRoom};
use crate::rooms::error::RoomError;
use crate::rooms::store::rooms::RoomRow;
use crate::tenants::Tenant;

/// Jobs that may wait for the writer; more make their callers wait.
const QUEUE: usize = 1024;

/// The door to the writer: cheap to clone.
#[derive(Clone)]
pub struct Timeline(mpsc::Sender<Job>);

/// A command to be decided by the room.
#[derive(Debug)]
pub struct Act {
    /// In which tenant.
    pub tenant: Tenant,
    /// Which room.
    pub room_id: RoomId,
    /// Who asks.
    pub actor: Fqid,
    /// For what.
    pub command: Command,
    /// With a send: what the client gave with it.
    pub sending: Option<Sending>,
    /// With a request of a peer: which one.
    pub asked: Option<Asked>,
    /// Places for people of other servers, by the federation policy.
    pub max_foreign: usize,
}

/// What a client gives with a message; none of it leaves this server.
#[derive(Clone, Debug, Default)]
pub struct Sending {
    /// The client's own id: a repeat returns the first event.
    pub event_uuid: Option<Uuid>,
    /// Who really called, where the message is sent as somebody else.
    pub sent_by: Option<Fqid>,
}

/// A request of another server for one of its people: carried out once, whenever it is repeated.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who asks.
    pub server: ServerName,
    /// Its own id of the request.
    pub request_id: Uuid,
    /// The signed document, recorded in the first event.
    pub document: Value,
}

/// A client's key under which something happens only once.
#[derive(Clone, Debug)]
pub struct Once {
    /// Whose keys: `create:<participant id>`.
    pub scope: String,
    /// The key.
    pub key: String,
}

/// A room to be made.
#[derive(Debug)]
pub struct Make {
    /// In which tenant.
    pub tenant: Tenant,
    /// By whom.
    pub creator: Fqid,
    /// What.
    pub room: CreateRoom,
    /// With a DM: the pair that has only one.
    pub dm_with: Option<Fqid>,
    /// Under which key it must happen only once.
    pub once: Option<Once>,
}

/// Events of another server, already verified, in the order of their logs.
#[derive(Debug)]
pub struct Page {
    /// In which tenant.
    pub tenant: Tenant,
    /// Who delivered them.
    pub deliverer: ServerName,
    /// The events.
    pub events: Vec<Verified<Event>>,
    /// What they are part of.
    pub part: Part,
}

/// What a page of events is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Logs of rooms that are here.
    Log,
    /// The host's log of a room that may begin here: one of our people joins it.
    Beginning,
    /// The events of the host's log that make up the state of such a room, or of one that is here. What stands between
    /// them comes later.
    State,
}

/// An invitation from a room that is hosted elsewhere, or its withdrawal: one event of a log that is not here.
#[derive(Debug)]
pub struct Invitation {
    /// In which tenant.
    pub tenant: Tenant,
    /// The host's membership event.
    pub event: Verified<Event>,
    /// What the host's signed summary says of the room.
    pub room: RoomRow,
}

/// Rooms in which this server's log is to go over to its current key.
#[derive(Debug)]
pub struct KeyRenewal {
    /// In which tenant.
    pub tenant: Tenant,
    /// Which rooms.
    pub rooms: Vec<RoomId>,
}

/// What became of a command.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The room.
    pub room_id: RoomId,
    /// The events that it caused, for a peer's repeated request those of the first time; none: it was so already.
    pub events: Vec<Placed>,
    /// It had happened before, under the same `event_uuid` or key: the first event of then.
    pub repeat_of: Option<EventId>,
}

/// What became of a received event (federation specification, "Requests", `send`).
#[derive(Clone, Debug, PartialEq)]
pub enum Receipt {
    /// It stands in its log and counts, or will be judged when host state arrives.
    Accepted,
    /// It was here already.
    Duplicate,
    /// It stands in its log and waits.
    Pending,
    /// The same; but it names another hash than that of the host's state event: evidence of a fork.
    Contradicting,
    /// It does not count.
    Rejected {
        /// Which check.
        check: u8,
        /// The catalogue's code.
        code: Code,
        /// In words.
        message: String,
        /// Whether it took its place in the log all the same.
        placed: bool,
    },
}

impl Receipt {
    /// Whether it stands in its log and cannot be judged yet.
    pub fn waits(&self) -> bool {
        matches!(self, Receipt::Pending | Receipt::Contradicting)
    }
}

type Answer<T> = oneshot::Sender<Result<Committed<T>, RoomError>>;

/// A unit of the writer's work.
#[derive(Debug)]
pub(in crate::rooms) enum Job {
    /// A command.
    Act(Box<Act>, Answer<Outcome>),
    /// A new room.
    Make(Box<Make>, Answer<Outcome>),
    /// Events from elsewhere.
    Receive(Page, Answer<Vec<Receipt>>),
    /// An invitation from elsewhere.
    Invitation(Box<Invitation>, Answer<()>),
    /// Own logs go over to another key.
    RenewKeys(KeyRenewal, Answer<()>),
}

impl Job {
    pub(in crate::rooms) fn tenant(&self) -> &Tenant {
        match self {
            Job::Act(act, _) => &act.tenant,
            Job::Make(make, _) => &make.tenant,
            Job::Receive(page, _) => &page.tenant,
            Job::Invitation(invitation, _) => &invitation.tenant,
            Job::RenewKeys(renewal, _) => &renewal.tenant,
        }
    }
}

impl Timeline {
    /// The door, and the queue behind it for the writer.
    pub(in crate::rooms) fn channel() -> (Timeline, mpsc::Receiver<Job>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Timeline(sender), receiver)
    }

    /// Has a command decided; its events are on disk when this returns.
    pub async fn act(&self, act: Act) -> Result<Committed<Outcome>, RoomError> {
        self.ask(|answer| Job::Act(Box::new(act), answer)).await
    }

    /// Makes a room.
    pub async fn make(&self, make: Make) -> Result<Committed<Outcome>, RoomError> {
        self.ask(|answer| Job::Make(Box::new(make), answer)).await
    }

    /// Appends events of other servers; a receipt for each, in order.
    pub async fn receive(&self, page: Page) -> Result<Committed<Vec<Receipt>>, RoomError> {
        self.ask(|answer| Job::Receive(page, answer)).await
    }

    /// Records that one of our people was invited to a room of another server.
    pub async fn invited(&self, invitation: Invitation) -> Result<Committed<()>, RoomError> {
        self.ask(|answer| Job::Invitation(Box::new(invitation), answer))
            .await
    }

    /// Lets own logs go over to the current key. What was begun with an earlier one before is on disk when this returns.
    pub async fn renew_keys(&self, renewal: KeyRenewal) -> Result<Committed<()>, RoomError> {
        self.ask(|answer| Job::RenewKeys(renewal, answer)).await
    }

    async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<Committed<T>, RoomError> {
        let (answer, outcome) = oneshot::channel();
        self.0
            .send(job(answer))
            .await
            .map_err(|_| RoomError::Stopping)?;
        outcome.await.map_err(|_| RoomError::Stopping)?
    }
}
