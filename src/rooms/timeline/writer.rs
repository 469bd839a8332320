//! The writer task: takes what waits, carries it out in one transaction, answers after the commit.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::batch::{self, Batch};
use super::compose::Signer;
use super::views::Views;
use super::{Answer, Job, Outcome, Receipt, Timeline, commands, log_key, receive};
use crate::catalogue::Code;
use crate::clock::Clock;
use crate::db::{Committed, Db, DbError};
use crate::entropy::Entropy;
use crate::events::core::clock::Hlc;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::keys::KeyRing;
use crate::events::model::Placed;
use crate::events::wake::Wake;
use crate::federation::Federation;
use crate::federation::model::{Check, RejectedEvent, Rejection};
use crate::http::metrics::{AppendLabels, Metrics};
use crate::messages::store as messages;
use crate::notifications::Keywords;
use crate::rooms::core::decide::Command;
use crate::rooms::core::judge::Waiting;
use crate::rooms::error::RoomError;
use crate::tenants::Tenant;

/// Jobs in one transaction, at most.
const MOST: usize = 256;

/// What the writer works with.
pub struct WriterParts {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// Where salts come from.
    pub entropy: Entropy,
    /// The signing keys.
    pub keys: KeyRing,
    /// Whom to wake after a commit.
    pub wake: Wake,
    /// Told of what has to be delivered.
    pub federation: Federation,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What people want to hear of.
    pub keywords: Keywords,
    /// Ends the task once the queue is empty.
    pub stop: CancellationToken,
}

/// The task's own state.
pub struct Writer {
    parts: WriterParts,
    queue: mpsc::Receiver<Job>,
    waiting: VecDeque<Job>,
    views: Views,
    clock: Hlc,
    positions: HashMap<i64, i64>,
}

/// What a job comes to.
enum Done {
    Outcome(Result<Outcome, RoomError>),
    Receipts(Result<Vec<Receipt>, RoomError>),
    Nothing(Result<(), RoomError>),
}

/// Each job is carried out by the code for its kind, so the other kinds cannot occur.
impl Done {
    fn into_outcome(self) -> Result<Outcome, RoomError> {
        match self {
            Done::Outcome(outcome) => outcome,
            Done::Receipts(_) | Done::Nothing(_) => Err(RoomError::Stopping),
        }
    }

    fn into_receipts(self) -> Result<Vec<Receipt>, RoomError> {
        match self {
            Done::Receipts(receipts) => receipts,
            Done::Outcome(_) | Done::Nothing(_) => Err(RoomError::Stopping),
        }
    }

    fn into_nothing(self) -> Result<(), RoomError> {
        match self {
            Done::Nothing(nothing) => nothing,
            Done::Outcome(_) | Done::Receipts(_) => Err(RoomError::Stopping),
        }
    }
}

impl Writer {
    /// Makes the writer and the door to it. `last_ts`: the time of the last own event before this start, in ms.
    pub fn new(parts: WriterParts, last_ts: i64) -> (Writer, Timeline) {
        let (door, queue) = Timeline::channel();
        let writer = Writer {
            parts,
            queue,
            waiting: VecDeque::new(),
            views: Views::default(),
            clock: Hlc::starting_at(last_ts),
            positions: HashMap::new(),
        };
        (writer, door)
    }

    /// Works until told to stop and nothing waits any more.
    pub async fn run(mut self) {
        while self.wait().await {
            let jobs = self.take();
            self.carry_out(jobs).await;
        }
    }

    /// Waits for work. False: there will be none.
    async fn wait(&mut self) -> bool {
        if self.waiting.is_empty() {
            tokio::select! {
                biased;
                job = self.queue.recv() => match job {
                    Some(job) => self.waiting.push_back(job),
                    None => return false,
                },
                () = self.parts.stop.cancelled() => return false,
            }
        }
        while self.waiting.len() < MOST
            && let Ok(job) = self.queue.try_recv()
        {
            self.waiting.push_back(job);
        }
        true
    }

    /// The jobs of the next transaction: of one tenant, and never two about the same message, since the second has to
    /// see what the first one did.
    fn take(&mut self) -> Vec<Job> {
        let mut jobs: Vec<Job> = Vec::with_capacity(self.waiting.len());
        let mut targets: HashSet<EventId> = HashSet::new();
        let mut uuids = HashSet::new();
        while let Some(job) = self.waiting.pop_front() {
            let other_tenant = jobs
                .first()
                .is_some_and(|first| first.tenant() != job.tenant());
            let is_new = match &job {
                Job::Act(act, _) => {
                    act.command
                        .target()
                        .is_none_or(|target| targets.insert(target))
                        && commands::sent_key(act).is_none_or(|key| uuids.insert(key))
                }
                _ => true,
            };
            if other_tenant || !is_new || jobs.len() >= MOST {
                self.waiting.push_front(job);
                break;
            }
            jobs.push(job);
        }
        jobs
    }

    /// Carries jobs out together; if the database refuses the lot, one by one. If it is away, all are told so at once: one by
    /// one they would wait for it in turn, and what had been committed when the connection broke would happen twice.
    async fn carry_out(&mut self, jobs: Vec<Job>) {
        match self.attempt(&jobs).await {
            Ok(done) => answer_all(jobs, done),
            Err(error) if jobs.len() == 1 || error.is_lost_connection() => {
                answer_error(jobs, error);
            }
            Err(error) => {
                tracing::warn!(jobs = jobs.len(), cause = %error, "a batch failed, its jobs are tried one by one");
                for job in jobs {
                    match self.attempt(std::slice::from_ref(&job)).await {
                        Ok(done) => answer_all(vec![job], done),
                        Err(error) => answer_error(vec![job], error),
                    }
                }
            }
        }
    }

    /// One transaction. An error: nothing of it happened, unless the connection broke at the commit; the rooms that it touched
    /// are forgotten.
    async fn attempt(&mut self, jobs: &[Job]) -> Result<Committed<Vec<Done>>, DbError> {
        let Some(tenant) = jobs.first().map(|job| job.tenant().clone()) else {
            return Ok(Committed::already(Vec::new()));
        };
        let mut touched = HashSet::new();
        let result = self.transaction(&tenant, jobs, &mut touched).await;
        if result.is_err() {
            for room_id in touched {
                self.views.forget(&tenant, room_id);
            }
            self.positions.remove(&tenant.key());
        }
        result
    }

    async fn transaction(
        &mut self,
        tenant: &Tenant,
        jobs: &[Job],
        touched: &mut HashSet<RoomId>,
    ) -> Result<Committed<Vec<Done>>, DbError> {
        let Some(key) = self.parts.keys.current(tenant) else {
            return Err(DbError::unreadable(
                "tenant_keys",
                "key_id",
                "the tenant has no signing key",
            ));
        };
        let now = self.parts.clock.now_ms();
        let tx = self.parts.db.begin().await?;
        let last_known = self.positions.entry(tenant.key()).or_insert(-1);
        let mut batch = Batch::open(
            tx,
            tenant.clone(),
            (
                Arc::clone(&key),
                self.parts.entropy.clone(),
                self.parts.keywords.clone(),
            ),
            &mut self.views,
            touched,
            last_known,
            now,
        )
        .await?;
        let waits = self.parts.federation.host_wait();
        let mut signer = Signer {
            origin: tenant.server_name(),
            key: &key,
            keys: &self.parts.keys,
            clock: &mut self.clock,
            entropy: &self.parts.entropy,
            now,
            waits,
        };
        let keys: Vec<_> = jobs
            .iter()
            .filter_map(|job| match job {
                Job::Act(act, _) if matches!(act.command, Command::Send { .. }) => {
                    commands::sent_key(act)
                }
                _ => None,
            })
            .collect();
        let sent = messages::sent(tenant, &mut batch.tx, &keys).await?;
        let mut done = Vec::with_capacity(jobs.len());
        for job in jobs {
            let one = match job {
                Job::Act(act, _) if waits.is_behind(&act.tenant, act.room_id) => {
                    Done::Outcome(Err(RoomError::PeersNotAsked))
                }
                Job::Act(act, _) => Done::Outcome(settle(
                    commands::act(&mut batch, act, &sent, &mut signer).await,
                )?),
                Job::Make(make, _) => {
                    Done::Outcome(settle(commands::make(&mut batch, make, &mut signer).await)?)
                }
                Job::Receive(page, _) => {
                    Done::Receipts(settle(receive::page(&mut batch, page, &mut signer).await)?)
                }
                Job::Invitation(invitation, _) => {
                    Done::Nothing(settle(receive::invitation(&mut batch, invitation).await)?)
                }
                Job::RenewKeys(renewal, _) => {
                    let renewed = log_key::renew_all(&mut batch, &renewal.rooms, &mut signer);
                    Done::Nothing(settle(renewed.await)?)
                }
            };
            done.push(one);
        }
        if batch.is_empty() {
            return Ok(Committed::already(done));
        }
        let started = Instant::now();
        let contradicting = std::mem::take(&mut batch.contradicting);
        let committed = batch.commit().await?;
        self.note(tenant, &contradicting, now).await;
        Ok(committed.map(|batch| {
            self.committed(tenant, &batch, jobs.len(), started);
            done
        }))
    }

    /// Writes down who contradicts the host.
    async fn note(&self, tenant: &Tenant, contradicting: &[Placed], now: i64) {
        let of = |placed: &Placed| Rejection {
            peer: placed.event.origin.clone(),
            check: Check::Content,
            code: Code::FedSignatureMismatch,
            message: Waiting::StateHash.to_string(),
            event: RejectedEvent::of(&placed.event),
        };
        let rejections: Vec<Rejection> = contradicting.iter().map(of).collect();
        let journal = self.parts.federation.journal();
        journal.note(tenant, &self.parts.db, &rejections, now).await;
    }

    /// After the commit: remember, count, wake.
    fn committed(&mut self, tenant: &Tenant, batch: &batch::Done, jobs: usize, started: Instant) {
        let batch::Done {
            end,
            placed,
            erased,
        } = batch;
        self.positions.insert(tenant.key(), *end);
        let metrics = &self.parts.metrics;
        metrics
            .store_commit
            .observe(started.elapsed().as_secs_f64());
        metrics
            .store_batch_size
            .set(i64::try_from(jobs).unwrap_or(i64::MAX));
        let local = placed
            .iter()
            .filter(|item| item.event.origin == *tenant.server_name())
            .count();
        for (source, count) in [("local", local), ("federated", placed.len() - local)] {
            if count > 0 {
                let labels = AppendLabels {
                    tenant: tenant.slug().to_owned(),
                    source,
                };
                metrics
                    .events_appended
                    .get_or_create(&labels)
                    .inc_by(count as u64);
            }
        }
        self.parts.wake.committed(tenant, *end, placed, erased);
        let of_members = placed.iter().filter(|item| {
            [EventType::ROOM_MEMBER, EventType::ROOM_LEAVE].contains(&item.event.event_type)
        });
        self.parts
            .federation
            .ephemeral()
            .members_changed(tenant, of_members.map(|item| item.event.room_id));
        if local > 0 {
            self.parts.federation.wake_senders();
        }
    }
}

/// Tells a refusal, which concerns one job, from a database failure, which concerns the whole transaction.
fn settle<T>(result: Result<T, RoomError>) -> Result<Result<T, RoomError>, DbError> {
    match result {
        Err(RoomError::Db(error)) => match Arc::try_unwrap(error) {
            Ok(error) => Err(error),
            Err(shared) => Err(DbError::unreadable("events", "batch", shared)),
        },
        other => Ok(other),
    }
}

/// Everything is on disk: the answers go out. A caller that went away needs none.
fn answer_all(jobs: Vec<Job>, done: Committed<Vec<Done>>) {
    for (job, done) in jobs.into_iter().zip(done.each()) {
        match job {
            Job::Act(_, answer) | Job::Make(_, answer) => {
                send(answer, done.map(Done::into_outcome))
            }
            Job::Receive(_, answer) => send(answer, done.map(Done::into_receipts)),
            Job::Invitation(_, answer) | Job::RenewKeys(_, answer) => {
                send(answer, done.map(Done::into_nothing));
            }
        }
    }
}

fn send<T>(answer: Answer<T>, done: Committed<Result<T, RoomError>>) {
    let _gone = answer.send(done.transpose());
}

fn answer_error(jobs: Vec<Job>, error: DbError) {
    let error = RoomError::from(error);
    for job in jobs {
        match job {
            Job::Act(_, answer) | Job::Make(_, answer) => {
                let _gone = answer.send(Err(error.clone()));
            }
            Job::Receive(_, answer) => {
                let _gone = answer.send(Err(error.clone()));
            }
            Job::Invitation(_, answer) | Job::RenewKeys(_, answer) => {
                let _gone = answer.send(Err(error.clone()));
            }
        }
    }
}
