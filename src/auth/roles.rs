//! Roles and what they allow (operations specification, section 6). Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// The longest slug of a role, in bytes.
const LONGEST_SLUG: usize = 64;

/// A tenant role that this server knows by itself. The slug is what is stored and shown.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the whole server.
    SuperAdmin,
    /// Runs the tenants of its partner.
    PartnerAdmin,
    /// Has all permissions of its tenant.
    TenantAdmin,
    /// Reads the audit log and the statistics.
    Auditor,
    /// Has no permission beyond those of everybody.
    Member,
}

/// A right that admin endpoints ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `tenant.manage`
    TenantManage,
    /// `users.manage`
    UsersManage,
    /// `roles.manage`
    RolesManage,
    /// `rooms.manage`
    RoomsManage,
    /// `ai.manage`
    AiManage,
    /// `plugins.manage`
    PluginsManage,
    /// `bridges.manage`
    BridgesManage,
    /// `federation.manage`
    FederationManage,
    /// `queue.manage`
    QueueManage,
    /// `audit.read`
    AuditRead,
    /// `stats.read`
    StatsRead,
}

/// The text is not the slug of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the slug of a role")]
pub struct UnknownRole;

impl Role {
    /// Every role, the mightiest first.
    pub const ALL: [Role; 5] = [
        Role::SuperAdmin,
        Role::PartnerAdmin,
        Role::TenantAdmin,
        Role::Auditor,
        Role::Member,
    ];

    /// The slug, such as `tenant_admin`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::SuperAdmin => "super_admin",
            Role::PartnerAdmin => "partner_admin",
            Role::TenantAdmin => "tenant_admin",
            Role::Auditor => "auditor",
            Role::Member => "member",
        }
    }

    /// Whether the role reaches beyond its tenant, so that only who runs the server may give, take or touch it.
    pub const fn reaches_beyond_tenant(self) -> bool {
        matches!(self, Role::SuperAdmin | Role::PartnerAdmin)
    }

    const fn allows(self, permission: Permission) -> bool {
        match self {
            Role::SuperAdmin | Role::TenantAdmin => true,
            Role::Auditor => matches!(permission, Permission::AuditRead | Permission::StatsRead),
            Role::PartnerAdmin | Role::Member => false,
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(slug: &str) -> Result<Self, UnknownRole> {
        Role::ALL
            .into_iter()
            .find(|role| role.as_str() == slug)
            .ok_or(UnknownRole)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Permission {
    /// The name that clients see in `details.permission`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Permission::TenantManage => "tenant.manage",
            Permission::UsersManage => "users.manage",
            Permission::RolesManage => "roles.manage",
            Permission::RoomsManage => "rooms.manage",
            Permission::AiManage => "ai.manage",
            Permission::PluginsManage => "plugins.manage",
            Permission::BridgesManage => "bridges.manage",
            Permission::FederationManage => "federation.manage",
            Permission::QueueManage => "queue.manage",
            Permission::AuditRead => "audit.read",
            Permission::StatsRead => "stats.read",
        }
    }
}

/// The slug of a role, whether this server knows that role by itself or only as a name that restricted rooms ask for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleSlug(String);

impl RoleSlug {
    /// The text: 1 to 64 of `a-z0-9._-`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoleSlug {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-')
        };
        if (1..=LONGEST_SLUG).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(RoleSlug(text.to_owned()))
        } else {
            Err(UnknownRole)
        }
    }
}

/// The roles of one person, in order and without doubles: those that this server knows, the mightiest first, then others
/// that a provider gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    known: Vec<Role>,
    others: Vec<RoleSlug>,
}

impl Roles {
    /// Whether one of them is `role`.
    pub fn contains(&self, role: Role) -> bool {
        self.known.contains(&role)
    }

    /// Whether one of them allows `permission`.
    pub fn allow(&self, permission: Permission) -> bool {
        self.known.iter().any(|role| role.allows(permission))
    }

    /// Whether one of them is among `slugs`, as restricted rooms ask.
    pub fn any_of(&self, slugs: &[String]) -> bool {
        self.slugs()
            .any(|held| slugs.iter().any(|slug| slug == held))
    }

    /// Whether one of them reaches beyond the tenant.
    pub fn reach_beyond_tenant(&self) -> bool {
        self.known.iter().any(|role| role.reaches_beyond_tenant())
    }

    /// The roles that this server knows, the mightiest first.
    pub fn iter(&self) -> impl Iterator<Item = Role> + '_ {
        self.known.iter().copied()
    }

    /// The slugs of all of them.
    pub fn slugs(&self) -> impl Iterator<Item = &str> {
        let known = self.known.iter().map(|role| role.as_str());
        known.chain(self.others.iter().map(RoleSlug::as_str))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        let mut known: Vec<Role> = roles.into_iter().collect();
        known.sort_unstable();
        known.dedup();
        Roles {
            known,
            others: Vec::new(),
        }
    }
}

impl FromIterator<RoleSlug> for Roles {
    fn from_iter<I: IntoIterator<Item = RoleSlug>>(slugs: I) -> Self {
        let (mut known, mut others) = (Vec::<Role>::new(), Vec::new());
        for slug in slugs {
            match slug.as_str().parse() {
                Ok(role) => known.push(role),
                Err(UnknownRole) => others.push(slug),
            }
        }
        others.sort_unstable();
        others.dedup();
        Roles {
            others,
            ..known.into_iter().collect()
        }
    }
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.slugs())
    }
}

/// Whether who holds `caller` may replace the roles `old` by `new` on somebody: roles that reach beyond the tenant are
/// given, taken and touched by super admins only, so that no tenant admin can make himself one.
pub fn may_replace(caller: &Roles, old: &Roles, new: &Roles) -> bool {
    caller.contains(Role::SuperAdmin) || !(old.reach_beyond_tenant() || new.reach_beyond_tenant())
}

/// Whether who holds `caller` may administer the account of who holds `target`: a tenant admin who could reset a super
/// admin's password would be one.
pub fn may_administer(caller: &Roles, target: &Roles) -> bool {
    caller.contains(Role::SuperAdmin) || !target.reach_beyond_tenant()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(list: &[Role]) -> Roles {
        list.iter().copied().collect()
    }

    #[test]
    fn slugs_read_back() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert_eq!("owner".parse::<Role>(), Err(UnknownRole));
    }

    #[test]
    fn an_auditor_reads_and_changes_nothing() {
        let auditor = roles(&[Role::Auditor, Role::Member]);
        assert!(auditor.allow(Permission::AuditRead));
        assert!(auditor.allow(Permission::StatsRead));
        assert!(!auditor.allow(Permission::UsersManage));
    }

    #[test]
    fn a_tenant_admin_has_every_permission_of_the_tenant() {
        let admin = roles(&[Role::TenantAdmin]);
        assert!(admin.allow(Permission::FederationManage));
        assert!(admin.allow(Permission::AuditRead));
        assert!(!roles(&[Role::PartnerAdmin]).allow(Permission::UsersManage));
    }

    #[test]
    fn a_tenant_admin_neither_makes_nor_touches_a_super_admin() {
        let admin = roles(&[Role::TenantAdmin]);
        let root = roles(&[Role::SuperAdmin, Role::TenantAdmin]);
        let member = Roles::default();
        assert!(may_replace(&admin, &member, &admin));
        assert!(!may_replace(&admin, &member, &root));
        assert!(!may_replace(&admin, &root, &member));
        assert!(may_replace(&root, &member, &root));
        assert!(!may_administer(&admin, &root));
        assert!(may_administer(&admin, &admin));
        assert!(may_administer(&root, &root));
    }

    #[test]
    fn roles_of_a_provider_open_rooms_and_are_roles_of_this_server_where_it_knows_them() {
        let slugs = ["gardener", "tenant_admin", "gardener", "a.b"];
        let slugs = slugs.map(|slug| slug.parse::<RoleSlug>().unwrap());
        let roles: Roles = slugs.into_iter().collect();
        assert!(roles.contains(Role::TenantAdmin));
        assert!(roles.any_of(&["gardener".to_owned()]));
        assert!(!roles.any_of(&["member".to_owned()]));
        let shown = serde_json::to_value(&roles).unwrap();
        assert_eq!(
            shown,
            serde_json::json!(["tenant_admin", "a.b", "gardener"])
        );
    }

    #[test]
    fn slugs_have_one_form() {
        for slug in ["a", "gardener-2", "a.b_c", &"x".repeat(64)] {
            assert!(slug.parse::<RoleSlug>().is_ok(), "{slug}");
        }
        for slug in ["", "Gardener", "a b", "ä", "tenant_admin ", &"x".repeat(65)] {
            assert!(slug.parse::<RoleSlug>().is_err(), "{slug}");
        }
    }

    #[test]
    fn doubles_count_once_and_order_is_fixed() {
        let mixed = roles(&[Role::Member, Role::TenantAdmin, Role::Member]);
        assert_eq!(
            mixed.iter().collect::<Vec<_>>(),
            [Role::TenantAdmin, Role::Member]
        );
        assert!(mixed.any_of(&["tenant_admin".to_owned()]));
        assert!(!mixed.any_of(&[]));
    }
}
