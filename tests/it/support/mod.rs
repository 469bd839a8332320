//! What every capability test uses: a server process, clients for it, a network that can be cut, a private CA.

mod api;
mod backend;
mod disk;
mod false_clock;
mod fortunes;
pub(crate) mod identity_provider;
mod nginx;
mod people;
mod postgres;
mod private_ca;
mod proxy;
mod server;
mod skipped;
mod socket;
mod source_routes;
mod tables;
mod wait;

pub(crate) use api::{Answer, Api};
pub(crate) use backend::{Backend, on_both};
pub(crate) use disk::SmallDisk;
pub(crate) use false_clock::set_clock_apart;
pub(crate) use fortunes::fortunes;
pub(crate) use identity_provider::{Browser, IdentityProvider};
pub(crate) use nginx::{Forwarding, Nginx};
pub(crate) use people::{PASSWORD, Person};
pub(crate) use postgres::Postgres;
pub(crate) use private_ca::PrivateCa;
pub(crate) use proxy::{Line, Proxy};
pub(crate) use server::{Outcome, Server};
pub(crate) use skipped::skipped;
pub(crate) use socket::Socket;
pub(crate) use source_routes::routes_in_source;
pub(crate) use tables::{Table, execute, rows, tables};
pub(crate) use wait::eventually;
