//! Making accounts and changing what belongs to them.
//!
//! The account's row is what concurrent changes of one person meet at: whoever ends sessions or begins one writes it
//! first, so that no session survives a suspension or a new password on either database.

use uuid::Uuid;

use super::error::{AccountError, LastAdminField};
use super::roles::{Role, Roles};
use super::store::{self, accounts::Account};
use crate::db::{DbError, Tx};
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::LocalId;
use crate::participants::store::NewParticipant;
use crate::participants::{self, Kind, Participant};
use crate::tenants::{self, Tenant};
use crate::workspaces;

/// An account that is about to be made.
#[derive(Debug)]
pub struct NewAccount<'a> {
    /// The name in the tenant, for ever.
    pub local_id: &'a LocalId,
    /// The name to show.
    pub display_name: &'a str,
    /// A picture.
    pub avatar_url: Option<&'a str>,
    /// The address, unique in the tenant.
    pub email: Option<&'a str>,
    /// The password's hash; without one nobody signs in with a password.
    pub password_hash: Option<&'a str>,
    /// The roles.
    pub roles: Roles,
}

/// Refuses when one more active account would exceed the tenant's `max_participants`. The tenant stays locked until the
/// transaction ends, so that two at once cannot both take the last place.
///
/// # Errors
/// [`AccountError::TenantFull`].
pub async fn require_place(tenant: &Tenant, tx: &mut Tx) -> Result<(), AccountError> {
    tenants::store::lock(tenant, tx).await?;
    match tenant.limits().max_participants {
        Some(most) if participants::store::count_places(tenant, tx).await? >= i64::from(most) => {
            Err(AccountError::TenantFull)
        }
        _ => Ok(()),
    }
}

/// Makes an account with its participant and personal workspace.
///
/// # Errors
/// [`AccountError::NameTaken`], [`AccountError::EmailTaken`], [`AccountError::TenantFull`].
pub async fn create(
    tenant: &Tenant,
    tx: &mut Tx,
    new: &NewAccount<'_>,
    now: i64,
) -> Result<Participant, AccountError> {
    require_place(tenant, tx).await?;
    let participant = NewParticipant {
        local_id: new.local_id,
        kind: Kind::Human,
        display_name: new.display_name,
        avatar_url: new.avatar_url,
        model_id: None,
        email: new.email,
    };
    let participant = participants::store::insert_local(tenant, tx, &participant, now)
        .await?
        .ok_or(AccountError::NameTaken)?;
    let account = Account {
        participant_id: participant.id,
        given_name: new.display_name.to_owned(),
        given_avatar: new.avatar_url.map(str::to_owned),
        own_name: false,
        own_avatar: false,
        email: new.email.map(str::to_owned),
        password_hash: new.password_hash.map(str::to_owned),
        last_seen_at: None,
    };
    if !store::accounts::insert(tenant, tx, &account, now).await? {
        return Err(AccountError::EmailTaken);
    }
    store::roles::replace(tenant, tx, participant.id, &new.roles).await?;
    workspaces::store::ensure_personal(tenant, tx, &participant, now).await?;
    Ok(participant)
}

/// The roles that the first account of a tenant gets, so that somebody can administer it: those of the first tenant
/// run the server.
pub async fn first_account_roles(
    tenant: &Tenant,
    tx: &mut Tx,
    is_first_tenant: bool,
) -> Result<Roles, DbError> {
    tenants::store::lock(tenant, tx).await?;
    if store::accounts::count(tenant, tx.conn()).await? > 0 {
        return Ok(Roles::default());
    }
    let roles: &[Role] = if is_first_tenant {
        &[Role::SuperAdmin, Role::TenantAdmin]
    } else {
        &[Role::TenantAdmin]
    };
    Ok(roles.iter().copied().collect())
}

/// Makes sure that the tenant keeps an active tenant admin when `leaving` stops being one.
///
/// # Errors
/// [`AccountError::LastAdmin`] if nobody else is left.
pub async fn keep_an_admin(
    tenant: &Tenant,
    tx: &mut Tx,
    leaving: ParticipantId,
    field: LastAdminField,
) -> Result<(), AccountError> {
    tenants::store::lock(tenant, tx).await?;
    let admins = store::roles::holders(tenant, tx, Role::TenantAdmin).await?;
    if !admins.contains(&leaving) {
        return Ok(());
    }
    for admin in admins.into_iter().filter(|admin| *admin != leaving) {
        let participant = participants::store::get(tenant, tx.conn(), admin).await?;
        if participant.is_some_and(|participant| !participant.suspended) {
            return Ok(());
        }
    }
    Err(AccountError::LastAdmin(field))
}

/// Ends sessions of a person, of scripts too, but for `keep`. Says which ended, for [`super::sessions::Sessions::commit`].
pub async fn end_sessions(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    keep: Option<Uuid>,
) -> Result<Vec<Uuid>, DbError> {
    let sessions = store::sessions::list(tenant, tx.conn(), participant).await?;
    let ids: Vec<Uuid> = sessions
        .into_iter()
        .map(|session| session.id)
        .filter(|id| Some(*id) != keep)
        .collect();
    store::sessions::delete(tenant, tx, participant, &ids).await
}

/// Replaces a password and ends all sessions but `keep`.
pub async fn replace_password(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    hash: &str,
    keep: Option<Uuid>,
) -> Result<Vec<Uuid>, DbError> {
    store::accounts::set_password(tenant, tx, participant, hash).await?;
    end_sessions(tenant, tx, participant, keep).await
}
