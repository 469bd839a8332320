//! A user as admins and the command line see one, and what they may ask for.

use serde::{Deserialize, Serialize};

use super::error::AccountError;
use super::password::Password;
use super::roles::{Permission, Roles, may_administer, may_replace};
use super::store::accounts::Account;
use crate::clock::iso;
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::LocalId;
use crate::participants::Participant;

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// As usual.
    Active,
    /// Signing in is refused, and every session has ended.
    Suspended,
}

/// A local person as admins see them.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct UserView {
    #[serde(flatten)]
    participant: Participant,
    bio: Option<String>,
    email: Option<String>,
    #[schema(value_type = Vec<String>)]
    roles: Roles,
    state: UserState,
    last_seen_at: Option<String>,
}

/// A new account, and its one-time password if none was sent.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CreatedUser {
    #[serde(flatten)]
    user: UserView,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    password: Option<String>,
}

/// A password that is shown once.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct NewPassword {
    password: String,
}

/// An account to make.
#[derive(Debug)]
pub struct NewUser {
    /// The name in the tenant, for ever.
    pub local_id: LocalId,
    /// The name to show.
    pub display_name: String,
    /// The address.
    pub email: Option<String>,
    /// The password; without one a one-time password is made.
    pub password: Option<Password>,
    /// The roles.
    pub roles: Roles,
}

/// What an admin changes; absent is as before.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// The name to show, also the one that the person falls back to.
    pub display_name: Option<String>,
    /// The address, or none.
    pub email: Option<Option<String>>,
    /// Whether the account may be used.
    pub state: Option<UserState>,
}

/// Which users a list shows.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// A text that local id, name or e-mail contain, in any case.
    pub q: Option<&'a str>,
    /// Only suspended ones, or only others.
    pub state: Option<UserState>,
    /// How many.
    pub limit: i64,
    /// How many to leave out first.
    pub offset: i64,
}

/// Who acts on an account: an admin with roles, or whoever holds the server's command line.
#[derive(Clone, Copy, Debug)]
pub enum Authority<'a> {
    /// An admin.
    Admin(&'a Roles),
    /// The operator; the first account of a tenant gets to administer it. Says whether the tenant is the first.
    Operator {
        /// Whether the tenant is the one that the first start made.
        is_first_tenant: bool,
    },
}

impl UserView {
    /// Who it is.
    pub fn id(&self) -> ParticipantId {
        self.participant.id
    }

    pub(super) fn new(participant: Participant, account: Account, roles: Roles) -> Self {
        UserView {
            bio: participant.bio.clone(),
            email: account.email,
            roles,
            state: if participant.suspended {
                UserState::Suspended
            } else {
                UserState::Active
            },
            last_seen_at: account.last_seen_at.map(iso),
            participant,
        }
    }

    /// The name in the tenant.
    pub fn local_id(&self) -> &str {
        self.participant.fqid.local_id().as_str()
    }
}

impl CreatedUser {
    pub(super) fn new(user: UserView, password: Option<&Password>) -> Self {
        let password = password.map(|password| password.reveal().to_owned());
        CreatedUser { user, password }
    }

    /// The account.
    pub fn user(&self) -> &UserView {
        &self.user
    }

    /// The one-time password, if one was made.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }
}

impl NewPassword {
    pub(super) fn new(password: &Password) -> Self {
        NewPassword {
            password: password.reveal().to_owned(),
        }
    }

    /// The password.
    pub fn reveal(&self) -> &str {
        &self.password
    }
}

impl Authority<'_> {
    pub(super) fn insist_on_administering(self, target: &Roles) -> Result<(), AccountError> {
        match self {
            Authority::Admin(roles) if !may_administer(roles, target) => {
                Err(AccountError::BeyondTenant(Permission::UsersManage))
            }
            Authority::Admin(_) | Authority::Operator { .. } => Ok(()),
        }
    }

    pub(super) fn insist_on_replacing(self, old: &Roles, new: &Roles) -> Result<(), AccountError> {
        match self {
            Authority::Admin(roles) if !may_replace(roles, old, new) => {
                Err(AccountError::BeyondTenant(Permission::RolesManage))
            }
            Authority::Admin(_) | Authority::Operator { .. } => Ok(()),
        }
    }
}
