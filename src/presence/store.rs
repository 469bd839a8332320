//! The table `presence_choices`.

use super::model::Choice;
use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::ParticipantId;
use crate::tenants::Tenant;

/// The state that a person has set by hand.
pub async fn choice(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
) -> Result<Choice, DbError> {
    let sql = "SELECT choice FROM presence_choices WHERE tenant = $1 AND participant_id = $2";
    let word: Option<String> = sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(participant.to_string())
        .fetch_optional(db.reader())
        .await?;
    word.map_or(Ok(Choice::Auto), |word| {
        word.parse()
            .map_err(|error| DbError::unreadable("presence_choices", "choice", error))
    })
}

/// Records the state that a person sets by hand.
pub async fn set_choice(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    choice: Choice,
) -> Result<(), DbError> {
    let sql = match choice {
        Choice::Auto => {
            "DELETE FROM presence_choices WHERE tenant = $1 AND participant_id = $2 AND choice <> $3"
        }
        Choice::Fixed(_) => {
            "INSERT INTO presence_choices (tenant, participant_id, choice) VALUES ($1, $2, $3)
             ON CONFLICT (tenant, participant_id) DO UPDATE SET choice = excluded.choice"
        }
    };
    sqlx::query(sql)
        .bind(tenant.key())
        .bind(participant.to_string())
        .bind(choice.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}
