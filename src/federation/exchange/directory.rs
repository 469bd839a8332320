//! Looking for people on other servers, where those let others look.

use std::time::Duration;

use futures::{StreamExt, stream};
use http::{Method, StatusCode};
use moka::sync::Cache;
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::db::DbError;
use crate::error::Result;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::KeyId;
use crate::federation::client::Call;
use crate::federation::core::descriptor::FEDERATION_PATH;
use crate::federation::store::peers;
use crate::participants::{self, ForeignProfile};
use crate::rooms::profiles;
use crate::tenants::Tenant;

/// How long a search may take, over all servers.
const PATIENCE: Duration = Duration::from_secs(2);
/// Servers that one search asks, those first that were heard of last.
const MOST_SERVERS: usize = 32;
/// Servers that are looked through for those.
const MOST_KNOWN: i64 = 1000;
/// Profiles asked of each.
const MOST_PROFILES: usize = 20;
/// The longest text that is searched for, in characters.
const LONGEST: usize = 100;
/// Largest answer.
const MAX_ANSWER_BYTES: usize = 512 << 10;
/// How long the same is not asked again.
const MEMORY: Duration = Duration::from_secs(60);
/// How long a server is not asked again that lets nobody look.
const CLOSED_FOR: Duration = Duration::from_secs(3600);

/// What was asked of whom lately.
pub struct Searches {
    asked: Cache<(i64, ServerName, String), ()>,
    closed: Cache<(i64, ServerName), ()>,
}

impl Default for Searches {
    fn default() -> Self {
        Self {
            asked: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(MEMORY)
                .build(),
            closed: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(CLOSED_FOR)
                .build(),
        }
    }
}

/// Asks the servers that are there for people whose name contains `text`, and keeps the profiles that come in time. What
/// goes wrong with a server is its own affair.
///
/// # Errors
/// The database's.
pub async fn search(app: &App, tenant: &Tenant, text: &str) -> Result<(), DbError> {
    let text = text.trim().to_lowercase();
    if text.is_empty() || text.chars().count() > LONGEST {
        return Ok(());
    }
    let policy = app.federation().policies().get(tenant).await?;
    let servers = peers::reachable(tenant, app.db(), app.now(), MOST_KNOWN).await?;
    let searches = app.searches();
    let to_ask = servers.into_iter().filter(|server| {
        let key = (tenant.key(), server.clone());
        let question = (tenant.key(), server.clone(), text.clone());
        policy.require(server).is_ok()
            && !searches.closed.contains_key(&key)
            && !searches.asked.contains_key(&question)
    });
    let to_ask = to_ask.take(MOST_SERVERS);
    let text = text.as_str();
    let asking = stream::iter(to_ask).for_each_concurrent(None, |server| async move {
        if let Err(error) = ask(app, tenant, &server, text).await {
            tracing::debug!(%error, %server, "a server's directory could not be searched");
        }
    });
    // Whoever does not answer in time is left out.
    let _in_time = tokio::time::timeout(PATIENCE, asking).await;
    Ok(())
}

async fn ask(app: &App, tenant: &Tenant, server: &ServerName, text: &str) -> Result<()> {
    #[derive(Deserialize)]
    struct Answer {
        profiles: Vec<Value>,
    }
    let query: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("q", text)
        .append_pair("limit", &MOST_PROFILES.to_string())
        .finish();
    let path = format!("{FEDERATION_PATH}/directory?{query}");
    let call = Call {
        method: Method::GET,
        path_and_query: &path,
        body: None,
        max_response: MAX_ANSWER_BYTES,
    };
    let response = app.federation().call(tenant, server, call).await?;
    let searches = app.searches();
    match response.status {
        StatusCode::OK => {}
        // It has no such page, or lets nobody look.
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            searches.closed.insert((tenant.key(), server.clone()), ());
            return Ok(());
        }
        _ => return Ok(()),
    }
    let question = (tenant.key(), server.clone(), text.to_owned());
    searches.asked.insert(question, ());
    let Ok(answer) = serde_json::from_slice::<Answer>(&response.body) else {
        return Ok(());
    };
    let mut believed = Vec::new();
    for document in answer.profiles.iter().take(MOST_PROFILES) {
        believed.extend(read(app, tenant, server, document).await);
    }
    if believed.is_empty() {
        return Ok(());
    }
    let mut tx = app.db().begin().await?;
    for profile in &believed {
        participants::store::upsert_foreign(tenant, &mut tx, profile, app.now()).await?;
    }
    tx.commit(()).await?;
    Ok(())
}

/// The profile, if it is one of the server's people and signed by it.
async fn read(
    app: &App,
    tenant: &Tenant,
    server: &ServerName,
    document: &Value,
) -> Option<ForeignProfile> {
    let text = |member: &str| document.get(member)?.as_str();
    let person: Fqid = text("fqid")?.parse().ok()?;
    let key_id: KeyId = text("key_id")?.parse().ok()?;
    if person.server_name() != server {
        return None;
    }
    let key = app.federation().peers().key(tenant, server, key_id).await;
    profiles::read(document, &person, &key.ok()?)
}
