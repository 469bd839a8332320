//! The people of a run: accounts that the suite makes or was given, lent to one check at a time.
//!
//! An account that a check leaves in order goes back into the pool, so that a run against a server in use needs a few
//! dozen accounts and not hundreds. Who changes passwords or ends sessions takes a newcomer instead.

pub mod account;
pub mod person;
pub mod room;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::json;

use crate::check::{Stop, skipped};
use crate::cleanup;
use crate::client::{Agent, Bearer};
use account::Account;

/// An account of an `--accounts` file.
#[derive(Clone, Deserialize)]
pub struct GivenAccount {
    /// The `local_id` or the e-mail.
    pub username: String,
    /// Its password.
    pub password: String,
    /// Whether it may make accounts and change the federation policy.
    #[serde(default)]
    pub admin: bool,
    /// The `Host` header that chooses its tenant; only looked at for accounts of another tenant.
    #[serde(default)]
    pub host: Option<String>,
}

/// All accounts of a run.
pub struct Cast {
    admin: Option<Bearer>,
    idle: Mutex<VecDeque<Arc<Account>>>,
    given: Mutex<VecDeque<GivenAccount>>,
    suffix: String,
    named: AtomicUsize,
    /// Accounts that the run has made, by their names.
    made: Mutex<HashMap<String, Arc<Account>>>,
    /// Given accounts that were lent, with the rooms that they were in before.
    guests: Mutex<Vec<Guest>>,
    /// People of another tenant who have signed in.
    foreigners: Mutex<Vec<Agent>>,
}

/// A given account with the rooms that it was in before the run.
type Guest = (Arc<Account>, BTreeSet<String>);

impl Cast {
    /// A cast that makes its accounts with `admin`, and otherwise uses the given ones.
    pub fn new(admin: Option<Bearer>, given: Vec<GivenAccount>) -> Self {
        let people = given.into_iter().filter(|account| !account.admin).collect();
        Self {
            admin,
            idle: Mutex::new(VecDeque::new()),
            given: Mutex::new(people),
            suffix: random_suffix(),
            named: AtomicUsize::new(0),
            made: Mutex::default(),
            guests: Mutex::default(),
            foreigners: Mutex::default(),
        }
    }

    /// Who may use the admin API.
    pub fn admin(&self) -> Result<Bearer, Stop> {
        self.admin
            .clone()
            .ok_or_else(|| skipped("needs --admin-token, or an admin in --accounts"))
    }

    /// An account that nobody else uses until it is given back.
    pub async fn lend(&self, stranger: &Agent) -> Result<Arc<Account>, Stop> {
        if let Some(account) = lock(&self.idle).pop_front() {
            return Ok(account);
        }
        let given = lock(&self.given).pop_front();
        match given {
            Some(given) => {
                let account = Account::sign_in(stranger, &given.username, &given.password);
                let account = Arc::new(account.await?);
                let before = cleanup::rooms_before(stranger, &account).await;
                lock(&self.guests).push((account.clone(), before));
                Ok(account)
            }
            None => self.newcomer(stranger).await,
        }
    }

    /// A new account that nobody ever used.
    pub async fn newcomer(&self, stranger: &Agent) -> Result<Arc<Account>, Stop> {
        let admin = stranger.with_bearer(self.admin()?);
        let local_id = self.new_local_id();
        let password = format!("pass-{}", random_suffix());
        admin
            .post(
                "/v1/admin/users",
                json!({"local_id": local_id, "display_name": format!("Member {local_id}"), "password": password}),
            )
            .await?
            .ok()?;
        let account = Account::sign_in(stranger, &local_id, &password);
        let account = Arc::new(account.await?);
        lock(&self.made).insert(local_id, account.clone());
        Ok(account)
    }

    /// A `local_id` that nobody has.
    pub fn new_local_id(&self) -> String {
        let number = self.named.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.prefix())
    }

    /// What the names of all accounts begin with that this run makes.
    pub fn prefix(&self) -> String {
        format!("conf-{}", self.suffix)
    }

    /// An account that the run has made.
    pub fn made(&self, local_id: &str) -> Option<Arc<Account>> {
        lock(&self.made).get(local_id).cloned()
    }

    /// The given accounts that were lent.
    pub fn guests(&self) -> Vec<Guest> {
        lock(&self.guests).clone()
    }

    /// Notes somebody of another tenant who has signed in.
    pub fn note_foreigner(&self, foreigner: Agent) {
        lock(&self.foreigners).push(foreigner);
    }

    /// The people of another tenant who have signed in.
    pub fn foreigners(&self) -> Vec<Agent> {
        lock(&self.foreigners).clone()
    }

    /// Takes accounts back that were left in order.
    pub fn give_back(&self, accounts: Vec<Arc<Account>>) {
        lock(&self.idle).extend(accounts);
    }
}

/// Ten random characters that fit into names.
pub fn random_suffix() -> String {
    let number: u64 = rand::random();
    format!("{number:016x}").chars().take(10).collect()
}

/// A random UUID (version 4), as text.
pub fn random_uuid() -> String {
    uuid::Builder::from_random_bytes(rand::random())
        .into_uuid()
        .to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
