//! What one check gets to work with: people, strangers, the admin, and a way to wait for a condition.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cast::account::Account;
use crate::cast::person::Person;
use crate::check::{Stop, failed, skipped};
use crate::client::socket::PATIENCE;
use crate::client::transcript::Transcript;
use crate::client::{Agent, Bearer};
use crate::peer::Peer;
use crate::subject::Subject;

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The tools of one running check.
#[derive(Clone)]
pub struct Trial {
    subject: Arc<Subject>,
    transcript: Transcript,
    lent: Arc<Mutex<Vec<Arc<Account>>>>,
}

impl Trial {
    /// Tools with an empty transcript.
    pub fn new(subject: Arc<Subject>) -> Self {
        Self {
            subject,
            transcript: Transcript::default(),
            lent: Arc::default(),
        }
    }

    /// The server under test.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What was exchanged so far.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Somebody without a token.
    pub fn stranger(&self) -> Agent {
        Agent::new(
            self.subject.way.clone(),
            Bearer::Nobody,
            self.transcript.clone(),
        )
    }

    /// Who may use the admin API; skips without one.
    pub fn admin(&self) -> Result<Agent, Stop> {
        Ok(self.stranger().with_bearer(self.subject.cast.admin()?))
    }

    /// People nobody else uses during this check; their accounts must be left in order.
    pub async fn people<const N: usize>(&self) -> Result<[Person; N], Stop> {
        let stranger = self.stranger();
        let mut people = Vec::with_capacity(N);
        for _ in 0..N {
            let account = self.subject.cast.lend(&stranger).await?;
            self.lent().push(account.clone());
            people.push(Person::new(account, &stranger));
        }
        people
            .try_into()
            .map_err(|_| failed("the suite lent a wrong number of people"))
    }

    /// One person nobody else uses during this check.
    pub async fn person(&self) -> Result<Person, Stop> {
        let [person] = self.people().await?;
        Ok(person)
    }

    /// Somebody nobody knows yet, who may be left in any state.
    pub async fn newcomer(&self) -> Result<Person, Stop> {
        let stranger = self.stranger();
        let account = self.subject.cast.newcomer(&stranger).await?;
        Ok(Person::new(account, &stranger))
    }

    /// Somebody of another tenant; skips if none was told.
    pub async fn foreigner(&self) -> Result<Person, Stop> {
        let given = self
            .subject
            .other_tenant
            .first()
            .ok_or_else(|| skipped("needs --other-tenant-accounts"))?;
        let way = self.subject.way.with_host(given.host.as_deref());
        let stranger = Agent::new(way, Bearer::Nobody, self.transcript.clone());
        let account = Account::sign_in(&stranger, &given.username, &given.password).await?;
        let person = Person::new(Arc::new(account), &stranger);
        self.subject.cast.note_foreigner(Agent::clone(&person));
        Ok(person)
    }

    /// The played peer; skips without one.
    pub fn peer(&self) -> Result<Peer, Stop> {
        self.subject.peer.clone().map_err(skipped)
    }

    /// The first result of `look` that is something, looked for until the deadline.
    pub async fn until<T, F, Fut>(&self, what: &str, look: F) -> Result<T, Stop>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<Option<T>, Stop>>,
    {
        self.within(PATIENCE, what, look).await
    }

    /// The same with a deadline of its own.
    pub async fn within<T, F, Fut>(
        &self,
        deadline: Duration,
        what: &str,
        look: F,
    ) -> Result<T, Stop>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<Option<T>, Stop>>,
    {
        let begin = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if begin.elapsed() > deadline {
                return Err(failed(format!("not within {deadline:?}: {what}")));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Ends the check; a check that passed has left its accounts in order.
    pub fn finish(&self, in_order: bool) {
        let accounts = std::mem::take(&mut *self.lent());
        if in_order {
            self.subject.cast.give_back(accounts);
        }
    }

    fn lent(&self) -> MutexGuard<'_, Vec<Arc<Account>>> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
