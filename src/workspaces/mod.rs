//! Workspaces: where rooms and notes belong. So far everybody has exactly one, the personal one, made with the account.
//!
//! Its id follows from tenant and person, so that who needs it asks no database. Uses `db` and `tenants`.

mod error;
mod model;
pub mod store;

use sha2::{Digest, Sha256};

pub use error::WorkspaceError;
pub use model::WorkspaceId;

use crate::events::core::ids::ParticipantId;
use crate::tenants::Tenant;

/// First line of what a personal workspace's id is the hash of.
const PERSONAL_PREFIX: &str = "scaiwave-personal-workspace-v1";

/// The personal workspace of a local participant: UUIDv8 of the SHA-256 of prefix, tenant and participant.
pub fn personal_id(tenant: &Tenant, participant: ParticipantId) -> WorkspaceId {
    personal_id_in(&tenant.id().to_string(), participant)
}

fn personal_id_in(tenant: &str, participant: ParticipantId) -> WorkspaceId {
    let hash: [u8; 32] =
        Sha256::digest(format!("{PERSONAL_PREFIX}\n{tenant}\n{participant}")).into();
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(hash)
        .for_each(|(byte, of_hash)| *byte = of_hash);
    WorkspaceId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// The workspace that a request names for something new, the personal one where it names none.
///
/// # Errors
/// `SW_WORKSPACE_NOT_FOUND` for every workspace but the own personal one.
pub fn choose(
    tenant: &Tenant,
    participant: ParticipantId,
    named: Option<WorkspaceId>,
) -> Result<WorkspaceId, WorkspaceError> {
    let personal = personal_id(tenant, participant);
    match named {
        None => Ok(personal),
        Some(named) if named == personal => Ok(personal),
        Some(_) => Err(WorkspaceError::NotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_personal_workspace_follows_from_tenant_and_person() {
        let alice: ParticipantId = "018f0000-0000-8000-8000-000000000001".parse().unwrap();
        let bob: ParticipantId = "018f0000-0000-8000-8000-000000000002".parse().unwrap();
        let id = personal_id_in("t1", alice);
        assert_eq!(id, personal_id_in("t1", alice));
        assert_ne!(id, personal_id_in("t1", bob));
        assert_ne!(id, personal_id_in("t2", alice));
        assert_eq!(id.0.get_version_num(), 8);
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}
