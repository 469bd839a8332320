//! Taking over what a provider says of a person: name, picture, address, roles, groups. What the person chose for itself
//! stays as it is.

use super::accounts::{self, NewAccount};
use super::error::{AccountError, AuthError};
use super::provided::Described;
use super::provider::local_name;
use super::provider::profile::{GroupClaim, Profile, roles_of};
use super::roles::{RoleSlug, Roles};
use super::store;
use super::store::accounts::Account;
use super::store::identities::{self, Identity};
use crate::db::{DbError, Tx};
use crate::events::core::ids::ParticipantId;
use crate::groups::{self, Group};
use crate::participants::store::ProfileTexts;
use crate::participants::{self, Participant};
use crate::tenants::Tenant;

/// The local id of the user that any text is a token of, where there is such a user.
pub(super) const MOCK_USER: &str = "dev";

/// Somebody as they stand after their claims were taken over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mirrored {
    /// Who.
    pub(super) participant_id: ParticipantId,
    /// Whether an admin suspended the account.
    pub(super) is_suspended: bool,
    /// Whether name or picture are others now.
    pub(super) looks_changed: bool,
}

/// Finds the person that a token is about, makes the account of a newcomer, and takes over what is new. The tenant is
/// locked.
///
/// # Errors
/// Those of [`accounts::create`].
pub(super) async fn take_over(
    tenant: &Tenant,
    tx: &mut Tx,
    described: &Described,
    has_mock_user: bool,
    now: i64,
) -> Result<Mirrored, AuthError> {
    let known = identities::get(tenant, tx.conn(), described.name()).await?;
    let (person, before) = match known {
        Some(identity) if !described.is_newer_than(&identity) => {
            let id = identity.participant_id;
            let participant = participants::store::get(tenant, tx.conn(), id).await?;
            return Ok(Mirrored {
                participant_id: id,
                is_suspended: participant.is_none_or(|participant| participant.suspended),
                looks_changed: false,
            });
        }
        Some(identity) => {
            let profile = &described.profile;
            let mirrored = refresh(tenant, tx, identity.participant_id, profile, now).await?;
            (mirrored, Some(identity))
        }
        None => {
            let made = welcome(tenant, tx, &described.profile, has_mock_user, now).await?;
            (made, None)
        }
    };
    let identity =
        take_over_lists(tenant, tx, described, person.participant_id, before, now).await?;
    identities::put(tenant, tx, described.name(), &identity, now).await?;
    Ok(person)
}

/// Makes the account of somebody who was never here.
async fn welcome(
    tenant: &Tenant,
    tx: &mut Tx,
    profile: &Profile,
    has_mock_user: bool,
    now: i64,
) -> Result<Mirrored, AuthError> {
    let email = free_email(tenant, tx, profile.email.as_deref(), None).await?;
    let user_name = profile.user_name.as_deref().or(profile.name.as_deref());
    for local_id in local_name::candidates(user_name, rand::random()) {
        if has_mock_user && local_id.as_str() == MOCK_USER {
            continue;
        }
        let shown_name = profile.shown_name();
        let new = NewAccount {
            local_id: &local_id,
            display_name: shown_name.as_deref().unwrap_or(local_id.as_str()),
            avatar_url: profile.avatar_url.as_deref(),
            email,
            password_hash: None,
            roles: Roles::default(),
        };
        match accounts::create(tenant, tx, &new, now).await {
            Ok(participant) => {
                return Ok(Mirrored {
                    participant_id: participant.id,
                    is_suspended: false,
                    looks_changed: false,
                });
            }
            Err(AccountError::NameTaken) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(AccountError::NameTaken.into())
}

/// An address, if nobody else has it: it says nothing about who somebody is, and never leads to another's account.
async fn free_email<'a>(
    tenant: &Tenant,
    tx: &mut Tx,
    email: Option<&'a str>,
    own: Option<ParticipantId>,
) -> Result<Option<&'a str>, DbError> {
    let Some(address) = email else {
        return Ok(None);
    };
    let holder = store::accounts::by_email(tenant, tx.conn(), address).await?;
    let is_free = holder.is_none_or(|holder| Some(holder.participant_id) == own);
    Ok(email.filter(|_| is_free))
}

/// Takes over name, picture and address of somebody who was here before. What is not said stays.
async fn refresh(
    tenant: &Tenant,
    tx: &mut Tx,
    id: ParticipantId,
    profile: &Profile,
    now: i64,
) -> Result<Mirrored, AuthError> {
    let participant = participants::store::get(tenant, tx.conn(), id).await?;
    let account = store::accounts::get(tenant, tx.conn(), id).await?;
    let (Some(participant), Some(account)) = (participant, account) else {
        // Erased: the name at the provider goes on standing for nobody else.
        return Err(AuthError::AccountSuspended);
    };
    let email = free_email(tenant, tx, profile.email.as_deref(), Some(id)).await?;
    let given = Given {
        name: profile.name.as_deref().unwrap_or(&account.given_name),
        avatar: profile
            .avatar_url
            .as_deref()
            .or(account.given_avatar.as_deref()),
        email: email.or(account.email.as_deref()),
    };
    let looks_changed = given.write(tenant, tx, &participant, &account, now).await?;
    Ok(Mirrored {
        participant_id: id,
        is_suspended: participant.suspended,
        looks_changed,
    })
}

/// What a provider gives somebody.
struct Given<'a> {
    name: &'a str,
    avatar: Option<&'a str>,
    email: Option<&'a str>,
}

impl Given<'_> {
    /// Writes down what is new. Says whether others see a difference.
    async fn write(
        &self,
        tenant: &Tenant,
        tx: &mut Tx,
        participant: &Participant,
        account: &Account,
        now: i64,
    ) -> Result<bool, DbError> {
        let id = participant.id;
        if self.name != account.given_name {
            store::accounts::set_given_name(tenant, tx, id, self.name).await?;
        }
        if self.avatar != account.given_avatar.as_deref() {
            store::accounts::set_given_avatar(tenant, tx, id, self.avatar).await?;
        }
        let email_changed = self.email != account.email.as_deref()
            && store::accounts::set_email(tenant, tx, id, self.email).await?;
        let texts = ProfileTexts {
            display_name: match account.own_name {
                true => &participant.display_name,
                false => self.name,
            },
            avatar_url: match account.own_avatar {
                true => participant.avatar_url.as_deref(),
                false => self.avatar,
            },
            bio: participant.bio.as_deref(),
            email: match email_changed {
                true => self.email,
                false => account.email.as_deref(),
            },
        };
        let looks_changed = texts.display_name != participant.display_name
            || texts.avatar_url != participant.avatar_url.as_deref();
        if looks_changed || email_changed {
            participants::store::set_profile(tenant, tx, &participant.fqid, &texts, now).await?;
        }
        Ok(looks_changed)
    }
}

/// What becomes of a list: replaced by what is claimed; emptied where nothing is, though it would have been said;
/// `None`: left as it is.
fn new_list<T: Clone>(
    claimed: Option<&Vec<T>>,
    is_complete: bool,
    stood_in_token: bool,
) -> Option<Vec<T>> {
    match claimed {
        Some(list) => Some(list.clone()),
        None if is_complete || stood_in_token => Some(Vec::new()),
        None => None,
    }
}

async fn take_over_lists(
    tenant: &Tenant,
    tx: &mut Tx,
    described: &Described,
    id: ParticipantId,
    before: Option<Identity>,
    now: i64,
) -> Result<Identity, DbError> {
    let (profile, is_complete) = (&described.profile, described.is_complete);
    let of_token = Profile::of(&described.proven.claims);
    let roles_stood = before.is_some_and(|before| before.roles_in_token);
    let groups_stood = before.is_some_and(|before| before.groups_in_token);
    let roles: Option<Vec<RoleSlug>> = new_list(profile.roles.as_ref(), is_complete, roles_stood);
    if let Some(roles) = &roles {
        identities::replace_roles(tenant, tx, id, false, roles).await?;
    }
    let claimed: Option<Vec<GroupClaim>> =
        new_list(profile.groups.as_ref(), is_complete, groups_stood);
    if let Some(claimed) = claimed {
        identities::replace_roles(tenant, tx, id, true, &roles_of(&claimed)).await?;
        let issuer = &described.proven.issuer;
        let of_claim = |claim: GroupClaim| {
            let slugs = claim.roles.iter().map(|slug| slug.as_str().to_owned());
            Group::mirrored(
                tenant,
                issuer,
                &claim.external_id,
                claim.name,
                slugs.collect(),
            )
        };
        let mut theirs: Vec<Group> = claimed.into_iter().map(of_claim).collect();
        theirs.sort_unstable_by_key(|group| group.id);
        theirs.dedup_by_key(|group| group.id);
        groups::store::set_of(tenant, tx, issuer, id, &theirs, now).await?;
    }
    Ok(Identity {
        participant_id: id,
        claims_at: described.proven.issued_at,
        roles_in_token: match is_complete || of_token.roles.is_some() {
            true => of_token.roles.is_some(),
            false => roles_stood,
        },
        groups_in_token: match is_complete || of_token.groups.is_some() {
            true => of_token.groups.is_some(),
            false => groups_stood,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_emptied_only_by_who_would_have_said_it() {
        let claimed = vec!["a"];
        assert_eq!(new_list(Some(&claimed), false, false), Some(vec!["a"]));
        assert_eq!(new_list::<&str>(None, true, false), Some(Vec::new()));
        assert_eq!(new_list::<&str>(None, false, true), Some(Vec::new()));
        assert_eq!(new_list::<&str>(None, false, false), None);
        assert_eq!(
            new_list(Some(&Vec::<&str>::new()), false, false),
            Some(Vec::new())
        );
    }
}
