//! What the actions of a request document ask for (federation specification, "Actions"): as bounded as what clients of this
//! server may ask.

use garde::Validate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::reading::malformed;
use crate::app::App;
use crate::error::Result;
use crate::events::core::names::Fqid;
use crate::federation::error::FederationError;
use crate::federation::exchange::document::Request;
use crate::http::fields::validate;
use crate::participants;
use crate::rooms::core::content::{LogPosition, OriginKey, SettingsChange};
use crate::rooms::core::decide::{Command, Invitee, Joining, Restart};
use crate::rooms::model::{MAX_REASON, NewSettings, NewTopic, Rename};
use crate::tenants::Tenant;

/// Names in each of a room's lists of servers, at most.
const MOST_SERVERS: usize = 1000;

/// Why somebody does something.
#[derive(Deserialize, Validate)]
#[garde(allow_unvalidated)]
struct Why {
    #[garde(inner(length(chars, max = MAX_REASON)))]
    reason: Option<String>,
}

/// What the action asks for.
pub(super) async fn command(app: &App, tenant: &Tenant, request: &Request) -> Result<Command> {
    let content = &request.content;
    Ok(match request.action.as_str() {
        "join" => Command::Join(joining(content)?),
        "rejoin" => Command::Rejoin(joining(content)?),
        "decline" => Command::Decline,
        "invite" => {
            let target = known(app, tenant, content).await?;
            if let Some(person) = target
                .as_ref()
                .filter(|person| person.server_name() != tenant.server_name())
            {
                let policy = app.federation().policies().get(tenant).await?;
                let refused = policy.require(person.server_name());
                refused.map_err(FederationError::from)?;
            }
            let profile = profile(content)?;
            let target = target.map(|person| Invitee {
                person,
                profile,
                holds_role: false,
            });
            Command::Invite {
                target,
                reason: checked::<Why>(content)?.reason,
            }
        }
        "withdraw_invitation" => Command::WithdrawInvitation {
            target: Some(person(content)?),
        },
        "kick" => Command::Kick {
            target: Some(person(content)?),
            reason: checked::<Why>(content)?.reason,
        },
        "ban" => Command::Ban {
            target: Some(person(content)?),
            reason: checked::<Why>(content)?.reason,
        },
        "unban" => Command::Unban {
            target: Some(person(content)?),
        },
        "member_level" => {
            let level = content.get("power_level").and_then(Value::as_u64);
            let level = level
                .and_then(|level| u8::try_from(level).ok())
                .filter(|level| *level <= 100);
            Command::SetLevel {
                target: Some(person(content)?),
                level: level.ok_or_else(|| malformed("body.content.power_level"))?,
            }
        }
        "power_levels" => Command::SetLevels(part(content, "power_levels")?),
        "name" => Command::SetName(checked::<Rename>(content)?.name),
        "topic" => Command::SetTopic(checked::<NewTopic>(content)?.topic.flatten()),
        "settings" => Command::ChangeSettings(settings(content)?),
        "pin" => Command::Pin {
            target: part(content, "event_id")?,
            action: part(content, "action")?,
        },
        "archive" => Command::Archive,
        "close" => Command::Close,
        "log_restart" => Command::AskRestart(Restart {
            stands_by: part(content, "stands_by")?,
            key: part(content, "key")?,
        }),
        _ => return Err(malformed("body.action")),
    })
}

fn joining(content: &Value) -> Result<Joining> {
    let key: OriginKey = part(content, "key")?;
    let after: LogPosition = part(content, "after")?;
    Ok(Joining {
        profile: profile(content)?,
        key: Some(key),
        after: Some(after),
        holds_role: false,
    })
}

/// A signed profile, which goes into an event as it is: what a document is not, it may not be. Whoever reads it there checks
/// what it says.
fn profile(content: &Value) -> Result<Option<Value>> {
    match content.get("profile") {
        None | Some(Value::Null) => Ok(None),
        Some(profile) if profile.is_object() => Ok(Some(profile.clone())),
        Some(_) => Err(malformed("body.content.profile")),
    }
}

/// Somebody who may be invited: a local person, or anybody of another server.
async fn known(app: &App, tenant: &Tenant, content: &Value) -> Result<Option<Fqid>> {
    let person = person(content)?;
    if person.server_name() != tenant.server_name() {
        return Ok(Some(person));
    }
    let found = participants::store::by_fqid(tenant, app.db().reader(), &person).await?;
    Ok(found.map(|found| found.fqid))
}

fn person(content: &Value) -> Result<Fqid> {
    part(content, "participant")
}

fn part<T: DeserializeOwned>(content: &Value, name: &str) -> Result<T> {
    part_of(content.get(name).unwrap_or(&Value::Null))
}

fn part_of<T: DeserializeOwned>(value: &Value) -> Result<T> {
    T::deserialize(value).map_err(|_| malformed("body.content"))
}

/// A value within the bounds that clients of this server have, too.
fn checked<T: DeserializeOwned + Validate<Context = ()>>(content: &Value) -> Result<T> {
    let value = T::deserialize(content).map_err(|_| malformed("body.content"))?;
    validate(&value, "body.content")?;
    Ok(value)
}

/// Peers may also set the lists of servers; the workspaces of this one are not theirs.
fn settings(content: &Value) -> Result<SettingsChange> {
    checked::<NewSettings>(content)?;
    let change: SettingsChange = part_of(content)?;
    let lists = [&change.allowed_servers, &change.denied_servers];
    let is_long = |list: &Vec<_>| list.len() > MOST_SERVERS;
    if lists.into_iter().flatten().any(is_long) {
        return Err(malformed("body.content"));
    }
    Ok(SettingsChange {
        workspace_id: None,
        ..change
    })
}
