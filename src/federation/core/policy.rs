//! Whom a tenant federates with: checks 3 and 4 of a request, and the same question for a server that is to be called.
//! Pure; stored and served by `federation`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::catalogue::Code;
use crate::error::{Coded, Reason};
use crate::events::core::names::ServerName;

/// Most names in each of the two lists.
pub const MAX_LISTED_PEERS: usize = 1_000;

/// Most foreign members that a tenant may allow in one room.
pub const MAX_FOREIGN_PARTICIPANTS: u32 = 100_000;

/// Most events on one page of backfill, whatever the policy says.
pub const MAX_BACKFILL_PAGE: u32 = 1_000;

/// Who may federate when neither list names a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DefaultMode {
    /// Everybody who is not denied.
    Open,
    /// Only `allowed_peers`.
    InviteOnly,
    /// Nobody: federation is off, whatever the lists say.
    Closed,
}

/// A tenant's federation policy, as `GET /v1/admin/federation/policy` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Policy {
    /// What holds for servers that no list names.
    pub default_mode: DefaultMode,
    /// Servers that may call.
    pub allowed_peers: BTreeSet<ServerName>,
    /// Servers that may not, even if allowed.
    pub denied_peers: BTreeSet<ServerName>,
    /// Most members from other servers in a room of this tenant.
    pub max_foreign_participants_per_room: u32,
    /// Most events that one backfill request gets, 0 to refuse backfill.
    pub max_backfill_events_per_request: u32,
    /// Whether peers may look for people by name.
    pub open_directory: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            default_mode: DefaultMode::InviteOnly,
            allowed_peers: BTreeSet::new(),
            denied_peers: BTreeSet::new(),
            max_foreign_participants_per_room: 50,
            max_backfill_events_per_request: MAX_BACKFILL_PAGE,
            open_directory: false,
        }
    }
}

/// What the policy says about one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// May call and be called.
    Allowed,
    /// Federation is off.
    Closed,
    /// In `denied_peers`.
    Denied,
    /// Neither allowed nor denied, and the mode is not `open`.
    Unknown,
}

/// Why a server is refused by the policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Check 3.
    #[error("federation is turned off here")]
    Closed,
    /// Check 4. A denied server is not told apart from an unknown one.
    #[error("{0} is not among the servers that this one federates with")]
    Peer(ServerName),
}

impl Coded for Refused {
    fn code(&self) -> Code {
        match self {
            Self::Closed => Code::FedRefused,
            Self::Peer(_) => Code::FedPeerUnknown,
        }
    }
}

impl Policy {
    /// What the policy says about `server`.
    #[must_use]
    pub fn judge(&self, server: &ServerName) -> Verdict {
        if self.default_mode == DefaultMode::Closed {
            Verdict::Closed
        } else if self.denied_peers.contains(server) {
            Verdict::Denied
        } else if self.default_mode == DefaultMode::Open || self.allowed_peers.contains(server) {
            Verdict::Allowed
        } else {
            Verdict::Unknown
        }
    }

    /// Check 3: federation is not turned off.
    ///
    /// # Errors
    /// [`Refused::Closed`].
    pub fn require_open(&self) -> Result<(), Refused> {
        match self.default_mode {
            DefaultMode::Open | DefaultMode::InviteOnly => Ok(()),
            DefaultMode::Closed => Err(Refused::Closed),
        }
    }

    /// Checks 3 and 4 for `server`, which calls, or is to be called.
    ///
    /// # Errors
    /// [`Refused`], which carries the check's code.
    pub fn require(&self, server: &ServerName) -> Result<(), Refused> {
        match self.judge(server) {
            Verdict::Allowed => Ok(()),
            Verdict::Closed => Err(Refused::Closed),
            Verdict::Denied | Verdict::Unknown => Err(Refused::Peer(server.clone())),
        }
    }

    /// How many events a backfill page may hold when the caller asks for `limit`; 0 refuses with an empty page.
    #[must_use]
    pub fn backfill_limit(&self, limit: u32) -> u32 {
        limit
            .min(self.max_backfill_events_per_request)
            .min(MAX_BACKFILL_PAGE)
    }

    /// The policy with everything replaced that `change` names.
    ///
    /// # Errors
    /// The first key that cannot be taken, with the reason; nothing is changed then.
    pub fn merged(&self, change: PolicyChange) -> Result<Self, InvalidPolicy> {
        let mut next = self.clone();
        if let Some(mode) = change.default_mode {
            next.default_mode = mode;
        }
        if let Some(names) = change.allowed_peers {
            next.allowed_peers = parse_peers("allowed_peers", &names)?;
        }
        if let Some(names) = change.denied_peers {
            next.denied_peers = parse_peers("denied_peers", &names)?;
        }
        if let Some(max) = change.max_foreign_participants_per_room {
            next.max_foreign_participants_per_room = bounded(
                "max_foreign_participants_per_room",
                max,
                MAX_FOREIGN_PARTICIPANTS,
            )?;
        }
        if let Some(max) = change.max_backfill_events_per_request {
            next.max_backfill_events_per_request =
                bounded("max_backfill_events_per_request", max, MAX_BACKFILL_PAGE)?;
        }
        if let Some(open) = change.open_directory {
            next.open_directory = open;
        }
        Ok(next)
    }
}

/// The body of `PUT /v1/admin/federation/policy`: absent keys stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, garde::Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub struct PolicyChange {
    /// See [`Policy::default_mode`].
    pub default_mode: Option<DefaultMode>,
    /// See [`Policy::allowed_peers`]; replaces the whole list.
    pub allowed_peers: Option<Vec<String>>,
    /// See [`Policy::denied_peers`]; replaces the whole list.
    pub denied_peers: Option<Vec<String>>,
    /// See [`Policy::max_foreign_participants_per_room`].
    pub max_foreign_participants_per_room: Option<i64>,
    /// See [`Policy::max_backfill_events_per_request`].
    pub max_backfill_events_per_request: Option<i64>,
    /// See [`Policy::open_directory`].
    pub open_directory: Option<bool>,
}

/// A key of a [`PolicyChange`] that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// An entry is no server name.
    #[error("is not a server name (host or host:port)")]
    Name {
        /// The list.
        key: &'static str,
        /// Where in it.
        index: usize,
    },
    /// Too many entries.
    #[error("at most {MAX_LISTED_PEERS} servers can be listed")]
    TooMany {
        /// The list.
        key: &'static str,
    },
    /// A number outside its bounds.
    #[error("must be between 0 and {max}")]
    OutOfRange {
        /// The key.
        key: &'static str,
        /// The largest value that it takes.
        max: u32,
    },
}

impl InvalidPolicy {
    /// Where in the body the fault is, as a field path.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::Name { key, index } => format!("{key}[{index}]"),
            Self::TooMany { key } | Self::OutOfRange { key, .. } => (*key).to_owned(),
        }
    }

    /// The kind of fault, in the fixed words of the client API.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Name { .. } => Reason::Format,
            Self::TooMany { .. } => Reason::Length,
            Self::OutOfRange { .. } => Reason::Range,
        }
    }
}

/// People type names with capitals and blanks; servers have them in lower case.
fn parse_peers(key: &'static str, names: &[String]) -> Result<BTreeSet<ServerName>, InvalidPolicy> {
    if names.len() > MAX_LISTED_PEERS {
        return Err(InvalidPolicy::TooMany { key });
    }
    names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            name.trim()
                .to_ascii_lowercase()
                .parse()
                .map_err(|_| InvalidPolicy::Name { key, index })
        })
        .collect()
}

fn bounded(key: &'static str, value: i64, max: u32) -> Result<u32, InvalidPolicy> {
    u32::try_from(value)
        .ok()
        .filter(|value| *value <= max)
        .ok_or(InvalidPolicy::OutOfRange { key, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ServerName {
        text.parse().unwrap()
    }

    fn policy(mode: DefaultMode, allowed: &[&str], denied: &[&str]) -> Policy {
        Policy {
            default_mode: mode,
            allowed_peers: allowed.iter().map(|n| name(n)).collect(),
            denied_peers: denied.iter().map(|n| name(n)).collect(),
            ..Policy::default()
        }
    }

    #[test]
    fn new_tenants_federate_with_listed_peers_only() {
        let policy = Policy::default();
        assert_eq!(policy.judge(&name("b.example")), Verdict::Unknown);
        assert_eq!(policy.max_foreign_participants_per_room, 50);
        assert_eq!(policy.max_backfill_events_per_request, 1000);
    }

    #[test]
    fn the_mode_and_the_lists_decide_together() {
        use DefaultMode::*;
        for (mode, allowed, denied, expected) in [
            (Open, &[][..], &[][..], Verdict::Allowed),
            (Open, &[][..], &["b.example"][..], Verdict::Denied),
            (
                Open,
                &["b.example"][..],
                &["b.example"][..],
                Verdict::Denied,
            ),
            (InviteOnly, &[][..], &[][..], Verdict::Unknown),
            (InviteOnly, &["b.example"][..], &[][..], Verdict::Allowed),
            (
                InviteOnly,
                &["b.example:8448"][..],
                &[][..],
                Verdict::Unknown,
            ),
            (
                InviteOnly,
                &["b.example"][..],
                &["b.example"][..],
                Verdict::Denied,
            ),
            (Closed, &["b.example"][..], &[][..], Verdict::Closed),
            (Closed, &[][..], &["b.example"][..], Verdict::Closed),
        ] {
            let policy = policy(mode, allowed, denied);
            assert_eq!(policy.judge(&name("b.example")), expected, "{policy:?}");
        }
    }

    #[test]
    fn refusals_carry_the_codes_of_checks_3_and_4() {
        let code = |policy: &Policy| policy.require(&name("b.example")).map_err(|e| e.code());
        assert_eq!(
            code(&policy(DefaultMode::Closed, &["b.example"], &[])),
            Err(Code::FedRefused)
        );
        assert_eq!(
            code(&policy(DefaultMode::Open, &[], &["b.example"])),
            Err(Code::FedPeerUnknown)
        );
        assert_eq!(code(&Policy::default()), Err(Code::FedPeerUnknown));
        assert_eq!(code(&policy(DefaultMode::Open, &[], &[])), Ok(()));
    }

    #[test]
    fn a_change_replaces_only_what_it_names() {
        let before = policy(DefaultMode::Open, &["b.example"], &["c.example"]);
        let change = serde_json::from_str(
            r#"{"allowed_peers": [" D.Example ", "d.example", "localhost:8001"]}"#,
        )
        .unwrap();
        let after = before.merged(change).unwrap();
        assert_eq!(
            after,
            policy(
                DefaultMode::Open,
                &["d.example", "localhost:8001"],
                &["c.example"]
            )
        );
        assert_eq!(before.merged(PolicyChange::default()).unwrap(), before);
    }

    #[test]
    fn a_change_that_cannot_be_taken_names_its_key() {
        let path = |body: &str| {
            let change = serde_json::from_str(body).unwrap();
            Policy::default().merged(change).unwrap_err().path()
        };
        assert_eq!(
            path(r#"{"denied_peers": ["b.example", "not a name"]}"#),
            "denied_peers[1]"
        );
        assert_eq!(
            path(r#"{"max_backfill_events_per_request": 1001}"#),
            "max_backfill_events_per_request"
        );
        assert_eq!(
            path(r#"{"max_foreign_participants_per_room": -1}"#),
            "max_foreign_participants_per_room"
        );
        let many = vec!["b.example".to_owned(); MAX_LISTED_PEERS + 1];
        let change = PolicyChange {
            allowed_peers: Some(many),
            ..PolicyChange::default()
        };
        assert_eq!(
            Policy::default().merged(change).unwrap_err().path(),
            "allowed_peers"
        );
    }

    #[test]
    fn backfill_is_capped_by_the_policy_and_may_be_refused() {
        let capped = |max| Policy {
            max_backfill_events_per_request: max,
            ..Policy::default()
        };
        assert_eq!(capped(1000).backfill_limit(400), 400);
        assert_eq!(capped(100).backfill_limit(400), 100);
        assert_eq!(capped(0).backfill_limit(400), 0);
    }
}
