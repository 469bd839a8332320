//! stub
#![allow(missing_docs, unused_variables)]
pub mod project {
    use crate::db::{DbError, Tx};
    use crate::events::core::ids::*;
    use crate::events::core::names::ServerName;
    use crate::events::model::Placed;
    use crate::tenants::Tenant;
    pub async fn apply(tenant: &Tenant, tx: &mut Tx, placed: &Placed) -> Result<(), DbError> {
        Ok(())
    }
    pub async fn refold(tenant: &Tenant, tx: &mut Tx, target: EventId) -> Result<(), DbError> {
        Ok(())
    }
    pub async fn erase_settled(
        tenant: &Tenant,
        tx: &mut Tx,
        room_id: RoomId,
        origin: &ServerName,
        seq: i64,
    ) -> Result<(), DbError> {
        Ok(())
    }
}
pub mod store {
    use crate::db::{DbError, Tx};
    use crate::events::core::ids::*;
    use crate::events::core::names::Fqid;
    use crate::rooms::core::decide::TargetFacts;
    use crate::tenants::Tenant;
    use std::collections::HashMap;
    use uuid::Uuid;
    #[derive(Clone, Debug, PartialEq, Eq, Hash)]
    pub struct SentKey {
        pub participant: ParticipantId,
        pub room: RoomId,
        pub event_uuid: Uuid,
    }
    #[derive(Clone, Debug)]
    pub struct SendRow {
        pub event_id: EventId,
        pub room_id: RoomId,
        pub participant_id: ParticipantId,
        pub event_uuid: Option<Uuid>,
        pub sent_by: Option<ParticipantId>,
    }
    pub async fn sent(
        tenant: &Tenant,
        tx: &mut Tx,
        keys: &[SentKey],
    ) -> Result<HashMap<SentKey, EventId>, DbError> {
        Ok(HashMap::new())
    }
    pub async fn record_sends(
        tenant: &Tenant,
        tx: &mut Tx,
        rows: &[SendRow],
    ) -> Result<(), DbError> {
        Ok(())
    }
    pub async fn move_markers(
        tenant: &Tenant,
        tx: &mut Tx,
        rows: &[(ParticipantId, RoomId, EventId, i64)],
    ) -> Result<(), DbError> {
        Ok(())
    }
    pub async fn facts(
        tenant: &Tenant,
        tx: &mut Tx,
        room: RoomId,
        target: EventId,
        actor: &Fqid,
        emoji: Option<&str>,
    ) -> Result<Option<TargetFacts>, DbError> {
        Ok(None)
    }
}
