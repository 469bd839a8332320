//! Sending to one destination: requests first, then batches of events, until nothing is left or something fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, place};
use super::failed::{Failed, error_text, failed};
use super::notes::{self, NotWritten, Note, Notes};
use super::places::{Destination, Places};
use super::{Job, later};
use crate::db::{Db, DbError};
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::model::Placed;
use crate::events::store as logs;
use crate::federation::client::{Call, PeerResponse};
use crate::federation::core::delivery::{
    self, Cut, LogPlace, MAX_BATCH_EVENTS, Refused, RoomOutcome, backoff,
};
use crate::federation::core::descriptor::FEDERATION_PATH;
use crate::federation::error::CallError;
use crate::federation::model::Peer;
use crate::federation::{Federation, store};
use crate::http::metrics::FederationEventLabels;
use crate::rooms::core::content::LogPosition;
use crate::tenants::Tenant;

/// Rooms that one batch takes from.
const MAX_BATCH_ROOMS: i64 = 32;
/// Largest answer to a delivery.
const MAX_ANSWER_BYTES: usize = 256 << 10;

/// Sends to one destination.
pub(super) struct Sender {
    pub(super) federation: Federation,
    pub(super) tenant: Tenant,
    pub(super) destination: ServerName,
    pub(super) key: Destination,
    pub(super) places: Arc<Places>,
    pub(super) notes: Notes,
    pub(super) stop: CancellationToken,
}

/// What became of everything that waited for a destination.
#[derive(Default)]
struct Drained {
    /// Whether a request got through that no note has told of yet.
    delivered: bool,
    /// Whether the destination has taken anything.
    got_through: bool,
    /// Why a request rests.
    refused_for_now: Option<String>,
}

impl Sender {
    /// Sends until there is nothing more, or something fails; writes down how it went.
    pub(super) async fn drain(&self) {
        let was_away = self.was_away().await;
        let result = self.send_all().await;
        if was_away && result.as_ref().is_ok_and(|drained| drained.got_through) {
            self.federation
                .returned()
                .add(&self.tenant, &self.destination);
        }
        let written = match result {
            Ok(drained) => self.write_drained(&drained).await,
            Err(failed) => self.write_failure(&failed).await.map_err(Failed::Db),
        };
        if let Err(error) = written {
            tracing::warn!(%error, peer = %self.destination, "the state of a delivery could not be written down");
        }
        self.federation
            .peers()
            .forget(&self.tenant, &self.destination);
    }

    /// Whether nothing has got through the last time.
    async fn was_away(&self) -> bool {
        let peers = self.federation.peers();
        let peer = peers.get(&self.tenant, &self.destination).await;
        peer.is_ok_and(|peer| peer.send_failures > 0)
    }

    async fn send_all(&self) -> Result<Drained, Failed> {
        let mut drained = Drained::default();
        let mut cut = Cut::default();
        while !self.stop.is_cancelled() && !self.is_paused().await? {
            let next = self.send_next(&mut drained, &mut cut);
            if !self.places.lend(&self.key, next).await? {
                break;
            }
        }
        Ok(drained)
    }

    /// Sends a request or a batch of events. False: nothing waits.
    async fn send_next(&self, drained: &mut Drained, cut: &mut Cut) -> Result<bool, Failed> {
        let now_ms = self.federation.now_ms();
        if let Some(job) =
            store::outbox::next_job(&self.tenant, self.db(), &self.destination, now_ms).await?
        {
            match self.send_job(&job, now_ms).await? {
                None => {
                    drained.delivered = true;
                    drained.got_through = true;
                }
                Some(refusal) => drained.refused_for_now = Some(refusal),
            }
            return Ok(true);
        }
        let batch = self.next_batch(*cut, now_ms).await?;
        if batch.events.is_empty() {
            return Ok(false);
        }
        match self.send_batch(&batch).await? {
            Ok(rooms) => {
                self.count(&batch, &rooms);
                let known = had_everything(&batch, &rooms);
                self.write_progress(rooms).await?;
                for room_id in known {
                    self.ask_head(room_id).await?;
                }
                drained.delivered = false;
                drained.got_through = true;
                *cut = cut.after_success();
            }
            Err(refusal) => match cut.after_refusal(batch.events.len()) {
                Some(smaller) => *cut = smaller,
                None => {
                    self.stall(&batch, &refusal).await?;
                    *cut = Cut::default();
                }
            },
        }
        Ok(true)
    }

    fn db(&self) -> &Db {
        self.federation.db()
    }

    /// Whether an admin has stopped the deliveries meanwhile.
    async fn is_paused(&self) -> Result<bool, DbError> {
        let peers = self.federation.peers();
        Ok(peers.get(&self.tenant, &self.destination).await?.paused)
    }

    async fn next_batch(&self, cut: Cut, now_ms: i64) -> Result<Batch, DbError> {
        let mut batch = Batch::default();
        let pending = store::outbox::pending(
            &self.tenant,
            self.db(),
            &self.destination,
            now_ms,
            MAX_BATCH_ROOMS,
        )
        .await?;
        for position in pending {
            let limit = cut.events.saturating_sub(batch.events.len());
            if limit == 0 {
                break;
            }
            if !self.add_room(&mut batch, &position, cut, limit).await? {
                break;
            }
        }
        Ok(batch)
    }

    /// Adds what a room has to deliver. False: the batch is full.
    async fn add_room(
        &self,
        batch: &mut Batch,
        position: &store::outbox::Position,
        cut: Cut,
        limit: usize,
    ) -> Result<bool, DbError> {
        let mut from = position.sent;
        let page = self.read_log(position.room_id, from, limit).await?;
        let page = if page.is_empty() && from.epoch < position.end.epoch {
            from = LogPlace {
                epoch: from.epoch + 1,
                seq: 0,
            };
            self.read_log(position.room_id, from, limit).await?
        } else {
            page
        };
        for placed in &page {
            let event = &placed.event;
            if place(event) > position.end {
                break;
            }
            if !batch.add(event, cut.bare, cut.events) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn read_log(
        &self,
        room_id: RoomId,
        after: LogPlace,
        limit: usize,
    ) -> Result<Vec<Placed>, DbError> {
        let limit = i64::try_from(limit.min(MAX_BATCH_EVENTS)).unwrap_or(1);
        let (origin, after) = (self.tenant.server_name(), (after.epoch, after.seq));
        logs::log_page(&self.tenant, self.db(), room_id, origin, after, limit).await
    }

    /// Sends a batch; the inner error is why its content was refused.
    async fn send_batch(
        &self,
        batch: &Batch,
    ) -> Result<Result<BTreeMap<RoomId, RoomOutcome>, String>, Failed> {
        let body = format!("{{\"events\":[{}]}}", batch.events.join(","));
        let answer = self.post("/send", body).await?;
        match answer.status {
            StatusCode::OK => Ok(Ok(delivery::settle(&batch.sent, &answer.body)?)),
            status if delivery::refused(status) == Refused::Split => Ok(Err(error_text(
                &answer.body,
            )
            .unwrap_or_else(|| status.to_string()))),
            _ => Err(failed(&answer)),
        }
    }

    fn count(&self, batch: &Batch, rooms: &BTreeMap<RoomId, RoomOutcome>) {
        let metrics = self.federation.metrics();
        for (result, count) in rooms.values().flat_map(|room| &room.results) {
            let labels = FederationEventLabels {
                direction: "out",
                result,
            };
            metrics
                .federation_events
                .get_or_create(&labels)
                .inc_by(*count);
        }
        if let Some(ts) = batch.last_ts {
            let lag_ms = self.federation.now_ms().saturating_sub(ts).max(0);
            metrics.federation_lag.observe(lag_ms as f64 / 1_000.0);
        }
    }

    /// Asks how far the server has a log that it fetches by itself faster than it is delivered.
    async fn ask_head(&self, room_id: RoomId) -> Result<(), Failed> {
        #[derive(Deserialize)]
        struct Heads {
            heads: BTreeMap<ServerName, LogPosition>,
        }
        let path = format!("{FEDERATION_PATH}/rooms/{room_id}/heads");
        let call = Call {
            method: Method::GET,
            path_and_query: &path,
            body: None,
            max_response: MAX_ANSWER_BYTES,
        };
        let federation = &self.federation;
        let answer = federation
            .call(&self.tenant, &self.destination, call)
            .await?;
        // Whoever does not say gets everything delivered.
        let heads = serde_json::from_slice::<Heads>(&answer.body).ok();
        match heads.and_then(|heads| heads.heads.get(self.tenant.server_name()).cloned()) {
            Some(head) => {
                Ok(
                    super::believe(federation, &self.tenant, &self.destination, room_id, &head)
                        .await?,
                )
            }
            None => Ok(()),
        }
    }

    /// Sends a request that must arrive. One that is refused for good, or too old, is given up, and the admins are
    /// shown why. One that is refused for a reason that may be its own rests by itself, and that refusal comes back: what
    /// else goes there is tried all the same.
    async fn send_job(&self, job: &Job, now_ms: i64) -> Result<Option<String>, Failed> {
        let given_up = if now_ms >= job.expires_at {
            Some("it could not be delivered in time".to_owned())
        } else {
            let answer = self.post(&job.path, job.body.clone()).await?;
            match answer.status.as_u16() {
                200..=299 => None,
                404 | 409 | 410 | 413 | 422 => {
                    Some(error_text(&answer.body).unwrap_or_else(|| answer.status.to_string()))
                }
                400 | 401 | 403 | 503 => return self.rest_job(job, &answer, now_ms).await,
                _ => return Err(failed(&answer)),
            }
        };
        let mut tx = self.db().begin().await?;
        if let Some(reason) = &given_up {
            tracing::info!(peer = %self.destination, kind = job.kind, reason, "a request to another server was given up");
            let text = format!("a request ({}) was given up: {reason}", job.kind);
            store::peers::note_error(&self.tenant, &mut tx, &self.destination, &text, now_ms)
                .await?;
        }
        let is_taken = given_up.is_none();
        store::outbox::remove_job(&self.tenant, &mut tx, job.id).await?;
        tx.commit(()).await?;
        if is_taken && job.path == "/invite" {
            self.federation
                .invited()
                .add(&self.tenant, &self.destination);
        }
        Ok(None)
    }

    async fn rest_job(
        &self,
        job: &Job,
        answer: &PeerResponse,
        now_ms: i64,
    ) -> Result<Option<String>, Failed> {
        let wait = backoff(job.tries.saturating_add(1), 0, rand::random());
        let wait = wait.max(answer.retry_after().unwrap_or_default());
        let next = later(now_ms, wait.min(Duration::from_secs(3_600)));
        let mut tx = self.db().begin().await?;
        store::outbox::rest_job(&self.tenant, &mut tx, job.id, next).await?;
        tx.commit(()).await?;
        Ok(Some(format!(
            "a request ({}) is refused for now: {}",
            job.kind,
            failed(answer)
        )))
    }

    async fn post(&self, path: &str, body: String) -> Result<PeerResponse, CallError> {
        let path = format!("{FEDERATION_PATH}{path}");
        let call = Call {
            method: Method::POST,
            path_and_query: &path,
            body: Some(body.into_bytes()),
            max_response: MAX_ANSWER_BYTES,
        };
        self.federation
            .call(&self.tenant, &self.destination, call)
            .await
    }

    /// Writes down what the destination answered to a batch, or nothing but that it answered.
    async fn write_progress(&self, rooms: BTreeMap<RoomId, RoomOutcome>) -> Result<(), NotWritten> {
        let note = Note {
            tenant: self.tenant.clone(),
            destination: self.destination.clone(),
            rooms,
        };
        self.notes.write(note).await?;
        self.federation
            .ephemeral()
            .heard(&self.tenant, &self.destination);
        Ok(())
    }

    /// An event that is refused even without its content holds up its own room only.
    async fn stall(&self, batch: &Batch, reason: &str) -> Result<(), DbError> {
        let mut tx = self.db().begin().await?;
        let now_ms = self.federation.now_ms();
        for sent in &batch.sent {
            let (tenant, destination) = (&self.tenant, &self.destination);
            notes::stall(tenant, &mut tx, destination, sent.room_id, reason, now_ms).await?;
        }
        tx.commit(()).await?;
        Ok(())
    }

    async fn write_drained(&self, drained: &Drained) -> Result<(), Failed> {
        if drained.delivered {
            self.write_progress(BTreeMap::new()).await?;
        }
        let Some(refusal) = &drained.refused_for_now else {
            return Ok(());
        };
        let now_ms = self.federation.now_ms();
        let mut tx = self.db().begin().await?;
        store::peers::note_error(&self.tenant, &mut tx, &self.destination, refusal, now_ms).await?;
        tx.commit(()).await?;
        Ok(())
    }

    async fn write_failure(&self, failed: &Failed) -> Result<(), DbError> {
        let now_ms = self.federation.now_ms();
        self.federation
            .peers()
            .forget(&self.tenant, &self.destination);
        let mut peer = Peer::clone(
            &*self
                .federation
                .peers()
                .get(&self.tenant, &self.destination)
                .await?,
        );
        peer.send_failures = peer.send_failures.saturating_add(1);
        let since = *peer.failing_since.get_or_insert(now_ms);
        let wait = backoff(
            peer.send_failures,
            now_ms.saturating_sub(since),
            rand::random(),
        );
        let asked = match failed {
            Failed::Status { retry_after, .. } => retry_after.unwrap_or_default(),
            Failed::Call(_) | Failed::Answer(_) | Failed::Db(_) | Failed::NotWritten(_) => {
                Duration::ZERO
            }
        };
        peer.next_send_at = later(now_ms, wait.max(asked.min(Duration::from_secs(3_600))));
        let mut tx = self.db().begin().await?;
        store::peers::ensure(&self.tenant, &mut tx, &self.destination, now_ms).await?;
        store::peers::save_send_failure(&self.tenant, &mut tx, &peer, &failed.to_string(), now_ms)
            .await?;
        tx.commit(()).await?;
        Ok(())
    }
}

/// Rooms of which a full batch brought nothing new.
fn had_everything(batch: &Batch, rooms: &BTreeMap<RoomId, RoomOutcome>) -> Vec<RoomId> {
    let is_known = |outcome: &RoomOutcome| outcome.results.keys().all(|kind| *kind == "duplicate");
    if batch.events.len() < MAX_BATCH_EVENTS {
        return Vec::new();
    }
    rooms
        .iter()
        .filter(|(_, outcome)| is_known(outcome))
        .map(|(room_id, _)| *room_id)
        .collect()
}
