//! Coming up: database, first tenant, keys, writer. What is wrong stops the start with one line that says what to do.

use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::federation::{base_url, client};
use super::lock::FolderLock;
use super::{App, Shared, secret};
use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{self, Db, DbError, DbOptions};
use crate::entropy::Entropy;
use crate::events::core::names::ServerName;
use crate::events::keys::{KeyRing, KeyRingError};
use crate::events::store;
use crate::events::wake::Wake;
use crate::federation::client::ClientSetupError;
use crate::federation::exchange::acquaintance;
use crate::federation::exchange::directory::Searches;
use crate::federation::exchange::errands::{self, Running};
use crate::federation::exchange::one_dm::{self, Several};
use crate::federation::exchange::profile_changes::{self, ProfileChanges};
use crate::federation::{self, Federation, rotation};
use crate::http::limits::Limits;
use crate::http::metrics::Metrics;
use crate::media::{self, Storage};
use crate::notifications::{Keywords, Snoozes, snoozes};
use crate::presence::{Presence, watch};
use crate::rooms::store::members;
use crate::rooms::timeline::{Writer, WriterParts};
use crate::rooms::{erased, running_out};
use crate::sync::Streams;
use crate::tenants::model::DEFAULT_SLUG;
use crate::tenants::{NewTenant, TenantError, Tenants};

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] db::StartError),
    /// A statement failed.
    #[error("the database failed: {0}")]
    Statement(#[from] DbError),
    /// The signing keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyRingError),
    /// The first tenant cannot be made.
    #[error("cannot create the first tenant: {0}")]
    Tenant(#[from] TenantError),
    /// The settings of the federation cannot be used.
    #[error(transparent)]
    Federation(#[from] ClientSetupError),
    /// The client for the identity provider cannot be set up.
    #[error("cannot set up TLS for the identity provider: {0}")]
    Provider(#[source] reqwest::Error),
    /// The data folder cannot be used.
    #[error("cannot use {}: {source}. Check that it exists and belongs to this user", path.display())]
    DataFolder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process works in the data folder.
    #[error(
        "{} is in use by another scaiwave process. Stop that one, or set SCAIWAVE_DATA_DIR to another folder",
        .0.display()
    )]
    InUse(PathBuf),
    /// The stored name is another one.
    #[error(
        "SCAIWAVE_SERVER_NAME is {set}, but this server has been {stored} from its first start on. The name is part of \
         every id and cannot change: unset the variable or set it to {stored}"
    )]
    Renamed {
        /// What was set.
        set: ServerName,
        /// What is stored.
        stored: ServerName,
    },
}

/// What the first start in a data folder made, to be told.
#[derive(Clone, Debug)]
pub struct FirstStart {
    /// Where everything is.
    pub data_dir: PathBuf,
    /// The name between servers, permanent.
    pub server_name: ServerName,
    /// What this program was started as.
    pub program: PathBuf,
}

impl std::fmt::Display for FirstStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "first start: everything is kept in {}. The name of this server is {}; it is permanent, and others will know its people \
             by it. To choose another one, delete the folder, set SCAIWAVE_SERVER_NAME and start again before anybody uses it. \
             Next, make the first account, its administrator: {} admin create-user --local-id alice --name Alice",
            self.data_dir.display(),
            self.server_name,
            self.program.display(),
        )
    }
}

/// Opens everything that a running server needs, and starts the writer.
///
/// # Errors
/// [`StartError`], each with what to do next.
pub async fn open(
    config: Config,
    clock: Clock,
    entropy: Entropy,
) -> Result<(App, Option<FirstStart>), StartError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)
        .map_err(|source| data_folder(&config, source))?;
    let folder = FolderLock::take(&config.data_dir)
        .map_err(|source| data_folder(&config, source))?
        .ok_or_else(|| StartError::InUse(config.data_dir.clone()))?;
    let keys = KeyRing::new(&config.data_dir, entropy.clone());
    let options = DbOptions {
        url: config.database.url.as_str().to_owned(),
        pool: config.database.pool,
    };
    if db::is_missing(&options) {
        // Before the file is made: a start that is refused leaves the folder as it was.
        keys.require_empty()?;
    }
    let db = Db::open(&options).await?;
    let opened = open_beside(config, (clock, entropy), keys, folder, &db).await;
    if opened.is_err() {
        db.close().await;
    }
    opened
}

/// Opens everything but the database.
async fn open_beside(
    config: Config,
    (clock, entropy): (Clock, Entropy),
    keys: KeyRing,
    folder: FolderLock,
    db: &Db,
) -> Result<(App, Option<FirstStart>), StartError> {
    let tenants = Tenants::load(db).await?;
    let first_start = first_tenant(&config, &keys, &tenants, (clock.now_ms(), &entropy)).await?;
    for tenant in tenants.all() {
        keys.load(db, &tenant, clock.now_ms()).await?;
    }
    let secret = secret::load(config.secret_key.as_ref(), &config.data_dir, &entropy)
        .map_err(|source| data_folder(&config, source))?;
    let issuer = config.public_url.as_str().trim_end_matches('/').to_owned();
    let auth = Auth::new(&config.auth, issuer, &secret).map_err(StartError::Provider)?;
    let metrics = Arc::new(Metrics::new());
    let wake = Wake::default();
    let writer_stop = CancellationToken::new();
    let limits = Arc::new(Limits::new(config.rates.clone()));
    let presence = Presence::new(db.clone(), clock.clone());
    let keywords = Keywords::default();
    let federation = Federation::new(federation::Parts {
        db: db.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        tenants: tenants.clone(),
        keys: keys.clone(),
        client: client(&config)?,
        limits: Arc::clone(&limits),
        metrics: Arc::clone(&metrics),
        base_url: base_url(&config),
    });
    let parts = WriterParts {
        db: db.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        keys: keys.clone(),
        wake: wake.clone(),
        federation: federation.clone(),
        metrics: Arc::clone(&metrics),
        keywords: keywords.clone(),
        stop: writer_stop.clone(),
    };
    let (writer, timeline) = Writer::new(parts, store::logs::last_ts(db).await?);
    tokio::spawn(writer.run());
    let media = Storage::new(&config.data_dir, entropy.clone());
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let app = App(Arc::new(Shared {
        config,
        clock,
        entropy,
        db: db.clone(),
        tenants,
        keys,
        auth,
        timeline,
        wake,
        presence,
        keywords,
        snoozes: Snoozes::default(),
        streams: Streams::default(),
        media,
        federation,
        catching_up: Running::default(),
        several_dms: Several::default(),
        profile_changes: ProfileChanges::default(),
        searches: Searches::default(),
        limits,
        metrics,
        stop,
        writer_stop,
        tasks,
        _folder: folder,
    }));
    Ok((app, first_start))
}

/// Starts what a server does by itself: sending to peers, asking them for what was missed, watching sessions. A command
/// that opens the data for a moment does none of it.
///
/// # Errors
/// The database's.
pub async fn start_tasks(app: &App) -> Result<(), DbError> {
    let until_ms = app.now().saturating_add(
        i64::try_from(app.config().federation.state_wait.as_millis()).unwrap_or(i64::MAX),
    );
    for tenant in app.tenants().all() {
        let rooms = members::shared_rooms(&tenant, app.db(), i64::MIN).await?;
        let rooms = rooms.into_iter().map(|(room_id, _)| room_id);
        app.federation().host_wait().begin(&tenant, rooms, until_ms);
    }
    let outbox = federation::outbox::run(app.federation().clone(), app.stop().clone());
    app.tasks().spawn(outbox);
    let ephemeral = federation::ephemeral::run(app.federation().clone(), app.stop().clone());
    app.tasks().spawn(ephemeral);
    app.tasks().spawn(watch::run(app.clone()));
    app.tasks().spawn(errands::run(app.clone()));
    app.tasks().spawn(rotation::run(app.clone()));
    app.tasks().spawn(one_dm::run(app.clone()));
    app.tasks().spawn(running_out::run(app.clone()));
    app.tasks().spawn(erased::run(app.clone()));
    if let Err(error) = media::sweep::begin(app).await {
        tracing::warn!(event = "media.sweep_failed", %error);
    }
    app.tasks().spawn(media::sweep::run(app.clone()));
    app.tasks().spawn(snoozes::run(app.clone()));
    app.tasks().spawn(profile_changes::run(app.clone()));
    app.tasks().spawn(acquaintance::run(app.clone()));
    Ok(())
}

/// Makes the first tenant in a new database; in an old one, refuses a name that contradicts the stored one.
async fn first_tenant(
    config: &Config,
    keys: &KeyRing,
    tenants: &Tenants,
    (now, entropy): (i64, &Entropy),
) -> Result<Option<FirstStart>, StartError> {
    let set = config.server_name.name.clone();
    if let Some(first) = tenants.first() {
        if config.server_name.is_explicit && set != *first.server_name() {
            return Err(StartError::Renamed {
                set,
                stored: first.server_name().clone(),
            });
        }
        return Ok(None);
    }
    keys.require_empty()?;
    let tenant = NewTenant {
        slug: DEFAULT_SLUG.to_owned(),
        name: "Default".to_owned(),
        server_name: set.clone(),
        scaikey_tenant_id: None,
    };
    tenants.create(&tenant, now, entropy).await?;
    Ok(Some(FirstStart {
        data_dir: config.data_dir.clone(),
        server_name: set,
        program: std::env::args_os()
            .next()
            .map_or_else(|| PathBuf::from("scaiwave"), PathBuf::from),
    }))
}

fn data_folder(config: &Config, source: std::io::Error) -> StartError {
    StartError::DataFolder {
        path: config.data_dir.clone(),
        source,
    }
}
