//! What admins, and the command line, do with accounts (operations specification, sections 7 and 9).

use uuid::Uuid;

use super::Accounts;
use super::accounts::{self, NewAccount, end_sessions};
use super::error::{AccountError, LastAdminField};
use super::own::Revoked;
use super::password::Password;
use super::roles::{Role, Roles};
use super::sessions::Change;
use super::store::{self, accounts::Account};
use super::user::{
    Authority, CreatedUser, NewPassword, NewUser, UserChange, UserState, UserView, Wanted,
};
use crate::db::{Committed, Db, DbError, Tx};
use crate::events::core::ids::ParticipantId;
use crate::participants::store::{Filter, ProfileTexts};
use crate::participants::{self, Participant};
use crate::tenants::{self, Tenant};

/// A local person as stored.
struct User {
    participant: Participant,
    account: Account,
    roles: Roles,
}

impl User {
    fn view(self) -> UserView {
        UserView::new(self.participant, self.account, self.roles)
    }

    async fn read(tenant: &Tenant, tx: &mut Tx, id: ParticipantId) -> Result<User, AccountError> {
        if !store::accounts::lock(tenant, tx, id).await? {
            return Err(AccountError::NoSuchUser);
        }
        let participant = participants::store::get(tenant, tx.conn(), id).await?;
        let account = store::accounts::get(tenant, tx.conn(), id).await?;
        Ok(User {
            participant: participant.ok_or(AccountError::NoSuchUser)?,
            account: account.ok_or(AccountError::NoSuchUser)?,
            roles: store::roles::of(tenant, tx.conn(), id).await?,
        })
    }
}

/// A page of the tenant's people in the order of their names, and how many there are.
///
/// # Errors
/// The database's.
pub async fn list(
    tenant: &Tenant,
    db: &Db,
    wanted: &Wanted<'_>,
) -> Result<(Vec<UserView>, i64), DbError> {
    let filter = Filter {
        q: wanted.q,
        participant_type: Some(participants::Kind::Human.as_str()),
        include_federated: false,
        suspended: wanted.state.map(|state| state == UserState::Suspended),
    };
    let (people, total) =
        participants::store::list(tenant, db, &filter, wanted.limit, wanted.offset).await?;
    let ids: Vec<ParticipantId> = people.iter().map(|person| person.id).collect();
    let mut accounts = store::accounts::get_many(tenant, db, &ids).await?;
    let mut roles = store::roles::of_many(tenant, db, &ids).await?;
    let users = people.into_iter().filter_map(|participant| {
        let account = accounts.remove(&participant.id)?;
        let roles = roles.remove(&participant.id).unwrap_or_default();
        Some(UserView::new(participant, account, roles))
    });
    Ok((users.collect(), total))
}

impl Accounts<'_> {
    /// One of the tenant's people.
    ///
    /// # Errors
    /// [`AccountError::NoSuchUser`].
    pub async fn user(&self, tenant: &Tenant, id: ParticipantId) -> Result<UserView, AccountError> {
        let participant = participants::store::get(tenant, self.db.reader(), id).await?;
        let account = store::accounts::get(tenant, self.db.reader(), id).await?;
        let user = User {
            participant: participant.ok_or(AccountError::NoSuchUser)?,
            account: account.ok_or(AccountError::NoSuchUser)?,
            roles: store::roles::of(tenant, self.db.reader(), id).await?,
        };
        Ok(user.view())
    }

    /// Makes an account.
    ///
    /// # Errors
    /// Those of [`accounts::create`], and [`AccountError::BeyondTenant`].
    pub async fn create_user(
        &self,
        by: Authority<'_>,
        tenant: &Tenant,
        new: NewUser,
    ) -> Result<Committed<CreatedUser>, AccountError> {
        by.insist_on_replacing(&Roles::default(), &new.roles)?;
        let (password, is_one_time) = match new.password {
            Some(password) => (password, false),
            None => (Password::one_time(), true),
        };
        let hash = self.auth.passwords.hash(&password).await?;
        let mut tx = self.db.begin().await?;
        let mut roles = new.roles;
        if let Authority::Operator { is_first_tenant } = by {
            let first = accounts::first_account_roles(tenant, &mut tx, is_first_tenant).await?;
            roles = roles.iter().chain(first.iter()).collect();
        }
        let account = NewAccount {
            local_id: &new.local_id,
            display_name: &new.display_name,
            avatar_url: None,
            email: new.email.as_deref(),
            password_hash: Some(&hash),
            roles,
        };
        let participant = accounts::create(tenant, &mut tx, &account, self.clock.now_ms()).await?;
        let user = User::view(User::read(tenant, &mut tx, participant.id).await?);
        let created = CreatedUser::new(user, is_one_time.then_some(&password));
        Ok(tx.commit(created).await?)
    }

    /// Changes an account. Suspending it ends its sessions and frees its place; taking that back needs a place.
    ///
    /// # Errors
    /// [`AccountError::NoSuchUser`], [`AccountError::EmailTaken`], [`AccountError::LastAdmin`],
    /// [`AccountError::BeyondTenant`], [`AccountError::TenantFull`].
    pub async fn change_user(
        &self,
        by: Authority<'_>,
        tenant: &Tenant,
        id: ParticipantId,
        change: &UserChange,
    ) -> Result<Committed<UserView>, AccountError> {
        let now = self.clock.now_ms();
        let mut tx = self.db.begin().await?;
        match change.state {
            Some(UserState::Suspended) => {
                accounts::keep_an_admin(tenant, &mut tx, id, LastAdminField::State).await?;
            }
            // The tenant before the account, as when one is made: two that wait for each other would wait for ever.
            Some(UserState::Active) => tenants::store::lock(tenant, &mut tx).await?,
            None => {}
        }
        let user = User::read(tenant, &mut tx, id).await?;
        by.insist_on_administering(&user.roles)?;
        if let Some(email) = &change.email
            && !store::accounts::set_email(tenant, &mut tx, id, email.as_deref()).await?
        {
            return Err(AccountError::EmailTaken);
        }
        if let Some(name) = &change.display_name {
            store::accounts::set_given_name(tenant, &mut tx, id, name).await?;
            store::accounts::set_own(tenant, &mut tx, id, (false, user.account.own_avatar)).await?;
        }
        let texts = ProfileTexts {
            display_name: change
                .display_name
                .as_ref()
                .unwrap_or(&user.participant.display_name),
            avatar_url: user.participant.avatar_url.as_deref(),
            bio: user.participant.bio.as_deref(),
            email: change
                .email
                .as_ref()
                .unwrap_or(&user.account.email)
                .as_deref(),
        };
        participants::store::set_profile(tenant, &mut tx, &user.participant.fqid, &texts, now)
            .await?;
        let ended = match change.state {
            Some(state) => set_state(tenant, &mut tx, &user.participant, state, now).await?,
            None => Vec::new(),
        };
        let view = User::view(User::read(tenant, &mut tx, id).await?);
        let change = Change {
            ended,
            person: Some(id),
        };
        Ok(self.auth.sessions.commit(tenant, tx, change, view).await?)
    }

    /// Gives an account the password that was sent, or a one-time password, and ends its sessions.
    ///
    /// # Errors
    /// [`AccountError::NoSuchUser`], [`AccountError::BeyondTenant`].
    pub async fn reset_password(
        &self,
        by: Authority<'_>,
        tenant: &Tenant,
        id: ParticipantId,
        sent: Option<Password>,
    ) -> Result<Committed<NewPassword>, AccountError> {
        let password = sent.unwrap_or_else(Password::one_time);
        let hash = self.auth.passwords.hash(&password).await?;
        let mut tx = self.db.begin().await?;
        let user = User::read(tenant, &mut tx, id).await?;
        by.insist_on_administering(&user.roles)?;
        let ended = accounts::replace_password(tenant, &mut tx, id, &hash, None).await?;
        let shown = NewPassword::new(&password);
        Ok(self
            .auth
            .sessions
            .commit(tenant, tx, Change::ending(ended), shown)
            .await?)
    }

    /// Ends all sessions of an account.
    ///
    /// # Errors
    /// [`AccountError::NoSuchUser`], [`AccountError::BeyondTenant`].
    pub async fn revoke_sessions(
        &self,
        by: Authority<'_>,
        tenant: &Tenant,
        id: ParticipantId,
    ) -> Result<Committed<Revoked>, AccountError> {
        let mut tx = self.db.begin().await?;
        let user = User::read(tenant, &mut tx, id).await?;
        by.insist_on_administering(&user.roles)?;
        let ended = end_sessions(tenant, &mut tx, id, None).await?;
        let revoked = Revoked::of(ended.len());
        Ok(self
            .auth
            .sessions
            .commit(tenant, tx, Change::ending(ended), revoked)
            .await?)
    }

    /// Gives an account exactly these roles.
    ///
    /// # Errors
    /// [`AccountError::NoSuchUser`], [`AccountError::LastAdmin`], [`AccountError::BeyondTenant`].
    pub async fn set_roles(
        &self,
        by: Authority<'_>,
        tenant: &Tenant,
        id: ParticipantId,
        roles: &Roles,
    ) -> Result<Committed<UserView>, AccountError> {
        let mut tx = self.db.begin().await?;
        if !roles.contains(Role::TenantAdmin) {
            accounts::keep_an_admin(tenant, &mut tx, id, LastAdminField::Roles).await?;
        }
        let user = User::read(tenant, &mut tx, id).await?;
        by.insist_on_replacing(&user.roles, roles)?;
        store::roles::replace(tenant, &mut tx, id, roles).await?;
        let view = User::view(User {
            // Those of a provider stay.
            roles: store::roles::of(tenant, tx.conn(), id).await?,
            ..user
        });
        Ok(self
            .auth
            .sessions
            .commit(tenant, tx, Change::of_person(id), view)
            .await?)
    }
}

/// Suspends an account or takes that back, and names the sessions that ended with it.
async fn set_state(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: &Participant,
    state: UserState,
    now: i64,
) -> Result<Vec<Uuid>, AccountError> {
    let suspended = state == UserState::Suspended;
    if participant.suspended && !suspended {
        accounts::require_place(tenant, tx).await?;
    }
    let id = participant.id;
    participants::store::set_suspended(tenant, tx, id, suspended, now).await?;
    match suspended {
        true => Ok(end_sessions(tenant, tx, id, None).await?),
        false => Ok(Vec::new()),
    }
}
