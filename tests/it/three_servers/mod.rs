//! Three servers, one room, and everything that goes wrong with machines, disks, clocks and the network between them.
//!
//! A and C keep their data in SQLite, B in Postgres. They speak TLS; each reaches each other one through a line of its own,
//! which can be cut, silent, slow or lossy. People write on all three all the time, and of one of them the right to do so comes
//! and goes. Whatever happened: when it is over, all three have the same logs, members, rights, verdicts and contents, with
//! everything that was ever acknowledged, exactly once.

mod clocks;
mod database_restarted;
mod full_disk;
mod keys_and_backups;
mod rounds;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::fleet::watchers::Watcher;
use crate::fleet::writers::{self, Ledger, Pace};
use crate::fleet::{Fleet, bring_in, compare, disputes};
use crate::support::{Backend, Line, Person, PrivateCa, fortunes};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const BACKENDS: [Backend; 3] = [Backend::Sqlite, Backend::Postgres, Backend::Sqlite];

/// Enough that something is always under way, and little enough that the machine has time for all that goes wrong.
const PACE: Pace = Pace {
    writers: 2,
    rest: Duration::from_millis(200),
};

/// For what takes its time: nobody is to wait for the others to catch up with very much.
const SLOWLY: Pace = Pace {
    writers: 1,
    rest: Duration::from_millis(400),
};

/// Three servers at work.
struct Stage {
    fleet: Fleet,
    cast: Arc<Cast>,
    room: String,
    ledger: Arc<Ledger>,
    /// One on each server.
    watchers: Vec<Watcher>,
    work: JoinHandle<()>,
}

/// Who is in the room: two people of each server, and one of C whose rights come and go.
struct Cast {
    people: Vec<[Person; 2]>,
    disputed: Person,
}

impl Stage {
    /// Starts these servers, and the people begin to write.
    async fn open(mut fleet: Fleet, ca: &PrivateCa, pace: Pace) -> Self {
        fleet.launch().await;
        let mut people = Vec::new();
        for (server, names) in
            fleet
                .servers
                .iter()
                .zip([["alice", "anton"], ["bea", "ben"], ["cleo", "cem"]])
        {
            people.push(server.people(names).await);
        }
        let [disputed] = fleet.servers[C].people(["carl"]).await;
        let [alice, anton] = &people[A];
        let room = alice.room_with("Fortunes", &[anton]).await;
        let guests = || people[B].iter().chain(&people[C]).chain([&disputed]);
        bring_in(alice, guests(), &room).await;
        disputes::prepare(alice, guests().chain([anton]), &room).await;

        let tls = ca.client_config();
        let mut watchers = Vec::new();
        for [person, _] in &people {
            watchers.push(Watcher::start(person, &room, tls.clone()).await);
        }
        let ledger = Arc::new(Ledger::endless(fortunes(), people.len()));
        let cast = Arc::new(Cast { people, disputed });
        let seen: Vec<_> = watchers.iter().map(Watcher::messages).collect();
        let work = {
            let (cast, room, ledger) = (cast.clone(), room.clone(), ledger.clone());
            tokio::spawn(async move {
                let people = cast.people.iter().map(<[Person; 2]>::as_slice);
                tokio::join!(
                    writers::write_everything(people, &room, &ledger, seen, pace),
                    disputes::dispute(&cast.people[A][0], (&cast.disputed, C), &room, &ledger)
                );
            })
        };
        Self {
            fleet,
            cast,
            room,
            ledger,
            watchers,
            work,
        }
    }

    /// Waits until each of these servers has acknowledged so many more messages.
    async fn progress(&self, servers: &[usize], more: usize) {
        for server in servers {
            assert!(!self.work.is_finished(), "somebody who writes failed");
            crate::fleet::progress(&self.ledger, *server, more).await;
        }
    }

    /// The network heals, everybody finishes what they are at, and all three servers come to have the same.
    async fn close(mut self) {
        self.fleet.set_all(Line::Whole);
        self.ledger.close();
        self.work.await.unwrap();
        eprintln!(
            "{} messages sent, {}",
            self.ledger.acknowledged(),
            self.ledger.summary()
        );
        let readers: Vec<_> = self.cast.people.iter().map(|[reader, _]| reader).collect();
        compare::converge(&readers, &self.room, &self.ledger).await;
        let besides = Some(self.cast.disputed.id.as_str());
        for watcher in self.watchers {
            watcher.saw_everything_once_and_in_order(besides).await;
        }
        for server in &mut self.fleet.servers {
            server.stop().await;
        }
        let servers: Vec<_> = self.fleet.servers.iter().collect();
        compare::logs_are_equal(&servers, &self.room, &self.ledger).await;
        for server in servers {
            server.cli(&["admin", "verify"], "").done();
        }
    }
}
