//! `scaiwave admin …`: the operator's commands, one file a group.

mod backup;
mod federation;
mod store;
mod tenants;
mod users;

use clap::Subcommand;

use super::outcome::{Failure, Outcome};

/// The commands of all groups.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an account. The first one becomes the administrator.
    CreateUser(users::Create),
    /// List the accounts of a tenant.
    ListUsers(users::List),
    /// Give an account a new password and end its sessions.
    ResetPassword(users::Person),
    /// Suspend an account and end its sessions.
    SuspendUser(users::Person),
    /// Give an account exactly these roles, beside those that an identity provider gives.
    SetRoles(users::SetRoles),
    /// Make a tenant: a community of its own on this server, with its own people, rooms and name.
    CreateTenant(tenants::Create),
    /// Say what the identity provider calls a tenant, where that is not its slug.
    LinkTenant(tenants::Link),
    /// List the tenants of this server.
    ListTenants,
    /// Check every log, signature and verdict again, and name the first bad event.
    Verify,
    /// Make what clients see anew from the logs. Needs the server stopped.
    Rebuild,
    /// Write everything, keys included, into one file, and verify it. Works beside a running server.
    Backup(backup::Backup),
    /// Put a backup in the place of what is there. Needs the server stopped.
    Restore(backup::Backup),
    /// Manage this server's identity towards others.
    #[command(subcommand)]
    Federation(federation::Command),
}

pub(super) async fn run(command: Command) -> Result<Outcome, Failure> {
    let loaded = super::settings()?;
    match command {
        Command::CreateUser(arguments) => users::create(loaded, arguments).await,
        Command::ListUsers(arguments) => users::list(loaded, arguments).await,
        Command::ResetPassword(person) => users::reset_password(loaded, person).await,
        Command::SuspendUser(person) => users::suspend(loaded, person).await,
        Command::SetRoles(arguments) => users::set_roles(loaded, arguments).await,
        Command::LinkTenant(arguments) => tenants::link(loaded, arguments).await,
        Command::CreateTenant(arguments) => tenants::create(loaded, arguments).await,
        Command::ListTenants => tenants::list(loaded).await,
        Command::Verify => store::verify(loaded).await,
        Command::Rebuild => store::rebuild(loaded).await,
        Command::Backup(arguments) => backup::make(loaded, arguments).await,
        Command::Restore(arguments) => backup::restore(loaded, arguments).await,
        Command::Federation(command) => federation::run(loaded, command).await,
    }
}
