//! People and other participants as the program and clients see them (client specification, section 3).

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use utoipa::__dev::ComposeSchema;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::events::core::ids::ParticipantId;
use crate::events::core::names::{Fqid, LocalId, ServerName};

/// What a participant is on its home server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A person.
    Human,
    /// An AI assistant.
    Model,
    /// A sidekick at work in its own room.
    Agent,
    /// A specialist AI, one shot, never a full member.
    Helper,
    /// The shadow of a person outside.
    Bridge,
}

/// The text is not a kind of participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of participant")]
pub struct UnknownKind;

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] = [
        Kind::Human,
        Kind::Model,
        Kind::Agent,
        Kind::Helper,
        Kind::Bridge,
    ];

    /// The word for it, as stored, signed in profiles and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Human => "human",
            Kind::Model => "model",
            Kind::Agent => "agent",
            Kind::Helper => "helper",
            Kind::Bridge => "bridge",
        }
    }

    /// Whether it counts against the tenant's `max_participants`.
    pub const fn takes_a_place(self) -> bool {
        matches!(self, Kind::Human | Kind::Model)
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownKind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// Somebody who can be named in a tenant, local or from another server. Serialises as the specification's
/// `Participant`, so that responses can hold it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Made from the FQID.
    pub id: ParticipantId,
    /// The full name.
    pub fqid: Fqid,
    /// What it is at home. Clients see `federated` for other servers' participants.
    pub kind: Kind,
    /// Whether this tenant is its home.
    pub is_local: bool,
    /// 1 to 100 characters.
    pub display_name: String,
    /// An `https` address, or the path of a media download.
    pub avatar_url: Option<String>,
    /// What the person says about himself; shown in profiles only.
    pub bio: Option<String>,
    /// The model behind an AI.
    pub model_id: Option<String>,
    /// Whether an admin suspended the account.
    pub suspended: bool,
}

impl Participant {
    /// The word that clients see: the kind, or `federated` for other servers' participants.
    pub fn participant_type(&self) -> &'static str {
        if self.is_local {
            self.kind.as_str()
        } else {
            "federated"
        }
    }
}

impl Serialize for Participant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = Shown {
            id: self.id,
            local_id: self.fqid.local_id(),
            server_name: self.fqid.server_name(),
            fqid: &self.fqid,
            display_name: &self.display_name,
            participant_type: self.participant_type(),
            avatar_url: self.avatar_url.as_deref(),
            model_id: self.model_id.as_deref(),
            suspended: self.suspended,
        };
        shown.serialize(serializer)
    }
}

/// Somebody as clients see him (client specification, section 3).
#[derive(Serialize, ToSchema)]
struct Shown<'a> {
    id: ParticipantId,
    local_id: &'a LocalId,
    server_name: &'a ServerName,
    fqid: &'a Fqid,
    display_name: &'a str,
    participant_type: &'a str,
    avatar_url: Option<&'a str>,
    model_id: Option<&'a str>,
    suspended: bool,
}

/// The schema is that of what it serialises as.
impl ComposeSchema for Participant {
    fn compose(generics: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        Shown::compose(generics)
    }
}

impl ToSchema for Participant {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Shown::schemas(schemas);
    }
}

/// What another server says about one of its participants.
#[derive(Clone, Debug)]
pub struct ForeignProfile {
    /// Who it is about.
    pub fqid: Fqid,
    /// What it is at home.
    pub kind: Kind,
    /// The name to show.
    pub display_name: String,
    /// A picture.
    pub avatar_url: Option<String>,
    /// A text about himself.
    pub bio: Option<String>,
    /// When the profile was made, Unix milliseconds: an older one than the stored changes nothing.
    pub ts: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice(is_local: bool) -> Participant {
        let fqid: Fqid = "@alice:a.example".parse().unwrap();
        Participant {
            id: ParticipantId::derive(&fqid),
            fqid,
            kind: Kind::Human,
            is_local,
            display_name: "Alice".to_owned(),
            avatar_url: None,
            bio: Some("not shown".to_owned()),
            model_id: None,
            suspended: false,
        }
    }

    #[test]
    fn the_shape_is_the_specification_s() {
        let shown = serde_json::to_value(alice(true)).unwrap();
        let keys: Vec<&str> = shown
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut expected = vec![
            "id",
            "local_id",
            "server_name",
            "fqid",
            "display_name",
            "participant_type",
            "avatar_url",
            "model_id",
            "suspended",
        ];
        expected.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, expected);
        assert_eq!(shown["participant_type"], "human");
    }

    #[test]
    fn people_from_other_servers_are_federated() {
        assert_eq!(alice(false).participant_type(), "federated");
    }

    #[test]
    fn kinds_read_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("federated".parse::<Kind>(), Err(UnknownKind));
    }
}
