//! What is left of a room that has ended: nothing in any table but that it was there, and who has to hear that it is not.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::app::test_server::{PASSWORD, Server};

/// Tables that hold rows about such a room afterwards, or that the server has filled itself by then.
const FILLED: [&str; 6] = ["departures", "events", "logs", "members", "rooms", "spans"];
/// Columns that name an event.
const EVENT_COLUMNS: [&str; 4] = ["event_id", "first_event", "parent_id", "target_id"];

struct Column {
    table: String,
    name: String,
    is_number: bool,
}

/// Every column of every table.
async fn columns(server: &Server) -> Vec<Column> {
    let found: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT t.name, c.name, c.type FROM sqlite_master t JOIN pragma_table_info(t.name) c
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name <> '_sqlx_migrations' ORDER BY t.name, c.cid",
    )
    .fetch_all(server.app.db().reader())
    .await
    .unwrap();
    found
        .into_iter()
        .map(|(table, name, kind)| Column {
            table,
            name,
            is_number: kind == "BIGINT",
        })
        .collect()
}

/// Puts a row about the room, or one of its events, into every table that can hold one.
async fn fill(server: &Server, tenant: i64, room: &str, event: &str) -> usize {
    let columns = columns(server).await;
    let tables: BTreeSet<&str> = columns
        .iter()
        .map(|column| column.table.as_str())
        .filter(|table| !FILLED.contains(table))
        .collect();
    let mut filled = 0;
    let mut tx = server.app.db().begin().await.unwrap();
    for table in tables {
        let columns: Vec<&Column> = columns.iter().filter(|at| at.table == table).collect();
        let names_it = |column: &&Column| {
            column.name == "room_id" || EVENT_COLUMNS.contains(&column.name.as_str())
        };
        if !columns.iter().any(names_it) {
            continue;
        }
        let values: Vec<String> = columns
            .iter()
            .map(|column| match column.name.as_str() {
                "tenant" => tenant.to_string(),
                "room_id" => format!("'{room}'"),
                name if EVENT_COLUMNS.contains(&name) => format!("'{event}'"),
                _ if column.is_number => "7".to_owned(),
                _ => "'x'".to_owned(),
            })
            .collect();
        let sql = format!("INSERT INTO {table} VALUES ({})", values.join(", "));
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .execute(tx.conn())
            .await
            .unwrap_or_else(|error| panic!("{table}: {error}"));
        filled += 1;
    }
    tx.commit(()).await.unwrap();
    filled
}

/// Where a text stands, alone or as a part.
async fn holding(server: &Server, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for column in columns(server).await.iter().filter(|at| !at.is_number) {
        let (table, name) = (&column.table, &column.name);
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE {name} LIKE $1");
        let count: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(format!("%{text}%"))
            .fetch_one(server.app.db().reader())
            .await
            .unwrap();
        if count > 0 {
            found.push(format!("{table}.{name}"));
        }
    }
    found
}

async fn post(server: &Server, token: &str, path: &str, body: Value) -> Value {
    server.ask(Method::POST, path, Some(token), body).await.ok()
}

/// A room with something said in it: the room and the message.
async fn room_with_message(server: &Server, token: &str) -> (String, String) {
    let body = json!({"room_type": "incognito", "name": "Hideaway", "topic": "hideaway"});
    let room = post(server, token, "/v1/rooms", body).await;
    let room = room["id"].as_str().unwrap().to_owned();
    let said = json!({"content": {"body": "between hideaway and us"}});
    let message = post(server, token, &format!("/v1/rooms/{room}/send"), said).await;
    let message = message["id"].as_str().unwrap().to_owned();
    (room, message)
}

/// The same, named by rows of every table that can.
async fn full_room(server: &Server, token: &str) -> (String, String) {
    let (room, message) = room_with_message(server, token).await;
    let tenant = server.app.tenants().first().unwrap();
    let filled = fill(server, tenant.key(), &room, &message).await;
    assert!(filled > 20, "{filled} tables");
    (room, message)
}

#[tokio::test]
async fn no_table_knows_more_of_a_room_that_has_ended_than_that_it_was_there() {
    let server = Server::local().await;
    let root = server.sign_in("root", PASSWORD).await.data("access_token");
    let (room, message) = full_room(&server, &root).await;
    assert!(!holding(&server, "hideaway").await.is_empty());

    post(
        &server,
        &root,
        &format!("/v1/rooms/{room}/leave"),
        json!({}),
    )
    .await;
    let left = [
        "departures.room_id",
        "members.room_id",
        "rooms.id",
        "spans.room_id",
    ];
    assert_eq!(holding(&server, &room).await, left);
    assert_eq!(holding(&server, &message).await, Vec::<String>::new());
    assert_eq!(holding(&server, "hideaway").await, Vec::<String>::new());
}

#[tokio::test]
async fn after_thirty_days_nobody_is_named_any_more() {
    let server = Server::local().await;
    let root = server.sign_in("root", PASSWORD).await.data("access_token");
    let tenant = server.app.tenants().first().unwrap();
    let (room, _) = full_room(&server, &root).await;
    post(
        &server,
        &root,
        &format!("/v1/rooms/{room}/leave"),
        json!({}),
    )
    .await;

    server.clock.advance(TOLD_FOR_MS);
    forget_departures(&server.app, &tenant).await.unwrap();
    assert_eq!(holding(&server, &room).await.len(), 4);
    server.clock.advance(1);
    forget_departures(&server.app, &tenant).await.unwrap();
    assert_eq!(holding(&server, &room).await, ["rooms.id"]);
    let root = server.sign_in("root", PASSWORD).await.data("access_token");
    let path = format!("/v1/rooms/{room}");
    let answer = server.ask(Method::GET, &path, Some(&root), json!({})).await;
    assert_eq!(answer.code(), "SW_NOT_MEMBER");
}

#[tokio::test]
async fn a_transaction_that_fails_leaves_the_room_as_it_was() {
    let server = Server::local().await;
    let root = server.sign_in("root", PASSWORD).await.data("access_token");
    let (room, _) = room_with_message(&server, &root).await;
    let path = format!("/v1/rooms/{room}");
    let before = holding(&server, &room).await;
    let mut tx = server.app.db().begin().await.unwrap();
    let sql =
        "CREATE TRIGGER refuses BEFORE INSERT ON departures BEGIN SELECT RAISE(ABORT, 'no'); END";
    sqlx::query(sql).execute(tx.conn()).await.unwrap();
    tx.commit(()).await.unwrap();

    let leave = format!("{path}/leave");
    let answer = server
        .ask(Method::POST, &leave, Some(&root), json!({}))
        .await;
    assert!(answer.status.is_server_error(), "{}", answer.body);
    assert_eq!(holding(&server, &room).await, before);
    let shown = server.ask(Method::GET, &path, Some(&root), json!({})).await;
    assert_eq!(shown.ok()["membership"], "join");
    let said = json!({"content": {"body": "still here"}});
    post(&server, &root, &format!("{path}/send"), said).await;
}
