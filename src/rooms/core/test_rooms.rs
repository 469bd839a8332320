//! What tests' rooms begin with.

use super::content::{Create, HistoryVisibility, OriginKey, RoomType};
use super::levels::Levels;

/// The content of the first event of a group.
pub(crate) fn group(nonce: &str, edit_window_seconds: u64, key: OriginKey) -> Create {
    Create {
        nonce: nonce.to_owned(),
        room_type: RoomType::Group,
        name: Some("Room".to_owned()),
        topic: None,
        scope_kind: None,
        visibility: None,
        read_role_slugs: Vec::new(),
        history_visibility: HistoryVisibility::Shared,
        edit_window_seconds,
        auto_close: false,
        alias: None,
        power_levels: Levels::initial(RoomType::Group, false).to_map().clone(),
        key,
    }
}
