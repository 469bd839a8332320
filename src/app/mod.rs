//! The running server: what handlers and tasks share, how it comes up, how it goes down.
//!
//! The one place where the domains are wired together.

mod condition;
mod federation;
mod lock;
mod router;
mod secret;
mod start;
#[cfg(test)]
pub(crate) mod test_server;

use std::sync::Arc;

use axum::extract::FromRef;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::entropy::Entropy;
use crate::events::keys::KeyRing;
use crate::events::wake::Wake;
use crate::federation::Federation;
use crate::federation::exchange::directory::Searches;
use crate::federation::exchange::errands::Running;
use crate::federation::exchange::one_dm::Several;
use crate::federation::exchange::profile_changes::ProfileChanges;
use crate::http::limits::Limits;
use crate::http::metrics::Metrics;
use crate::media::Storage;
use crate::notifications::{Keywords, Snoozes};
use crate::presence::Presence;
use crate::rooms::timeline::Timeline;
use crate::sync::Streams;
use crate::tenants::Tenants;

pub(crate) use lock::FolderLock;
pub use router::{metrics, router};
pub(crate) use secret::FILE as SECRET_FILE;
pub use start::{FirstStart, StartError, open, start_tasks};

/// What handlers share; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

struct Shared {
    config: Config,
    clock: Clock,
    entropy: Entropy,
    db: Db,
    tenants: Tenants,
    keys: KeyRing,
    auth: Auth,
    timeline: Timeline,
    wake: Wake,
    presence: Presence,
    keywords: Keywords,
    snoozes: Snoozes,
    streams: Streams,
    media: Storage,
    federation: Federation,
    catching_up: Running,
    several_dms: Several,
    profile_changes: ProfileChanges,
    searches: Searches,
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    writer_stop: CancellationToken,
    tasks: TaskTracker,
    _folder: FolderLock,
}

impl App {
    /// The settings.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The time, in ms.
    pub fn now(&self) -> i64 {
        self.0.clock.now_ms()
    }

    /// Where keys, salts and nonces come from.
    pub fn entropy(&self) -> &Entropy {
        &self.0.entropy
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.db
    }

    /// The tenants of this server.
    pub fn tenants(&self) -> &Tenants {
        &self.0.tenants
    }

    /// The signing keys.
    pub fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    /// Sign-in: tokens, sessions, passwords.
    pub fn auth(&self) -> &Auth {
        &self.0.auth
    }

    /// The one writer of all rooms.
    pub fn timeline(&self) -> &Timeline {
        &self.0.timeline
    }

    /// Who waits for events, and the latest ones.
    pub fn wake(&self) -> &Wake {
        &self.0.wake
    }

    /// Who is there, who types, and the way of live frames to sockets.
    pub fn presence(&self) -> &Presence {
        &self.0.presence
    }

    /// What people want to hear of, as the writer looks for it.
    pub fn keywords(&self) -> &Keywords {
        &self.0.keywords
    }

    /// When messages are due of which people want to be told again.
    pub fn snoozes(&self) -> &Snoozes {
        &self.0.snoozes
    }

    /// Who reads the stream.
    pub fn streams(&self) -> &Streams {
        &self.0.streams
    }

    /// Where files are kept.
    pub fn media(&self) -> &Storage {
        &self.0.media
    }

    /// Other servers.
    pub fn federation(&self) -> &Federation {
        &self.0.federation
    }

    /// Rooms that are being compared with peers now.
    pub fn catching_up(&self) -> &Running {
        &self.0.catching_up
    }

    /// People with more than one DM.
    pub fn several_dms(&self) -> &Several {
        &self.0.several_dms
    }

    /// People whose profiles other servers are to be shown anew.
    pub fn profile_changes(&self) -> &ProfileChanges {
        &self.0.profile_changes
    }

    /// What was looked for on other servers lately.
    pub fn searches(&self) -> &Searches {
        &self.0.searches
    }

    /// Rate limits.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.0.limits
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// Cancelled when the server stops: sockets, long polls and background tasks end.
    pub fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    /// Background tasks and sockets: the stop waits for them.
    pub fn tasks(&self) -> &TaskTracker {
        &self.0.tasks
    }

    /// Ends everything that still runs once no more requests come: tasks first, then the writer, then the database.
    pub async fn shut_down(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        if tokio::time::timeout(TASKS_GRACE, self.0.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some background tasks did not end in time");
        }
        self.0.writer_stop.cancel();
        self.0.db.close().await;
    }
}

impl FromRef<App> for Federation {
    fn from_ref(app: &App) -> Federation {
        app.federation().clone()
    }
}

/// How long the stop waits for background tasks.
const TASKS_GRACE: std::time::Duration = std::time::Duration::from_secs(2);
