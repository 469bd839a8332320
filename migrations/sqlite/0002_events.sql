-- Every event of every log, ours and other servers'. Append-only: only content and salt may go (redaction, void), and
-- verdict, shown and stream_position move when an event that waited is judged.
CREATE TABLE events (
    tenant          BIGINT NOT NULL,
    stream_position BIGINT NOT NULL,        -- arrival at this server, in commit order
    event_id        TEXT   NOT NULL,
    room_id         TEXT   NOT NULL,
    origin          TEXT   NOT NULL,
    epoch           BIGINT NOT NULL,
    seq             BIGINT NOT NULL,
    prev            TEXT,
    hash            TEXT   NOT NULL,
    sender          TEXT,                   -- FQID; null: written by the host itself
    type            TEXT   NOT NULL,
    ts              BIGINT NOT NULL,        -- ms
    state_seq       BIGINT NOT NULL,
    state_hash      TEXT,
    content_hash    TEXT   NOT NULL,
    salt            TEXT,
    content         TEXT,                   -- canonical JSON; null: redacted, void or missing
    key_id          TEXT   NOT NULL,
    signature       TEXT   NOT NULL,
    verdict         TEXT   NOT NULL,        -- valid, void, wait
    shown           BIGINT NOT NULL,        -- 0 never, 1 in the stream, 2 in stream and history
    kind            BIGINT NOT NULL,        -- 0 timeline, 1 room state (host's log), 2 log bookkeeping (leave, key)
    target_id       TEXT,                   -- the event that an edit, redaction or reaction is about
    PRIMARY KEY (tenant, stream_position)
);
CREATE UNIQUE INDEX events_by_id ON events (tenant, event_id);
CREATE UNIQUE INDEX events_by_log ON events (tenant, room_id, origin, epoch, seq);
CREATE INDEX events_by_room ON events (tenant, room_id, stream_position);
CREATE INDEX events_that_decide ON events (tenant, room_id, stream_position) WHERE kind > 0;
CREATE INDEX events_that_wait ON events (tenant, room_id) WHERE verdict = 'wait';
CREATE INDEX events_by_target ON events (tenant, target_id) WHERE target_id IS NOT NULL;

-- The end of each log that this server holds: where the next event must follow.
CREATE TABLE logs (
    tenant     BIGINT NOT NULL,
    room_id    TEXT   NOT NULL,
    origin     TEXT   NOT NULL,
    epoch      BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    hash       TEXT   NOT NULL,
    ts         BIGINT NOT NULL,
    state_seq  BIGINT NOT NULL,             -- the highest state_seq that any of its events claims
    PRIMARY KEY (tenant, room_id, origin)
);

-- The keys that verify a log, from the host's create and join events and from swp.log.key.
CREATE TABLE log_keys (
    tenant     BIGINT NOT NULL,
    room_id    TEXT   NOT NULL,
    origin     TEXT   NOT NULL,
    key_id     TEXT   NOT NULL,
    public_key TEXT   NOT NULL,
    from_seq   BIGINT NOT NULL,             -- events from here on are signed with it
    PRIMARY KEY (tenant, room_id, origin, key_id)
);
