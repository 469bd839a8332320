//! What a group is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::events::core::hash::Hash;
use crate::events::core::ids::ParticipantId;
use crate::tenants::Tenant;

/// First line of what a mirrored group's id is the hash of.
const MIRRORED_PREFIX: &str = "scaiwave-group-v1";

/// Which group.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct GroupId(pub Uuid);

impl fmt::Display for GroupId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for GroupId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(GroupId)
    }
}

/// A group as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub id: GroupId,
    /// For people.
    pub name: String,
    /// Slugs of the roles that come with it.
    pub role_slugs: Vec<String>,
}

/// A group as the directory shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct GroupView {
    /// Which.
    pub id: GroupId,
    /// For people.
    pub name: String,
    /// Slugs of the roles that come with it.
    pub role_slugs: Vec<String>,
    /// How many of its members have an account here.
    pub member_count: i64,
}

/// A group as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AdminGroup {
    /// Which.
    pub id: GroupId,
    /// For people.
    pub name: String,
    /// Slugs of the roles that come with it.
    pub role_slugs: Vec<String>,
    /// Who is in it, the first 1000 by id.
    pub member_ids: Vec<ParticipantId>,
    /// How many are.
    pub member_count: i64,
    /// Whether it is the identity provider's, and changed there.
    pub read_only: bool,
}

impl Group {
    /// A group of a provider: the same id whoever's sign-in names it.
    pub fn mirrored(
        tenant: &Tenant,
        issuer: &str,
        external_id: &str,
        name: String,
        role_slugs: Vec<String>,
    ) -> Self {
        let named = format!(
            "{MIRRORED_PREFIX}\n{}\n{issuer}\n{external_id}",
            tenant.id()
        );
        Group {
            id: GroupId(Hash::of(named.as_bytes()).to_uuid()),
            name,
            role_slugs,
        }
    }
}
