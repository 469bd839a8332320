//! `scaiwave admin …`: the operator's commands, one file a group.

mod tenants;

use clap::Subcommand;

use super::outcome::{Failure, Outcome};

/// The groups of commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a tenant: a community of its own on this server, with its own people, rooms and name.
    CreateTenant(tenants::Create),
    /// List the tenants of this server.
    ListTenants,
}

pub(super) async fn run(command: Command) -> Result<Outcome, Failure> {
    let loaded = super::settings()?;
    match command {
        Command::CreateTenant(arguments) => tenants::create(loaded, arguments).await,
        Command::ListTenants => tenants::list(loaded).await,
    }
}
