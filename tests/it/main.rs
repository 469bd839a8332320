//! Capability tests: the real binary, started in a temporary folder and used over HTTP and WebSocket, on SQLite and
//! on Postgres. `tests/run` prepares what they need.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod fleet;
mod support;

mod accounts;
mod admin_tools;
mod api_description;
mod backup;
mod capacity;
mod directory;
mod durability;
mod every_route;
mod federation_keys;
mod first_run;
mod flood;
mod groups;
mod hostile_clients;
mod identity_provider;
mod incognito;
mod limits;
mod media;
mod messages;
mod notifications;
mod pages;
mod rates;
mod readme;
mod room_routes;
mod rooms;
mod sessions;
mod settings;
mod source_tree;
mod stopping;
mod stream;
mod sync;
mod tenants;
mod three_servers;
mod tls;
mod two_servers;
mod two_tenants;
