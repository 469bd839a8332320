//! The objects of the client specification, in its own notation (client-core 2, 3, 5, 8, 9, 10).

/// What a sign-in or a refresh answers.
pub const TOKENS: &str =
    "access_token str, refresh_token str, token_type str, expires_in int, session_id id";

/// A row of `GET /v1/me/sessions`.
pub const SESSION: &str = "id id, device_name str~, user_agent str~, ip str~, created_at time, last_seen_at time, \
     expires_at time, current bool, connected bool";

/// `GET /v1/me`.
pub const ME: &str = "participant_id id, local_id str, fqid str, display_name str, email str~, avatar_url str~, bio str~, \
     personal_workspace_id id, roles [str], groups [id], presence str, tenant {id id, slug str, name str, features obj}";

/// A participant.
pub const PARTICIPANT: &str = "id id, local_id str, server_name str, display_name str, participant_type str, avatar_url str~, \
     fqid str, model_id str~, suspended bool";

/// An account as administrators see it.
pub const USER: &str = "id id, local_id str, server_name str, display_name str, participant_type str, avatar_url str~, fqid str, \
     model_id str~, suspended bool, bio str~, presence str, email str~, roles [str], state str, last_seen_at time~";

/// An access token for scripts.
pub const SCRIPT_TOKEN: &str =
    "id id, name str, created_at time, last_used_at time~, expires_at time~";

/// An uploaded file.
pub const MEDIA: &str = "media_id id, sha256 str, mime_type str, size int, thumbnail_id id~, width int~, height int~, \
     scan_status str, filename str, duration any, uploader_id id, created_at time";

/// `GET {r}/state`.
pub const SNAPSHOT: &str = "room obj, members [obj], members_truncated bool, engagement [obj], plan obj~, active_sidekicks [obj], \
     active_call obj~, unread_count int, last_read_event_id id~, muted_until time~, snoozed_event_ids [id], mention_count int, \
     pinned_event_ids [id], stream_position int";

/// A room.
pub const ROOM: &str = "id id, room_alias str~, name str~, topic str~, room_type str, state str, scope_kind str~, visibility str~, \
     read_role_slugs [str], is_public bool, workspace_id id, creator_id id, created_at time, member_count int, display_name str, \
     avatar_url str~, server_name str, federated bool, history_visibility str, edit_window_seconds int, auto_close bool, \
     last_event_at time~, membership str~, power_level int~, notification_mode str~, muted_until time~, unread_count int, \
     mention_count int";

/// A member of a room.
pub const MEMBER: &str = "participant_id id, membership str, power_level int, joined_at time~, notification_mode str~, \
     muted_until time~, response_mode str~, participant {id id, local_id str, server_name str, display_name str, \
     participant_type str, avatar_url str~, fqid str, model_id str~, suspended bool}";

/// An invitation.
pub const INVITATION: &str = "room_id id, room {id id, display_name str, room_type str, member_count int}, participant_id id, \
     invited_by {id id, local_id str, server_name str, display_name str, participant_type str, fqid str}, reason str~, \
     created_at time, expires_at time";

/// An event as history shows it.
pub const EVENT: &str = "id id, room_id id, sender_id id, event_type str, content obj, stream_position int, origin_ts int, \
     created_at time, edited_at time~, redacted_at time~, original_content obj?, event_uuid str~, sent_by id~, redacted_by id~, \
     redaction_reason str~, reactions [{emoji str, count int, mine bool, participant_ids [id]}], \
     thread {reply_count int, last_reply_at time}~, pinned bool";

/// An event as sync shows it.
pub const SYNC_EVENT: &str = "id id, stream_position int, room_id id, event_type str, content obj, sender_id id, origin_ts int, \
     edited_at time~, redacted_at time~, event_uuid str~";

/// Emoji of an event, added up.
pub const REACTION: &str = "emoji str, count int, mine bool, participant_ids [id]";

/// What every frame of a stored event has.
pub const DURABLE_FRAME: &str = "type str, tenant_id id, ts time, id id, room_id id, sender_id id, stream_position int, origin_ts int";

/// The first frame of a socket.
pub const HELLO: &str =
    "type str, tenant_id id, ts time, session_id id, server_name str, stream_position int";

/// Thresholds of a room (client-core 7).
pub const POWER_LEVELS: &str = "send int, react int, upload int, call_start int, invite int, pin int, topic int, artifacts_write int, \
     redact int, kick int, ban int, call_end int, call_record int, name int, archive int, settings int, power int, workspace int, \
     default int";

/// `GET /v1/me/preferences`.
pub const PREFERENCES: &str = "locale str, timezone str, time_format str, ai_response_mode str, ai_engagement_mode str, \
     default_mode str, quiet_hours {enabled bool, start str~, end str~, weekdays_only bool, weekends_only bool}, \
     keyword_alerts [str], read_marker_mode str, push bool, email bool, email_address str~";

/// A `swp.notification` frame.
pub const NOTIFICATION: &str = "type str, tenant_id id, ts time, id id, room_id id, event_id id, reason str, sender_id id, \
     sender_name str, snippet str, silent bool";

/// An item of the priority inbox.
pub const INBOX_ITEM: &str = "event_id id, room_id id, room_name str, sender_id id, sender_name str, snippet str, reason str, \
     created_at time";

/// A snooze.
pub const SNOOZE: &str = "task_id id, event_id id, room_id id, until time";
