//! A server with two people, its data in a folder of its own.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::network::place_of;
use crate::app::{self, App};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::{Db, DbOptions};
use crate::entropy::Entropy;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::PublicKey;
use crate::events::core::verified::{Verified, verify};
use crate::events::model::{LogEnd, Placed};
use crate::events::store;
use crate::federation::core::policy::{DefaultMode, PolicyChange};
use crate::federation::rotation;
use crate::rooms::core::content::{LogPosition, OriginKey};
use crate::tenants::Tenant;

/// Events of a log, at most, that one simulated room has.
const ALL: i64 = 100_000;

/// The database of a server that has never been started: to make it takes longer than to copy it.
#[derive(Default)]
pub(super) struct Template(OnceCell<TempDir>);

impl Template {
    async fn copy(&self, name: &ServerName) -> TempDir {
        let made = self.0.get_or_init(|| async {
            let folder = new_folder();
            let database = config(&folder, name).database;
            let options = DbOptions {
                url: database.url.as_str().to_owned(),
                pool: database.pool,
            };
            Db::open(&options).await.unwrap().close().await;
            folder
        });
        copy_of(made.await)
    }
}

pub(super) struct Node {
    pub(super) name: ServerName,
    pub(super) people: Vec<Fqid>,
    pub(super) clock: Clock,
    entropy: Entropy,
    /// Those that it has had; the last one is the current one.
    pub(super) keys: Vec<PublicKey>,
    app: Option<App>,
    folder: TempDir,
    backup: Option<Backup>,
    /// The own logs as they were written, with contents that may be erased by now.
    written: BTreeMap<RoomId, Vec<Verified<Event>>>,
    /// Whether it may have written something that nobody has taken note of.
    pub(super) has_moved: Cell<bool>,
    /// Whether it was put back to a backup, and has not heard yet what was written since.
    pub(super) is_behind: bool,
    /// Who has not said that yet.
    pub(super) unheard: BTreeSet<usize>,
}

/// A copy of all data.
struct Backup {
    folder: TempDir,
    /// How much it had written in each room.
    written: BTreeMap<RoomId, usize>,
}

impl Node {
    /// All that is random in it follows from `seed`.
    pub(super) async fn start(template: &Template, letter: char, now: i64, seed: u64) -> Node {
        let name: ServerName = format!("{letter}.example").parse().unwrap();
        let (clock, entropy) = (Clock::manual(now), Entropy::seeded(seed));
        let folder = template.copy(&name).await;
        let app = open(&folder, &name, &clock, &entropy).await;
        let tenant = app.tenants().first().unwrap();
        let key = app.keys().current(&tenant).unwrap().public_key().clone();
        // Who may call is not what is played here.
        let open = PolicyChange {
            default_mode: Some(DefaultMode::Open),
            ..PolicyChange::default()
        };
        let policies = app.federation().policies();
        policies.change(&tenant, open, now).await.unwrap();
        let people = ["one", "two"].map(|who| format!("@{who}:{name}").parse().unwrap());
        Node {
            people: people.into(),
            name,
            clock,
            entropy,
            keys: vec![key],
            app: Some(app),
            folder,
            backup: None,
            written: BTreeMap::new(),
            has_moved: Cell::new(true),
            is_behind: false,
            unheard: BTreeSet::new(),
        }
    }

    pub(super) fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    pub(super) fn tenant(&self) -> Tenant {
        self.app().tenants().first().unwrap()
    }

    pub(super) fn public(&self) -> OriginKey {
        OriginKey::of(self.keys.last().unwrap())
    }

    /// Stops and starts.
    pub(super) async fn restart(&mut self) {
        self.stop().await;
        self.open().await;
    }

    async fn open(&mut self) {
        let app = open(&self.folder, &self.name, &self.clock, &self.entropy);
        self.app = Some(app.await);
    }

    pub(super) async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.shut_down().await;
        }
    }

    /// Dies, and starts with what was on the disk at that moment.
    pub(super) async fn crash(&mut self) {
        let folder = copy_of(&self.folder);
        self.stop().await;
        self.folder = folder;
        self.open().await;
    }

    /// Keeps a copy of all data as it is now.
    pub(super) async fn back_up(&mut self) {
        self.stop().await;
        let written = self.written.iter();
        self.backup = Some(Backup {
            folder: copy_of(&self.folder),
            written: written.map(|(room, log)| (*room, log.len())).collect(),
        });
        self.open().await;
    }

    /// Goes back to the copy, if there is one, and waits there for what `others` have.
    pub(super) async fn restore(&mut self, rooms: Vec<RoomId>, others: BTreeSet<usize>) -> bool {
        let Some(backup) = &self.backup else {
            return false;
        };
        let folder = copy_of(&backup.folder);
        self.stop().await;
        self.folder = folder;
        self.open().await;
        self.is_behind = true;
        self.unheard = others;
        let wait = self.app().federation().host_wait();
        wait.fall_behind(&self.tenant(), rooms);
        true
    }

    /// Whether it has written such an event since the copy was made.
    pub(super) fn wrote_since_backup(&self, of: &EventType) -> bool {
        let before = |room| self.backup.as_ref()?.written.get(room).copied();
        self.written.iter().any(|(room, log)| {
            let mut since = log.iter().skip(before(room).unwrap_or_default());
            since.any(|event| event.event_type == *of)
        })
    }

    /// Everybody has said what was written since the backup.
    pub(super) fn catch_up(&mut self) {
        self.is_behind = false;
        let wait = self.app().federation().host_wait();
        wait.catch_up(&self.tenant(), &BTreeSet::new());
    }

    /// Goes over to another key, unless it has had too many lately. A copy from before would come back without it.
    pub(super) async fn rotate(&mut self) {
        let tenant = self.tenant();
        if rotation::rotate(self.app(), &tenant).await.is_err() {
            return;
        }
        let key = self.app().keys().current(&tenant).unwrap();
        self.keys.push(key.public_key().clone());
        self.has_moved.set(true);
        self.drop_backup();
    }

    /// Forgets the copy: it was made before the room was here.
    pub(super) fn drop_backup(&mut self) {
        self.backup = None;
    }

    /// The own log of a room as it was written, with contents that may be erased by now.
    pub(super) fn written(&self, room: RoomId) -> &[Verified<Event>] {
        self.written.get(&room).map_or(&[], Vec::as_slice)
    }

    /// The same of all rooms.
    pub(super) fn all_written(&self) -> impl Iterator<Item = &Verified<Event>> {
        self.written.values().flatten()
    }

    /// Forgets what it has written beyond where its log of a room ends.
    pub(super) async fn forget_lost(&mut self, room: RoomId) {
        let head = self.head(room, &self.name).await;
        if let Some(written) = self.written.get_mut(&room) {
            written.retain(|event| place_of(event) <= head.order());
        }
    }

    /// Where a log ends here.
    pub(super) async fn head(&self, room: RoomId, origin: &ServerName) -> LogPosition {
        let end = self.log_end(room, origin).await;
        end.map_or(LogPosition::START, |end| LogPosition {
            epoch: end.epoch,
            seq: end.seq,
            hash: Some(end.hash),
        })
    }

    pub(super) async fn log_end(&self, room: RoomId, origin: &ServerName) -> Option<LogEnd> {
        let ends = self.ends(room).await;
        ends.into_iter().find(|end| end.origin == *origin)
    }

    pub(super) async fn ends(&self, room: RoomId) -> Vec<LogEnd> {
        let found = store::logs::ends(&self.tenant(), self.app().db().reader(), room).await;
        found.unwrap()
    }

    /// A log as it is here.
    pub(super) async fn log(&self, room: RoomId, origin: &ServerName) -> Vec<Placed> {
        self.log_after(room, origin, (1, 0)).await
    }

    async fn log_after(
        &self,
        room: RoomId,
        origin: &ServerName,
        (epoch, seq): (i64, i64),
    ) -> Vec<Placed> {
        let (tenant, db) = (self.tenant(), self.app().db());
        let mut log = Vec::new();
        for of in epoch..=self.head(room, origin).await.epoch {
            let after = if of == epoch { seq } else { 0 };
            let page = store::log_page(&tenant, db, room, origin, (of, after), ALL);
            log.extend(page.await.unwrap());
        }
        log
    }

    /// Takes note of what the server has written since the last time. In a new epoch it stands by a part of the one before.
    pub(super) async fn note_written(&mut self, rooms: &[RoomId]) {
        if self.has_moved.replace(false) {
            for room in rooms {
                self.note_written_in(*room).await;
            }
        }
    }

    async fn note_written_in(&mut self, room: RoomId) {
        let mut written = self.written.remove(&room).unwrap_or_default();
        let last = written.last();
        let after = last.map_or((1, 0), |last| (last.epoch, last.seq));
        for placed in self.log_after(room, &self.name, after).await {
            let event = (*placed.event).clone();
            if event.event_type == EventType::LOG_RESTART {
                let stands_by = &event.content.as_ref().unwrap()["stands_by"];
                let until = (stands_by["epoch"].as_i64(), stands_by["seq"].as_i64());
                written.retain(|event| (Some(event.epoch), Some(event.seq)) <= until);
            }
            let key = self.keys.iter().find(|key| key.key_id() == event.key_id);
            written.push(verify(event, key.unwrap()).unwrap());
        }
        self.written.insert(room, written);
    }
}

async fn open(folder: &TempDir, name: &ServerName, clock: &Clock, entropy: &Entropy) -> App {
    let opened = app::open(config(folder, name), clock.clone(), entropy.clone());
    opened.await.unwrap().0
}

fn config(folder: &TempDir, name: &ServerName) -> Config {
    let settings = [
        ("SCAIWAVE_DATA_DIR", folder.path().display().to_string()),
        ("SCAIWAVE_SERVER_NAME", name.to_string()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    Config::load(settings).unwrap().config
}

/// In memory, where the system has such folders: nobody's power fails here.
fn new_folder() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

fn copy_of(folder: &TempDir) -> TempDir {
    let copy = new_folder();
    copy_folder(folder.path(), copy.path());
    copy
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
