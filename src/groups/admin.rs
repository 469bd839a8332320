//! Groups that administrators make (connections-and-operations, section 7). Those of an identity provider are its own to change.

use std::collections::BTreeSet;

use super::error::GroupError;
use super::model::{AdminGroup, GroupId};
use super::store;
use crate::app::App;
use crate::db::{Committed, Tx};
use crate::events::core::ids::ParticipantId;
use crate::participants;
use crate::tenants::Tenant;

/// People whom a request names, and whom an answer names of one group, at most.
pub const MOST_MEMBERS: usize = 1000;

/// What changes of a group; `None`: that stays.
#[derive(Debug)]
pub struct Change {
    /// What it is called.
    pub name: Option<String>,
    /// Who is in it.
    pub member_ids: Option<Vec<ParticipantId>>,
}

/// Makes a group of these people.
///
/// # Errors
/// [`GroupError::NoSuchMember`]
pub async fn create(
    app: &App,
    tenant: &Tenant,
    name: String,
    member_ids: Vec<ParticipantId>,
) -> Result<Committed<AdminGroup>, GroupError> {
    let now = app.now();
    let ms = u64::try_from(now).unwrap_or(0);
    let id = uuid::Builder::from_unix_timestamp_millis(ms, &app.entropy().bytes());
    let id = GroupId(id.into_uuid());
    let members = local(app, tenant, member_ids).await?;
    let mut tx = app.db().begin().await?;
    store::make_own(tenant, &mut tx, id, &name, now).await?;
    store::set_members(tenant, &mut tx, id, &members).await?;
    shown(tenant, tx, id).await
}

/// Renames a group, or has others in it from now on.
///
/// # Errors
/// [`GroupError::NotFound`], [`GroupError::ReadOnly`], [`GroupError::NoSuchMember`]
pub async fn change(
    app: &App,
    tenant: &Tenant,
    id: GroupId,
    change: Change,
) -> Result<Committed<AdminGroup>, GroupError> {
    let mut tx = app.db().begin().await?;
    require_own(tenant, &mut tx, id).await?;
    drop(tx);
    let members = match change.member_ids {
        Some(ids) => Some(local(app, tenant, ids).await?),
        None => None,
    };
    let mut tx = app.db().begin().await?;
    require_own(tenant, &mut tx, id).await?;
    if let Some(name) = &change.name {
        store::rename_own(tenant, &mut tx, id, name, app.now()).await?;
    }
    if let Some(members) = &members {
        store::set_members(tenant, &mut tx, id, members).await?;
    }
    shown(tenant, tx, id).await
}

/// Deletes a group; its people stay.
///
/// # Errors
/// [`GroupError::NotFound`], [`GroupError::ReadOnly`]
pub async fn remove(app: &App, tenant: &Tenant, id: GroupId) -> Result<Committed<()>, GroupError> {
    let mut tx = app.db().begin().await?;
    require_own(tenant, &mut tx, id).await?;
    store::set_members(tenant, &mut tx, id, &BTreeSet::new()).await?;
    store::delete_own(tenant, &mut tx, id).await?;
    Ok(tx.commit(()).await?)
}

async fn require_own(tenant: &Tenant, tx: &mut Tx, id: GroupId) -> Result<(), GroupError> {
    match store::is_own(tenant, tx, id).await? {
        Some(true) => Ok(()),
        Some(false) => Err(GroupError::ReadOnly),
        None => Err(GroupError::NotFound),
    }
}

/// The people named, each of whom has an account here.
async fn local(
    app: &App,
    tenant: &Tenant,
    ids: Vec<ParticipantId>,
) -> Result<BTreeSet<ParticipantId>, GroupError> {
    let known = participants::store::get_many(tenant, app.db(), &ids).await?;
    let is_local = |id: &ParticipantId| known.get(id).is_some_and(|person| person.is_local);
    match ids.iter().all(is_local) {
        true => Ok(ids.into_iter().collect()),
        false => Err(GroupError::NoSuchMember),
    }
}

/// Commits, and shows the group as it is then.
async fn shown(
    tenant: &Tenant,
    mut tx: Tx,
    id: GroupId,
) -> Result<Committed<AdminGroup>, GroupError> {
    let group = store::for_admins(tenant, tx.conn(), id, MOST_MEMBERS).await?;
    let group = group.ok_or(GroupError::NotFound)?;
    Ok(tx.commit(group).await?)
}
