//! The own profile: what a person shows, and what only the person sees.

use serde::Serialize;
use serde_json::{Map, Value};

use super::announce;
use super::error::ProfileError;
use super::model::Participant;
use super::profile::{Avatar, MEDIA_PATH, check_avatar};
use super::store::{self, ProfileTexts};
use crate::app::App;
use crate::auth::access::Caller;
use crate::auth::roles::Roles;
use crate::auth::sessions::Change;
use crate::auth::store::accounts;
use crate::db::Committed;
use crate::events::core::ids::{MediaId, ParticipantId, TenantId};
use crate::events::core::names::Fqid;
use crate::groups::{self, GroupId};
use crate::media;
use crate::workspaces::{self, WorkspaceId};

/// The own profile (client specification, section 3).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct OwnProfile {
    participant_id: ParticipantId,
    local_id: String,
    fqid: Fqid,
    display_name: String,
    email: Option<String>,
    avatar_url: Option<String>,
    bio: Option<String>,
    personal_workspace_id: WorkspaceId,
    #[schema(value_type = Vec<String>)]
    roles: Roles,
    groups: Vec<GroupId>,
    tenant: OwnTenant,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
struct OwnTenant {
    id: TenantId,
    slug: String,
    name: String,
    features: Map<String, Value>,
}

/// What a person changes; absent is as before, null goes back to what was given.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// The name to show; null: the name that an admin or a provider gave.
    pub display_name: Option<Option<String>>,
    /// A picture; null: the one that a provider gave.
    pub avatar_url: Option<Option<String>>,
    /// A text about himself.
    pub bio: Option<Option<String>>,
}

/// The caller's profile.
///
/// # Errors
/// [`ProfileError::NotFound`] if the account has gone meanwhile.
pub async fn get(app: &App, caller: &Caller) -> Result<OwnProfile, ProfileError> {
    let reader = app.db().reader();
    let participant = store::get(&caller.tenant, reader, caller.participant_id).await?;
    let account = accounts::get(&caller.tenant, reader, caller.participant_id).await?;
    let participant = participant.ok_or(ProfileError::NotFound)?;
    let groups = groups::store::of(&caller.tenant, reader, caller.participant_id).await?;
    let email = account.and_then(|account| account.email);
    Ok(view(caller, participant, email, groups))
}

/// Changes the caller's profile.
///
/// # Errors
/// [`ProfileError::Media`] for a picture that is no media which the caller may read.
pub async fn change(
    app: &App,
    caller: &Caller,
    mut change: ProfileChange,
) -> Result<Committed<OwnProfile>, ProfileError> {
    let Caller {
        tenant,
        participant_id,
        ..
    } = caller;
    let mut picture = None;
    if let Some(Some(url)) = &mut change.avatar_url
        && let Ok(Avatar::Media(id)) = check_avatar(url)
    {
        let kept = media::attach::keep(app, caller, MediaId(id)).await?;
        picture = Some(kept.media_id);
        // In one form, by which it is found again.
        *url = format!("{MEDIA_PATH}{}", kept.media_id);
    }
    let mut tx = app.db().begin().await?;
    accounts::lock(tenant, &mut tx, *participant_id).await?;
    let participant = store::get(tenant, tx.conn(), *participant_id).await?;
    let account = accounts::get(tenant, tx.conn(), *participant_id).await?;
    let mut participant = participant.ok_or(ProfileError::NotFound)?;
    let account = account.ok_or(ProfileError::NotFound)?;
    let (mut own_name, mut own_avatar) = (account.own_name, account.own_avatar);
    if let Some(name) = change.display_name {
        own_name = name.is_some();
        participant.display_name = name.unwrap_or(account.given_name);
    }
    if let Some(url) = change.avatar_url {
        own_avatar = url.is_some();
        participant.avatar_url = url.or(account.given_avatar);
    }
    accounts::set_own(tenant, &mut tx, *participant_id, (own_name, own_avatar)).await?;
    if let Some(bio) = change.bio {
        participant.bio = bio;
    }
    let texts = ProfileTexts {
        display_name: &participant.display_name,
        avatar_url: participant.avatar_url.as_deref(),
        bio: participant.bio.as_deref(),
        email: account.email.as_deref(),
    };
    store::set_profile(
        tenant,
        &mut tx,
        &participant.fqid,
        &texts,
        app.clock().now_ms(),
    )
    .await?;
    if let Some(picture) = picture {
        media::store::own::referenced(tenant, &mut tx, picture).await?;
    }
    let groups = groups::store::of(tenant, tx.conn(), *participant_id).await?;
    let profile = view(caller, participant, account.email, groups);
    let changed = Change::of_person(*participant_id);
    let committed = app
        .auth()
        .sessions
        .commit(tenant, tx, changed, profile)
        .await?;
    announce::changed(app, tenant, *participant_id).await;
    Ok(committed)
}

fn view(
    caller: &Caller,
    participant: Participant,
    email: Option<String>,
    groups: Vec<GroupId>,
) -> OwnProfile {
    let tenant = &caller.tenant;
    OwnProfile {
        participant_id: participant.id,
        local_id: participant.fqid.local_id().to_string(),
        fqid: participant.fqid,
        display_name: participant.display_name,
        email,
        avatar_url: participant.avatar_url,
        bio: participant.bio,
        personal_workspace_id: workspaces::personal_id(tenant, caller.participant_id),
        roles: caller.roles.clone(),
        groups,
        tenant: OwnTenant {
            id: tenant.id(),
            slug: tenant.slug().to_owned(),
            name: tenant.name().to_owned(),
            features: tenant.features().clone(),
        },
    }
}
