//! The federation policy of the server under test: allowing the played peer for a run, and putting back what was before.

use serde_json::{Value, json};

use crate::check::Stop;
use crate::subject::Subject;

/// Where the policy stands.
pub const PATH: &str = "/v1/admin/federation/policy";

/// The policy as it was.
pub struct PolicyBefore(Value);

impl PolicyBefore {
    /// Allows `peer` beside the others.
    pub async fn allow(subject: &Subject, peer: &str) -> Result<Self, Stop> {
        let admin = subject.stranger().with_bearer(subject.cast.admin()?);
        let before = admin.get(PATH).await?.ok()?;
        let others = |list: &str| -> Vec<Value> {
            let names = before[list].as_array().cloned().unwrap_or_default();
            names.into_iter().filter(|name| name != peer).collect()
        };
        let mut allowed = others("allowed_peers");
        allowed.push(json!(peer));
        let change = json!({
            "default_mode": "invite_only", "allowed_peers": allowed, "denied_peers": others("denied_peers"),
        });
        admin.put(PATH, change).await?.ok()?;
        Ok(Self(before))
    }

    /// Puts it back, as far as that can be done.
    pub async fn restore(self, subject: &Subject) {
        if let Ok(bearer) = subject.cast.admin() {
            let admin = subject.stranger().with_bearer(bearer);
            // The run is over: a server that is gone by now needs no policy.
            let _ = admin.put(PATH, self.0).await;
        }
    }
}
