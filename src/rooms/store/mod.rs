//! The tables of rooms: `rooms`, `members`, `dms`, `spans`, `room_settings`, `once_keys`,
//! `peer_requests`, `unfederated_rooms`, `log_restarts`, `departures`.

pub mod dms;
pub mod erased;
pub mod invitations;
pub mod members;
pub mod once;
pub mod requests;
pub mod restarts;
pub mod rooms;
pub mod settings;
pub mod spans;
pub mod unfederated;
