//! The HTTP side of profiles and the directory of people.

use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};

use super::error::ProfileError;
use super::model::Participant;
use super::own::{self, OwnProfile, ProfileChange};
use super::rules;
use super::store::{self, Filter};
use crate::app::App;
use crate::db::Committed;
use crate::error::Result;
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::Fqid;
use crate::federation;
use crate::http::api::{Routes, get};
use crate::http::caller::Caller;
use crate::http::envelope::{Data, DataMeta};
use crate::http::json::{Body, nullable};
use crate::http::paging::{OffsetPage, Total};
use crate::http::path::Path;
use crate::http::query::Query;
use crate::presence::{self, State as Presence};

/// The routes of this domain.
pub fn routes() -> Routes<App> {
    Routes::new()
        .route("/v1/me", get(me).put(change_me))
        .route("/v1/profiles/{participant_id}", get(profile))
        .route("/v1/directory/participants", get(directory))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OwnView {
    #[serde(flatten)]
    profile: OwnProfile,
    presence: Presence,
}

impl OwnView {
    /// The person sees himself as he is, `appear_offline` included.
    fn new(app: &App, caller: &Caller, profile: OwnProfile) -> Self {
        let presence = app.presence().state(&caller.tenant, caller.participant_id);
        OwnView { profile, presence }
    }
}

async fn me(State(app): State<App>, caller: Caller) -> Result<Data<OwnView>> {
    let profile = own::get(&app, &caller).await?;
    Ok(Data(OwnView::new(&app, &caller, profile)))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct ChangeRequest {
    #[serde(default, deserialize_with = "nullable")]
    #[garde(custom(rules::display_name_if_changed))]
    display_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[garde(custom(rules::avatar_if_changed))]
    avatar_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[garde(custom(rules::bio_if_changed))]
    bio: Option<Option<String>>,
}

async fn change_me(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<ChangeRequest>,
) -> Result<Committed<Data<OwnView>>> {
    let ChangeRequest {
        display_name,
        avatar_url,
        bio,
    } = request;
    let change = ProfileChange {
        display_name,
        avatar_url,
        bio,
    };
    let changed = own::change(&app, &caller, change).await?;
    Ok(changed.map(|profile| Data(OwnView::new(&app, &caller, profile))))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct ProfileView {
    #[serde(flatten)]
    participant: Participant,
    bio: Option<String>,
    presence: Presence,
}

/// The path holds an id or a full name.
async fn profile(
    State(app): State<App>,
    caller: Caller,
    Path(named): Path<String>,
) -> Result<Data<ProfileView>> {
    let id = if named.starts_with('@') {
        let fqid: Option<Fqid> = named.parse().ok();
        fqid.map(|fqid| ParticipantId::derive(&fqid))
    } else {
        named.parse().ok()
    };
    let id = id.ok_or(ProfileError::NotFound)?;
    let participant = store::get(&caller.tenant, app.db().reader(), id)
        .await?
        .ok_or(ProfileError::NotFound)?;
    let (tenant, viewer) = (&caller.tenant, caller.participant_id);
    let presence = presence::state_of(&app, tenant, viewer, &participant).await?;
    Ok(Data(ProfileView {
        bio: participant.bio.clone(),
        presence,
        participant,
    }))
}

/// What clients call the kinds of participants.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum TypeFilter {
    Human,
    Model,
    Agent,
    Helper,
    Bridge,
    Federated,
}

impl TypeFilter {
    const fn as_str(self) -> &'static str {
        match self {
            TypeFilter::Human => "human",
            TypeFilter::Model => "model",
            TypeFilter::Agent => "agent",
            TypeFilter::Helper => "helper",
            TypeFilter::Bridge => "bridge",
            TypeFilter::Federated => "federated",
        }
    }
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct DirectoryQuery {
    q: Option<String>,
    #[serde(rename = "type")]
    participant_type: Option<TypeFilter>,
    #[serde(default)]
    include_federated: bool,
}

async fn directory(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<DirectoryQuery>,
    page: OffsetPage,
) -> Result<DataMeta<Vec<Participant>, Total>> {
    if let Some(q) = query.q.as_deref().filter(|_| query.include_federated) {
        federation::exchange::directory::search(&app, &caller.tenant, q).await?;
    }
    let filter = Filter {
        q: query.q.as_deref(),
        participant_type: query.participant_type.map(TypeFilter::as_str),
        include_federated: query.include_federated,
        suspended: None,
    };
    let (people, total) =
        store::list(&caller.tenant, app.db(), &filter, page.limit, page.offset).await?;
    Ok(DataMeta(people, Total { total }))
}
