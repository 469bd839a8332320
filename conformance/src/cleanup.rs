//! What a run leaves behind, taken away again as far as the API allows: rooms are closed or left, invitations declined, accounts
//! that the run made suspended, and the sessions of accounts that it was given ended.
//!
//! What cannot be taken away: the events themselves, closed rooms in their people's lists, and the names of accounts, which are
//! never given out again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use serde_json::{Value, json};

use crate::cast::account::{Account, password_grant};
use crate::check::Stop;
use crate::client::{Agent, Bearer};
use crate::judge;
use crate::subject::Subject;

/// How many accounts are cleaned up side by side.
const SIDE_BY_SIDE: usize = 6;
/// How long all of it may take.
const LONGEST: Duration = Duration::from_secs(120);
/// Rows of a page.
const PAGE: usize = 200;
/// Pages of one person's rooms that are looked at: a server whose list never grows shorter is not followed for ever.
const MOST_PAGES: usize = 10;

/// What was taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rooms that are closed now.
    pub closed: usize,
    /// Rooms that their people have left.
    pub left: usize,
    /// Accounts that are suspended now.
    pub suspended: usize,
    /// What could not be done.
    pub failed: Vec<String>,
}

impl Swept {
    fn add(&mut self, other: Swept) {
        self.closed += other.closed;
        self.left += other.left;
        self.suspended += other.suspended;
        self.failed.extend(other.failed);
    }

    fn note(&mut self, what: &str, stop: &Stop) {
        let (Stop::Failed(reason) | Stop::Skipped(reason)) = stop;
        self.failed.push(format!("{what}: {reason}"));
    }
}

impl fmt::Display for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Swept {
            closed,
            left,
            suspended,
            failed,
        } = self;
        write!(
            f,
            "Cleaned up: {closed} rooms closed, {left} left, {suspended} accounts suspended"
        )?;
        failed
            .iter()
            .try_for_each(|what| write!(f, "\n  not cleaned up: {what}"))
    }
}

/// The rooms that somebody is in.
async fn rooms_of(person: &Agent) -> Result<BTreeSet<String>, Stop> {
    let mut found = BTreeSet::new();
    for page in 0..MOST_PAGES {
        let rows = page_of_rooms(person, page * PAGE).await?;
        let ids = rows.iter().filter_map(|room| room["id"].as_str());
        found.extend(ids.map(str::to_owned));
        if rows.len() < PAGE {
            break;
        }
    }
    Ok(found)
}

async fn page_of_rooms(person: &Agent, offset: usize) -> Result<Vec<Value>, Stop> {
    let path = format!("/v1/directory/rooms?membership=join&limit={PAGE}&offset={offset}");
    Ok(person.get(path).await?.list()?.0)
}

/// Takes away what the run has left on the server.
pub async fn clean_up(subject: &Subject) -> Swept {
    let mut swept = Swept::default();
    let sweeping = sweep(subject, &mut swept);
    if tokio::time::timeout(LONGEST, sweeping).await.is_err() {
        swept.failed.push(format!("not done within {LONGEST:?}"));
    }
    swept
}

async fn sweep(subject: &Subject, swept: &mut Swept) {
    let stranger = subject.stranger();
    for person in subject.cast.foreigners() {
        log_out(&person).await;
    }
    for (account, before) in subject.cast.guests() {
        let person = stranger.with_bearer(Bearer::Account(account));
        let mut own = Swept::default();
        if let Err(stop) = leave_rooms(&person, &before, &mut own).await {
            own.note("a given account", &stop);
        }
        log_out(&person).await;
        swept.add(own);
    }
    let Ok(bearer) = subject.cast.admin() else {
        return;
    };
    let admin = stranger.with_bearer(bearer.clone());
    match made(subject, &admin).await {
        Ok(users) => {
            let each = users.iter().map(|user| retire(subject, &admin, user));
            let mut done = futures::stream::iter(each).buffer_unordered(SIDE_BY_SIDE);
            while let Some(one) = done.next().await {
                swept.add(one);
            }
        }
        Err(stop) => swept.note("the accounts of the run", &stop),
    }
    if let Bearer::Account(_) = bearer {
        log_out(&admin).await;
    }
}

/// The accounts that the run has made, as admins see them.
async fn made(subject: &Subject, admin: &Agent) -> Result<Vec<Value>, Stop> {
    let prefix = subject.cast.prefix();
    let mut users = Vec::new();
    for page in 0..MOST_PAGES {
        let offset = page * PAGE;
        let path = format!("/v1/admin/users?q={prefix}&limit={PAGE}&offset={offset}");
        let (rows, _) = admin.get(path).await?.list()?;
        let is_last = rows.len() < PAGE;
        // Whatever the search finds beside them is somebody else's.
        let is_own = |user: &Value| {
            let local_id = user["local_id"].as_str();
            local_id.is_some_and(|name| name.starts_with(&prefix))
        };
        users.extend(rows.into_iter().filter(is_own));
        if is_last {
            break;
        }
    }
    Ok(users)
}

/// Takes an account out of its rooms and suspends it, which ends its sessions.
async fn retire(subject: &Subject, admin: &Agent, user: &Value) -> Swept {
    let mut swept = Swept::default();
    let name = user["local_id"].as_str().unwrap_or_default().to_owned();
    let left = async {
        let id = judge::text(user, "/id")?;
        let path = format!("/v1/admin/users/{id}");
        let person = signed_in(subject, admin, user, &id, &name).await?;
        leave_rooms(&person, &BTreeSet::new(), &mut swept).await?;
        let suspended = json!({"state": "suspended"});
        admin.call("PATCH", path).json(suspended).send().await?.ok()
    };
    match left.await {
        Ok(_) => swept.suspended += 1,
        Err(stop) => swept.note(&name, &stop),
    }
    swept
}

/// Somebody of the run with a session: the one that is known, or else a new one, where a check has ended it, changed the password
/// or suspended the account.
async fn signed_in(
    subject: &Subject,
    admin: &Agent,
    user: &Value,
    id: &str,
    name: &str,
) -> Result<Agent, Stop> {
    let stranger = admin.stranger();
    if let Some(account) = subject.cast.made(name) {
        let person = stranger.with_bearer(Bearer::Account(account));
        if matches!(person.get("/v1/me").await, Ok(me) if me.status == 200) {
            return Ok(person);
        }
    }
    let path = format!("/v1/admin/users/{id}");
    if user["state"] == "suspended" {
        let active = json!({"state": "active"});
        admin
            .call("PATCH", path.clone())
            .json(active)
            .send()
            .await?
            .ok()?;
    }
    let reset = admin
        .post(format!("{path}/reset-password"), json!({}))
        .await?;
    let password = judge::text(&reset.ok()?, "/password")?;
    let tokens = stranger
        .post("/v1/auth/token", password_grant(name, &password))
        .await?
        .ok()?;
    Ok(stranger.with_token(&judge::text(&tokens, "/access_token")?))
}

/// Closes the rooms that are somebody's own, leaves the others, and declines what is open; but for rooms that were there before.
async fn leave_rooms(
    person: &Agent,
    before: &BTreeSet<String>,
    swept: &mut Swept,
) -> Result<(), Stop> {
    let (invitations, _) = person.get("/v1/me/invitations?limit=200").await?.list()?;
    for invitation in invitations {
        let room = judge::text(&invitation, "/room_id")?;
        let decline = format!("/v1/me/invitations/{room}/decline");
        person.post(decline, json!({})).await?;
    }
    for room in rooms_of(person).await?.difference(before) {
        let path = format!("/v1/rooms/{room}");
        // Of a DM it is a leave, and of what others may close it is refused.
        let closed = person.post(format!("{path}/close"), json!({})).await?;
        let is_closed = closed.ok().is_ok_and(|room| room["state"] == "closed");
        if is_closed {
            swept.closed += 1;
            continue;
        }
        if closed.status != 200 {
            person
                .post(format!("{path}/leave"), json!({}))
                .await?
                .ok()?;
        }
        swept.left += 1;
    }
    Ok(())
}

/// Ends a session; one that has ended already is no matter.
async fn log_out(person: &Agent) {
    let _ = person.post("/v1/auth/logout", json!({})).await;
}

/// Which rooms somebody is in before the run, so that these stay.
pub async fn rooms_before(stranger: &Agent, account: &Arc<Account>) -> BTreeSet<String> {
    let person = stranger.with_bearer(Bearer::Account(account.clone()));
    rooms_of(&person).await.unwrap_or_default()
}
