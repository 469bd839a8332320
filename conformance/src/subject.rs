//! The server under test and what the suite was told about it.

use std::time::Duration;

use crate::cast::{Cast, GivenAccount};
use crate::client::call::Way;
use crate::client::transcript::Transcript;
use crate::client::{Agent, Bearer};
use crate::peer::Peer;

/// Everything that all checks of a run share.
pub struct Subject {
    /// How the server is reached.
    pub way: Way,
    /// The accounts of the tenant under test.
    pub cast: Cast,
    /// Accounts of another tenant of the same server, if told.
    pub other_tenant: Vec<GivenAccount>,
    /// The played peer, or why there is none.
    pub peer: Result<Peer, String>,
}

impl Subject {
    /// Somebody without a token, outside of any check.
    pub fn stranger(&self) -> Agent {
        Agent::new(self.way.clone(), Bearer::Nobody, Transcript::default())
    }

    /// Whether something answers there; an answer of any status will do.
    pub async fn reachable(&self) -> Result<(), String> {
        let health = format!("{}/health", self.way.base());
        let request = self.way.http().get(health).timeout(Duration::from_secs(10));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.without_url().to_string()),
        }
    }
}
