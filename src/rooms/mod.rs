//! Rooms: who is in them, what may be said, and what of it counts.

pub mod core;
