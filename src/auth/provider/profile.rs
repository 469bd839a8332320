//! What a provider says of a person, in the forms that this server keeps. Pure.
//!
//! Claims are a stranger's input: what does not have its form is left out, and never stands in the way of signing in.

use serde_json::{Map, Value};

use crate::auth::roles::RoleSlug;
use crate::participants::profile::{self, Avatar, MAX_DISPLAY_NAME};

/// Roles of one person that are taken over, at most.
const MOST_ROLES: usize = 100;
/// Groups of one person that are taken over, at most.
const MOST_GROUPS: usize = 500;
/// Characters of a group's name, at most.
const MAX_GROUP_NAME: usize = 200;
/// Characters of a name that a local id is made from, at most.
const MAX_USER_NAME: usize = 200;

/// A person as claims describe it. `None`: they do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name to sign in with at the provider.
    pub user_name: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// A picture somewhere in the web.
    pub avatar_url: Option<String>,
    /// An address that the provider does not call unverified.
    pub email: Option<String>,
    /// The roles.
    pub roles: Option<Vec<RoleSlug>>,
    /// The groups.
    pub groups: Option<Vec<GroupClaim>>,
}

/// A group as a claim names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupClaim {
    /// The provider's name for it, which stays.
    pub external_id: String,
    /// The name to show.
    pub name: String,
    /// Roles that its members have.
    pub roles: Vec<RoleSlug>,
}

impl Profile {
    /// What these claims say.
    pub fn of(claims: &Map<String, Value>) -> Self {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let is_unverified = claims.get("email_verified") == Some(&Value::Bool(false));
        let email = text("email").filter(|email| profile::check_email(email).is_ok());
        let whole = text("name").and_then(shown);
        let parts = [text("given_name"), text("family_name")];
        let put_together = || shown(&parts.into_iter().flatten().collect::<Vec<_>>().join(" "));
        let user_name = ["preferred_username", "username", "nickname"]
            .into_iter()
            .find_map(text)
            .or(email);
        Profile {
            user_name: user_name.map(|name| name.chars().take(MAX_USER_NAME).collect()),
            name: whole.or_else(put_together),
            avatar_url: text("picture")
                .filter(|url| profile::check_avatar(url) == Ok(Avatar::Web))
                .map(str::to_owned),
            email: email.filter(|_| !is_unverified).map(str::to_owned),
            roles: roles(claims),
            groups: groups(claims.get("groups")),
        }
    }

    /// Both together; where both speak of one thing that a person has once, this one counts.
    #[must_use]
    pub fn or(self, other: Profile) -> Self {
        Profile {
            user_name: self.user_name.or(other.user_name),
            name: self.name.or(other.name),
            avatar_url: self.avatar_url.or(other.avatar_url),
            email: self.email.or(other.email),
            roles: both(self.roles, other.roles),
            groups: both(self.groups, other.groups),
        }
    }

    /// The name to show to others, whatever it takes.
    pub fn shown_name(&self) -> Option<String> {
        self.name
            .clone()
            .or_else(|| self.user_name.as_deref().and_then(shown))
    }
}

/// The roles that come with groups.
pub fn roles_of(groups: &[GroupClaim]) -> Vec<RoleSlug> {
    let of_groups = groups.iter().flat_map(|group| &group.roles);
    let mut roles: Vec<RoleSlug> = of_groups.cloned().collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// Two lists of which either may be unknown.
fn both<T: Ord>(one: Option<Vec<T>>, other: Option<Vec<T>>) -> Option<Vec<T>> {
    let (mut one, other) = match (one, other) {
        (Some(one), Some(other)) => (one, other),
        (one, other) => return one.or(other),
    };
    one.extend(other);
    one.sort_unstable();
    one.dedup();
    Some(one)
}

/// A text as a name to show: without control characters, not too long, not empty.
fn shown(text: &str) -> Option<String> {
    let name: String = text
        .chars()
        .filter(|letter| !letter.is_control())
        .collect::<String>()
        .trim()
        .chars()
        .take(MAX_DISPLAY_NAME)
        .collect();
    profile::check_display_name(&name).is_ok().then_some(name)
}

/// `role` is one slug, `roles` several; other texts are roles elsewhere and mean nothing here.
fn roles(claims: &Map<String, Value>) -> Option<Vec<RoleSlug>> {
    let (one, several) = (claims.get("role"), claims.get("roles"));
    if one.is_none() && several.is_none() {
        return None;
    }
    let slugs = texts(one).chain(texts(several));
    let mut roles: Vec<RoleSlug> = slugs
        .filter_map(|slug| slug.parse().ok())
        .take(MOST_ROLES)
        .collect();
    roles.sort_unstable();
    roles.dedup();
    Some(roles)
}

/// A text, or a list of texts.
fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let (one, several) = match value {
        Some(Value::String(text)) => (Some(text.as_str()), None),
        Some(Value::Array(list)) => (None, Some(list)),
        _ => (None, None),
    };
    let several = several.into_iter().flatten().filter_map(Value::as_str);
    one.into_iter().chain(several)
}

/// A list of names, or of objects with a name and perhaps an id that outlives it and roles.
fn groups(value: Option<&Value>) -> Option<Vec<GroupClaim>> {
    let list = value?.as_array()?;
    let mut groups: Vec<GroupClaim> = list.iter().filter_map(group).take(MOST_GROUPS).collect();
    groups.sort_unstable();
    groups.dedup_by(|one, other| one.external_id == other.external_id);
    Some(groups)
}

fn group(value: &Value) -> Option<GroupClaim> {
    let (name, id, roles) = match value {
        Value::String(name) => (name.as_str(), None, None),
        Value::Object(group) => {
            let text = |key: &str| group.get(key).and_then(Value::as_str);
            let roles = group.get("role_slugs").or_else(|| group.get("roles"));
            (text("name").or_else(|| text("id"))?, text("id"), roles)
        }
        _ => return None,
    };
    let is_fit = |text: &str| {
        !text.trim().is_empty()
            && text.chars().count() <= MAX_GROUP_NAME
            && !text.chars().any(char::is_control)
    };
    let external_id = id.unwrap_or(name);
    if !is_fit(name) || !is_fit(external_id) {
        return None;
    }
    let mut roles: Vec<RoleSlug> = texts(roles)
        .filter_map(|slug| slug.parse().ok())
        .take(MOST_ROLES)
        .collect();
    roles.sort_unstable();
    roles.dedup();
    Some(GroupClaim {
        external_id: external_id.to_owned(),
        name: name.to_owned(),
        roles,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile(claims: Value) -> Profile {
        let Value::Object(claims) = claims else {
            panic!("claims are an object");
        };
        Profile::of(&claims)
    }

    fn slugs(slugs: &[&str]) -> Vec<RoleSlug> {
        slugs.iter().map(|slug| slug.parse().unwrap()).collect()
    }

    #[test]
    fn the_usual_claims_are_taken_over() {
        let alice = profile(json!({
            "preferred_username": "alice", "name": "Alice A.", "email": "a@example.org", "email_verified": true,
            "picture": "https://id.example/alice.png", "role": "tenant_admin", "roles": ["gardener", "No Slug"],
            "groups": ["staff", {"id": "7", "name": "Garden", "role_slugs": ["gardener"]}, 5, ""],
        }));
        assert_eq!(alice.user_name.as_deref(), Some("alice"));
        assert_eq!(alice.shown_name().as_deref(), Some("Alice A."));
        assert_eq!(alice.email.as_deref(), Some("a@example.org"));
        assert_eq!(
            alice.avatar_url.as_deref(),
            Some("https://id.example/alice.png")
        );
        assert_eq!(alice.roles, Some(slugs(&["gardener", "tenant_admin"])));
        let groups = alice.groups.unwrap();
        let names: Vec<_> = groups
            .iter()
            .map(|g| (g.external_id.as_str(), g.name.as_str()))
            .collect();
        assert_eq!(names, [("7", "Garden"), ("staff", "staff")]);
    }

    #[test]
    fn what_is_not_said_is_not_known_and_what_is_unfit_is_not_said() {
        assert_eq!(profile(json!({})), Profile::default());
        let odd = profile(json!({
            "name": 5, "picture": "http://id.example/x.png", "email": "nobody", "groups": "staff",
        }));
        assert_eq!(odd, Profile::default());
        let own_media =
            json!({"picture": "/v1/media/download/018f0000-0000-7000-8000-000000000001"});
        assert_eq!(profile(own_media).avatar_url, None);
        assert_eq!(profile(json!({"groups": []})).groups, Some(Vec::new()));
        assert_eq!(profile(json!({"roles": null})).roles, Some(Vec::new()));
    }

    #[test]
    fn an_unverified_address_names_nobody_but_may_lend_its_name() {
        let alice = profile(json!({"email": "alice@example.org", "email_verified": false}));
        assert_eq!(alice.email, None);
        assert_eq!(alice.user_name.as_deref(), Some("alice@example.org"));
    }

    #[test]
    fn names_are_made_fit_to_be_shown() {
        let name = |claims| profile(claims).shown_name();
        assert_eq!(name(json!({"name": " A\u{7}l\n "})).as_deref(), Some("Al"));
        assert_eq!(name(json!({"name": "x".repeat(200)})).unwrap().len(), 100);
        let parts = json!({"name": " ", "given_name": "Zoë", "family_name": "Z."});
        assert_eq!(name(parts).as_deref(), Some("Zoë Z."));
        assert_eq!(
            name(json!({"preferred_username": "zoe"})).as_deref(),
            Some("zoe")
        );
        assert_eq!(name(json!({"name": ""})), None);
    }

    #[test]
    fn two_descriptions_add_up() {
        let first = profile(json!({"name": "Alice", "roles": ["a"]}));
        let second =
            profile(json!({"name": "Other", "email": "a@b", "roles": ["b", "a"], "groups": ["g"]}));
        let both = first.or(second);
        assert_eq!(both.name.as_deref(), Some("Alice"));
        assert_eq!(both.email.as_deref(), Some("a@b"));
        assert_eq!(both.roles, Some(slugs(&["a", "b"])));
        assert_eq!(both.groups.unwrap().len(), 1);
    }

    #[test]
    fn groups_bring_roles() {
        let groups =
            json!([{"name": "g", "roles": ["a", "b"]}, {"name": "h", "roles": ["b"]}, "i"]);
        let groups = profile(json!({ "groups": groups })).groups.unwrap();
        assert_eq!(roles_of(&groups), slugs(&["a", "b"]));
    }
}
