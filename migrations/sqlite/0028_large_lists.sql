-- Lists of a large server are read from indexes that hold what they ask for, in its order.

-- The members of a room, those of one membership in the order of their levels; and of which servers they are.
CREATE INDEX members_in_order ON members (tenant, room_id, membership, power_level DESC, participant_id, server_name);

-- People in the order of their names, with what they are looked for by.
DROP INDEX participants_in_order;
CREATE INDEX participants_in_order ON participants (tenant, is_local, name_key, id, search_key, kind, suspended);

-- The rooms of other servers.
CREATE INDEX rooms_by_host ON rooms (tenant, host, id);

-- SQLite takes it that the first column of an index alone leaves ten rows, unless it is told otherwise. Here the first one is
-- the tenant, so that it would rather look at all members of a tenant in an index that holds every column than at those of
-- a room in one that does not. So it is told what a server of some size looks like, once and for all: plans never change with
-- what happens to be in the tables. A quarter of everything belongs to one tenant.
ANALYZE sqlite_schema;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('events', 'sqlite_autoindex_events_1', '1000000 250000 1'),
    ('events', 'events_by_id', '1000000 250000 1'),
    ('events', 'events_by_log', '1000000 250000 200 100 100 1'),
    ('events', 'events_by_room', '1000000 250000 200 1'),
    ('events', 'events_by_target', '100000 25000 2 1'),
    ('events', 'events_that_decide', '60000 15000 12 6 6 1'),
    ('events', 'events_that_wait', '100 25 5 3 3 1'),
    ('events', 'events_that_redact', '2000 500 10 5 1'),
    ('logs', 'sqlite_autoindex_logs_1', '10000 2500 2 1'),
    ('log_keys', 'sqlite_autoindex_log_keys_1', '10000 2500 2 1 1'),
    ('rooms', 'sqlite_autoindex_rooms_1', '5000 1250 1'),
    ('rooms', 'rooms_by_name', '5000 1250 400 300 1'),
    ('rooms', 'rooms_by_alias', '5000 1250 1'),
    ('rooms', 'rooms_by_host', '5000 1250 300 1'),
    ('members', 'sqlite_autoindex_members_1', '50000 12500 10 1'),
    ('members', 'members_by_participant', '50000 12500 5 4'),
    ('members', 'members_by_server', '50000 12500 2500 2000 5'),
    ('members', 'members_in_order', '50000 12500 10 9 8 1 1'),
    ('members', 'members_running_out', '500 125 1'),
    ('dms', 'sqlite_autoindex_dms_1', '10000 2500 5 1'),
    ('dms', 'dms_by_other', '10000 2500 5'),
    ('spans', 'sqlite_autoindex_spans_1', '60000 15000 5 2 1'),
    ('room_settings', 'sqlite_autoindex_room_settings_1', '5000 1250 3 1'),
    ('room_settings', 'room_settings_by_room', '5000 1250 3'),
    ('participants', 'sqlite_autoindex_participants_1', '20000 5000 1'),
    ('participants', 'participants_by_name', '20000 5000 500 1'),
    ('participants', 'participants_in_order', '20000 5000 4000 2 1 1 1 1'),
    ('accounts', 'sqlite_autoindex_accounts_1', '20000 5000 1'),
    ('accounts', 'accounts_by_email', '20000 5000 1'),
    ('participant_roles', 'sqlite_autoindex_participant_roles_1', '2000 500 2 1'),
    ('participant_roles', 'participant_roles_by_role', '2000 500 100'),
    ('sessions', 'sqlite_autoindex_sessions_1', '40000 10000 1'),
    ('sessions', 'sessions_by_participant', '40000 10000 2'),
    ('sessions', 'sessions_by_token', '40000 1'),
    ('message_changes', 'sqlite_autoindex_message_changes_1', '50000 12500 1'),
    ('reactions', 'sqlite_autoindex_reactions_1', '100000 25000 3 2 1'),
    ('mentions', 'sqlite_autoindex_mentions_1', '50000 12500 20 5 1'),
    ('mentions', 'mentions_by_event', '50000 12500 2'),
    ('replies', 'sqlite_autoindex_replies_1', '100000 25000 1'),
    ('replies', 'replies_by_parent', '100000 25000 50 4 1'),
    ('pins', 'sqlite_autoindex_pins_1', '2000 500 3 1'),
    ('sends', 'sqlite_autoindex_sends_1', '500000 125000 1'),
    ('sends', 'sends_by_uuid', '500000 125000 100 20 1'),
    ('markers', 'sqlite_autoindex_markers_1', '50000 12500 5 1'),
    ('outbox', 'sqlite_autoindex_outbox_1', '5000 1250 50 1'),
    ('outbox', 'outbox_by_room', '5000 1250 2'),
    ('outbox', 'outbox_pending', '200 50 5 4 1');
ANALYZE sqlite_schema;
