//! The tables of sign-in, one file each: accounts, roles, sessions.

pub mod accounts;
pub mod roles;
pub mod sessions;
