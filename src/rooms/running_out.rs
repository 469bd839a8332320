//! Invitations that nobody accepted in time: the host ends them, so that all servers know (federation specification,
//! "Members").

use std::time::Duration;

use super::core::decide::Command;
use super::perform;
use super::store::invitations;
use crate::app::App;
use crate::error::Result;
use crate::tenants::Tenant;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(60);
/// Invitations that are ended each time, at most.
const MOST: i64 = 500;

/// Ends invitations that have run out, until the server stops.
pub async fn run(app: App) {
    let stop = app.stop().clone();
    loop {
        for tenant in app.tenants().all() {
            if let Err(error) = end_all(&app, &tenant).await {
                tracing::warn!(%error, "invitations that have run out cannot be listed");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Ends those of one tenant's rooms.
async fn end_all(app: &App, tenant: &Tenant) -> Result<()> {
    for (room_id, person) in invitations::run_out(tenant, app.db(), app.now(), MOST).await? {
        let ended = perform::as_host(app, tenant, room_id, person, Command::EndInvitation).await;
        if let Err(error) = ended {
            tracing::info!(%error, room = %room_id, "an invitation that has run out could not be ended");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::Method;
    use serde_json::{Value, json};

    use super::*;
    use crate::app::test_server::{PASSWORD, Server};
    use crate::rooms::core::decide::INVITATION_MS;

    async fn members(server: &Server, room: &str, token: &str) -> Vec<Value> {
        let path = format!("/v1/rooms/{room}/members?membership=all");
        let rows = server
            .ask(Method::GET, &path, Some(token), json!({}))
            .await
            .body["data"]
            .clone();
        rows.as_array().unwrap().clone()
    }

    #[tokio::test]
    async fn the_host_ends_an_invitation_that_nobody_accepted_in_time() {
        let server = Server::local().await;
        server.create("bob", &[]).await;
        let root = server.sign_in("root", PASSWORD).await.data("access_token");
        let bob = server.sign_in("bob", PASSWORD).await.data("access_token");
        let me = server
            .ask(Method::GET, "/v1/me", Some(&bob), json!({}))
            .await;
        let body = json!({"name": "A room"});
        let room = server
            .ask(Method::POST, "/v1/rooms", Some(&root), body)
            .await
            .data("id");
        let path = format!("/v1/rooms/{room}/invite");
        let body = json!({"participant_id": me.data("participant_id")});
        server.ask(Method::POST, &path, Some(&root), body).await;
        let tenant = server.app.tenants().first().unwrap();
        let of_bob = async |token: &str| {
            let rows = members(&server, &room, token).await;
            let is_bob = |row: &&Value| row["participant"]["local_id"] == "bob";
            rows.iter().find(is_bob).unwrap()["membership"].clone()
        };

        server.clock.advance(INVITATION_MS - 1_000);
        let root = server.sign_in("root", PASSWORD).await.data("access_token");
        end_all(&server.app, &tenant).await.unwrap();
        assert_eq!(of_bob(&root).await, "invite");

        server.clock.advance(2_000);
        end_all(&server.app, &tenant).await.unwrap();
        assert_eq!(of_bob(&root).await, "leave");
        let open = invitations::run_out(&tenant, server.app.db(), i64::MAX, 10).await;
        assert_eq!(open.unwrap(), []);
    }
}
