//! A server with two people, its data in a folder of its own.

use tempfile::TempDir;

use crate::app::{self, App};
use crate::clock::Clock;
use crate::config::Config;
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::PublicKey;
use crate::events::core::verified::{Verified, verify};
use crate::events::model::Placed;
use crate::events::store;
use crate::rooms::core::content::{LogPosition, OriginKey};
use crate::tenants::Tenant;

/// Events of a log, at most, that one simulated room has.
const ALL: i64 = 100_000;

pub(super) struct Node {
    pub(super) name: ServerName,
    pub(super) people: Vec<Fqid>,
    pub(super) clock: Clock,
    pub(super) key: PublicKey,
    app: Option<App>,
    folder: TempDir,
    backup: Option<TempDir>,
    /// The own log as it was written, with contents that may be erased by now.
    pub(super) written: Vec<Verified<Event>>,
}

impl Node {
    pub(super) async fn start(letter: char, now: i64) -> Node {
        let name: ServerName = format!("{letter}.example").parse().unwrap();
        let (clock, folder) = (Clock::manual(now), tempfile::tempdir().unwrap());
        let app = open(&folder, &name, &clock).await;
        let tenant = app.tenants().first().unwrap();
        let key = app.keys().current(&tenant).unwrap().public_key().clone();
        let people = ["one", "two"].map(|who| format!("@{who}:{name}").parse().unwrap());
        Node {
            people: people.into(),
            name,
            clock,
            key,
            app: Some(app),
            folder,
            backup: None,
            written: Vec::new(),
        }
    }

    pub(super) fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    pub(super) fn tenant(&self) -> Tenant {
        self.app().tenants().first().unwrap()
    }

    pub(super) fn public(&self) -> OriginKey {
        OriginKey {
            key_id: self.key.key_id().to_string(),
            public_key: self.key.to_string(),
        }
    }

    /// Stops and starts.
    pub(super) async fn restart(&mut self) {
        self.stop().await;
        self.app = Some(open(&self.folder, &self.name, &self.clock).await);
    }

    pub(super) async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.shut_down().await;
        }
    }

    /// Keeps a copy of all data as it is now.
    pub(super) async fn back_up(&mut self) {
        self.stop().await;
        self.backup = Some(copy_of(&self.folder));
        self.app = Some(open(&self.folder, &self.name, &self.clock).await);
    }

    /// Goes back to the copy, if there is one.
    pub(super) async fn restore(&mut self) -> bool {
        let Some(backup) = &self.backup else {
            return false;
        };
        let folder = copy_of(backup);
        self.stop().await;
        self.folder = folder;
        self.app = Some(open(&self.folder, &self.name, &self.clock).await);
        true
    }

    /// Forgets the copy: it was made before the room was here.
    pub(super) fn drop_backup(&mut self) {
        self.backup = None;
    }

    /// Where a log ends here.
    pub(super) async fn end(&self, room: RoomId, origin: &ServerName) -> i64 {
        self.ends(room)
            .await
            .into_iter()
            .find(|(of, _)| of == origin)
            .map_or(0, |(_, end)| end.seq)
    }

    pub(super) async fn ends(&self, room: RoomId) -> Vec<(ServerName, LogPosition)> {
        let found = store::logs::ends(&self.tenant(), self.app().db().reader(), room).await;
        let position = |end: crate::events::model::LogEnd| {
            let at = LogPosition {
                epoch: end.epoch,
                seq: end.seq,
                hash: Some(end.hash),
            };
            (end.origin, at)
        };
        found.unwrap().into_iter().map(position).collect()
    }

    /// A log from after `seq` on.
    pub(super) async fn log(&self, room: RoomId, origin: &ServerName, seq: i64) -> Vec<Placed> {
        let (tenant, db) = (self.tenant(), self.app().db());
        let page = store::log_page(&tenant, db, room, origin, (1, seq), ALL);
        page.await.unwrap()
    }

    /// Takes note of what the server has written since the last time.
    pub(super) async fn note_written(&mut self, room: RoomId) {
        let from = i64::try_from(self.written.len()).unwrap();
        for placed in self.log(room, &self.name.clone(), from).await {
            let event = (*placed.event).clone();
            self.written.push(verify(event, &self.key).unwrap());
        }
    }
}

async fn open(folder: &TempDir, name: &ServerName, clock: &Clock) -> App {
    let settings = [
        ("SCAIWAVE_DATA_DIR", folder.path().display().to_string()),
        ("SCAIWAVE_SERVER_NAME", name.to_string()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let config = Config::load(settings).unwrap().config;
    app::open(config, clock.clone()).await.unwrap().0
}

fn copy_of(folder: &TempDir) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
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
