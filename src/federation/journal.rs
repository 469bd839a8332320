//! The journal of what other servers sent and was refused: bounded, written for admins, never silently skipped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;

use super::model::{Check, Rejection};
use super::store;
use crate::db::{Db, DbError, Tx};
use crate::entropy::Entropy;
use crate::events::core::names::ServerName;
use crate::http::metrics::{Metrics, RejectionLabels};
use crate::tenants::Tenant;

/// Rows between two cuts to the bound.
const PRUNE_EVERY: usize = 64;
/// How often one peer's requests that fail a check before their contents are written down: anybody can send those.
const REQUEST_INTERVAL: Duration = Duration::from_secs(60);

/// Writes the journal.
pub struct Journal {
    /// Rows that each tenant got since the last cut.
    since_cut: Mutex<HashMap<i64, usize>>,
    noted: Cache<(i64, ServerName, u8), ()>,
    metrics: Arc<Metrics>,
    entropy: Entropy,
}

impl Journal {
    /// A journal that also counts what it is told of.
    pub fn new(metrics: Arc<Metrics>, entropy: Entropy) -> Self {
        let noted = Cache::builder()
            .max_capacity(10_000)
            .time_to_live(REQUEST_INTERVAL)
            .build();
        Self {
            since_cut: Mutex::default(),
            noted,
            metrics,
            entropy,
        }
    }

    /// Writes these refusals in a transaction that does other things too.
    ///
    /// # Errors
    /// The database's.
    pub async fn write(
        &self,
        tenant: &Tenant,
        tx: &mut Tx,
        rejections: &[Rejection],
        now_ms: i64,
    ) -> Result<(), DbError> {
        if rejections.is_empty() {
            return Ok(());
        }
        rejections
            .iter()
            .for_each(|rejection| self.count(rejection));
        let entries: Vec<(Uuid, &Rejection)> = rejections
            .iter()
            .map(|rejection| (self.rising_id(now_ms), rejection))
            .collect();
        store::journal::insert(tenant, tx, &entries, now_ms).await?;
        if self.is_due(tenant, entries.len()) {
            store::journal::prune(tenant, tx).await?;
        }
        Ok(())
    }

    /// Whether it is time to cut, with so many more rows; the first ones after a start are cut.
    fn is_due(&self, tenant: &Tenant, more: usize) -> bool {
        let mut since = self
            .since_cut
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let rows = since.entry(tenant.key()).or_insert(PRUNE_EVERY);
        *rows += more;
        let is_due = *rows >= PRUNE_EVERY;
        if is_due {
            *rows = 0;
        }
        is_due
    }

    /// Writes that a whole request was refused, at most once a minute for one peer and check. What the database says
    /// about it goes to the log: the refusal stands in any case.
    pub async fn note_request(&self, tenant: &Tenant, db: &Db, rejection: Rejection, now_ms: i64) {
        let key = (tenant.key(), rejection.peer.clone(), rejection.check.into());
        if self.noted.contains_key(&key) {
            self.count(&rejection);
            return;
        }
        self.noted.insert(key, ());
        self.note(tenant, db, &[rejection], now_ms).await;
    }

    /// Writes these refusals by themselves. What the database says about it goes to the log: they stand in any case.
    pub async fn note(&self, tenant: &Tenant, db: &Db, rejections: &[Rejection], now_ms: i64) {
        if let Err(error) = self.write_alone(tenant, db, rejections, now_ms).await {
            tracing::warn!(%error, "refusals could not be written to the journal");
        }
    }

    fn count(&self, rejection: &Rejection) {
        let labels = RejectionLabels {
            check: rejection.check.label(),
            code: rejection.code.as_str(),
        };
        self.metrics
            .federation_rejected
            .get_or_create(&labels)
            .inc();
    }

    /// A UUIDv7: its text rises with time.
    fn rising_id(&self, now_ms: i64) -> Uuid {
        let ms = u64::try_from(now_ms).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(ms, &self.entropy.bytes()).into_uuid()
    }

    async fn write_alone(
        &self,
        tenant: &Tenant,
        db: &Db,
        rejections: &[Rejection],
        now_ms: i64,
    ) -> Result<(), DbError> {
        if rejections.is_empty() {
            return Ok(());
        }
        let mut tx = db.begin().await?;
        self.write(tenant, &mut tx, rejections, now_ms).await?;
        tx.commit(()).await?;
        Ok(())
    }
}

impl Rejection {
    /// A whole request of `peer` that failed a check.
    pub fn request(peer: &ServerName, check: Check, error: &impl crate::error::Coded) -> Self {
        Self {
            peer: peer.clone(),
            check,
            code: error.code(),
            message: error.to_string(),
            event: super::model::RejectedEvent::default(),
        }
    }
}
