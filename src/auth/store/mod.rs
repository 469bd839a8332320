//! The tables of sign-in, one file each: accounts, roles, sessions, and what an identity provider says of them.

pub mod accounts;
pub mod identities;
pub mod provider_tokens;
pub mod roles;
pub mod sessions;
