//! What every capability test uses: a server process, clients for it, a network that can be cut, a private CA.

mod api;
mod backend;
mod fortunes;
mod nginx;
mod people;
mod private_ca;
mod proxy;
mod server;
mod socket;
mod tables;
mod wait;

pub(crate) use api::{Answer, Api};
pub(crate) use backend::{Backend, on_both};
pub(crate) use fortunes::fortunes;
pub(crate) use nginx::{Forwarding, Nginx};
pub(crate) use people::{PASSWORD, Person};
pub(crate) use private_ca::PrivateCa;
pub(crate) use proxy::Proxy;
pub(crate) use server::{Outcome, Server};
pub(crate) use socket::Socket;
pub(crate) use tables::{execute, rows, tables};
pub(crate) use wait::eventually;
