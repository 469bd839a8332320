//! `scaiwave admin create-tenant`, `link-tenant`, `list-tenants`.

use clap::Args;
use serde_json::json;

use crate::cli::control;
use crate::cli::data::open_to_read;
use crate::cli::outcome::{Failure, Outcome};
use crate::config::Loaded;
use crate::operator::Request;
use crate::operator::tenants::{CreateTenant, LinkTenant, TenantLine, list as list_tenants};

/// The tenant to make.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  scaiwave admin create-tenant --slug blue --name 'Blue Company' --server-name blue.example.org"
)]
pub(in crate::cli) struct Create {
    /// Short name in addresses and tokens: 1 to 64 of a-z, 0-9 and -.
    #[arg(long)]
    slug: String,
    /// Name for people.
    #[arg(long)]
    name: String,
    /// Permanent name in the federation [default: the slug below this server's name].
    #[arg(long)]
    server_name: Option<String>,
    /// What the identity provider calls it [default: its slug or id].
    #[arg(long)]
    scaikey_tenant_id: Option<String>,
}

/// What the identity provider calls a tenant.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  scaiwave admin link-tenant --slug default --scaikey-tenant-id 7c9e6679-7425-40de-944b-e07fc1f90ae7"
)]
pub(in crate::cli) struct Link {
    /// The tenant's short name.
    #[arg(long)]
    slug: String,
    /// The provider's id for it [default: none; slug and id of the tenant count].
    #[arg(long)]
    scaikey_tenant_id: Option<String>,
}

pub(super) async fn link(loaded: Loaded, arguments: Link) -> Result<Outcome, Failure> {
    let Link {
        slug,
        scaikey_tenant_id,
    } = arguments;
    let request = Request::LinkTenant(LinkTenant {
        slug: slug.clone(),
        scaikey_tenant_id,
    });
    let json = control::perform(loaded, request).await?;
    let text = match json["scaikey_tenant_id"].as_str() {
        Some(id) => format!("The identity provider calls the tenant {slug} {id}."),
        None => format!("The identity provider calls the tenant {slug} by its slug or id."),
    };
    Ok(Outcome { text, json })
}

pub(super) async fn create(loaded: Loaded, arguments: Create) -> Result<Outcome, Failure> {
    let Create {
        slug,
        name,
        server_name,
        scaikey_tenant_id,
    } = arguments;
    let request = Request::CreateTenant(CreateTenant {
        slug,
        name,
        server_name,
        scaikey_tenant_id,
    });
    let json = control::perform(loaded, request).await?;
    let word = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    let text = format!(
        "Tenant {} is made; its name in the federation is {}.",
        word("slug"),
        word("server_name")
    );
    Ok(Outcome { text, json })
}

pub(super) async fn list(loaded: Loaded) -> Result<Outcome, Failure> {
    let db = open_to_read(&loaded.config).await?;
    let tenants = list_tenants(&db).await;
    db.close().await;
    let tenants = tenants.map_err(|error| Failure::because("cannot read the tenants", &error))?;
    Ok(Outcome {
        text: table(&tenants),
        json: json!({ "tenants": tenants }),
    })
}

fn table(tenants: &[TenantLine]) -> String {
    let head = format!(
        "{:<20} {:<30} {:>8} {:>8}  {}\n",
        "slug", "server name", "members", "rooms", "name"
    );
    let lines = tenants.iter().map(|tenant| {
        let TenantLine {
            slug,
            name,
            server_name,
            members,
            rooms,
            ..
        } = tenant;
        format!(
            "{slug:<20} {:<30} {members:>8} {rooms:>8}  {name}\n",
            server_name.as_str()
        )
    });
    std::iter::once(head).chain(lines).collect()
}
