//! The tables of rooms: `rooms`, `members`, `dms`, `spans`, `room_settings`, `once_keys`.

pub mod members;
pub mod once;
pub mod rooms;
pub mod settings;
pub mod spans;
