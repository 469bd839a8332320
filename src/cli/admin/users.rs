//! `scaiwave admin create-user`, `list-users`, `reset-password`, `suspend-user`, `set-roles`.

use clap::Args;
use serde_json::{Value, json};

use crate::auth::roles::Role;
use crate::cli::control::{self, failed};
use crate::cli::data::open_to_read;
use crate::cli::outcome::{Failure, Outcome};
use crate::cli::password;
use crate::config::Loaded;
use crate::events::core::names::LocalId;
use crate::operator::users::{CreateUser, ResetPassword, SuspendUser, list as list_users};
use crate::operator::{self, Request};

/// The account to make.
#[derive(Debug, Args)]
#[command(after_help = "\
The first account administers its tenant; the very first one administers the server too.
The password is asked for, or read from standard input; an empty one makes a one-time password, which is shown.

Examples:
  scaiwave admin create-user --local-id alice --name Alice
  echo 'a long password' | scaiwave admin create-user --local-id bob --name Bob --role auditor")]
pub(in crate::cli) struct Create {
    /// The name after the @, for ever: 1 to 64 of a-z, 0-9, '.', '_' and '-'.
    #[arg(long)]
    local_id: LocalId,
    /// Name for people.
    #[arg(long)]
    name: String,
    /// E-mail address.
    #[arg(long)]
    email: Option<String>,
    /// A role, such as tenant_admin or auditor; can be repeated.
    #[arg(long = "role")]
    roles: Vec<Role>,
    /// Slug of the tenant [default: the first one].
    #[arg(long)]
    tenant: Option<String>,
}

/// Somebody who has an account.
#[derive(Debug, Args)]
pub(in crate::cli) struct Person {
    /// The name after the @.
    local_id: LocalId,
    /// Slug of the tenant [default: the first one].
    #[arg(long)]
    tenant: Option<String>,
}

/// The roles of somebody.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  scaiwave admin set-roles alice --role tenant_admin --role auditor"
)]
pub(in crate::cli) struct SetRoles {
    /// The name after the @.
    local_id: LocalId,
    /// A role, such as tenant_admin or auditor; can be repeated. Without any, the account has none.
    #[arg(long = "role")]
    roles: Vec<Role>,
    /// Slug of the tenant [default: the first one].
    #[arg(long)]
    tenant: Option<String>,
}

/// Whose accounts to list.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Slug of the tenant [default: the first one].
    #[arg(long)]
    tenant: Option<String>,
}

pub(super) async fn create(loaded: Loaded, arguments: Create) -> Result<Outcome, Failure> {
    let request = Request::CreateUser(CreateUser {
        tenant: arguments.tenant,
        local_id: arguments.local_id,
        display_name: arguments.name,
        email: arguments.email,
        password: password::read()?,
        roles: arguments.roles,
    });
    let json = control::perform(loaded, request).await?;
    let text = format!("{} is made.{}", word(&json, "fqid"), shown_once(&json));
    Ok(Outcome { text, json })
}

pub(super) async fn reset_password(loaded: Loaded, person: Person) -> Result<Outcome, Failure> {
    let password = password::read()?;
    let was_given = password.is_some();
    let Person { local_id, tenant } = person;
    let text = format!("The password of {local_id} is replaced; all its sessions have ended.");
    let request = Request::ResetPassword(ResetPassword {
        tenant,
        local_id,
        password,
    });
    let json = control::perform(loaded, request).await?;
    if was_given {
        // The operator knows it already.
        return Ok(Outcome {
            text,
            json: json!({ "ok": true }),
        });
    }
    Ok(Outcome {
        text: text + &shown_once(&json),
        json,
    })
}

pub(super) async fn suspend(loaded: Loaded, person: Person) -> Result<Outcome, Failure> {
    let Person { local_id, tenant } = person;
    let text = format!("{local_id} is suspended; all its sessions have ended.");
    let request = Request::SuspendUser(SuspendUser { tenant, local_id });
    let json = control::perform(loaded, request).await?;
    Ok(Outcome { text, json })
}

pub(super) async fn set_roles(loaded: Loaded, arguments: SetRoles) -> Result<Outcome, Failure> {
    let SetRoles {
        local_id,
        roles,
        tenant,
    } = arguments;
    let request = Request::SetRoles(operator::users::SetRoles {
        tenant,
        local_id: local_id.clone(),
        roles,
    });
    let json = control::perform(loaded, request).await?;
    let roles = json["roles"].as_array().into_iter().flatten();
    let roles: Vec<_> = roles.filter_map(Value::as_str).collect();
    let text = match roles.as_slice() {
        [] => format!("{local_id} has no role now."),
        roles => format!("The roles of {local_id} are now {}.", roles.join(", ")),
    };
    Ok(Outcome { text, json })
}

pub(super) async fn list(loaded: Loaded, arguments: List) -> Result<Outcome, Failure> {
    let db = open_to_read(&loaded.config).await?;
    let users = list_users(&db, arguments.tenant.as_deref()).await;
    db.close().await;
    let users = users.map_err(|error| failed(&error))?;
    Ok(Outcome {
        text: table(&users),
        json: json!({ "users": users }),
    })
}

fn table(users: &[Value]) -> String {
    let head = format!(
        "{:<24} {:<10} {:<30} {:<28} name\n",
        "local id", "state", "roles", "e-mail"
    );
    let lines = users.iter().map(|user| {
        let roles = user["roles"].as_array().into_iter().flatten();
        let roles: Vec<_> = roles.filter_map(Value::as_str).collect();
        let (id, state) = (word(user, "local_id"), word(user, "state"));
        let (email, name) = (word(user, "email"), word(user, "display_name"));
        format!(
            "{id:<24} {state:<10} {:<30} {email:<28} {name}\n",
            roles.join(",")
        )
    });
    std::iter::once(head).chain(lines).collect()
}

fn shown_once(json: &Value) -> String {
    match json["password"].as_str() {
        Some(password) => format!(" Its one-time password is {password}"),
        None => String::new(),
    }
}

fn word<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}
