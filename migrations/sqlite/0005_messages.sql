-- What edits and redactions made of a message. A message without a row here is as it was sent; a redacted one keeps
-- nothing of its edits. The *_order columns hold ts, origin, epoch and seq of the event that won: the order that all
-- servers share.
CREATE TABLE message_changes (
    tenant           BIGINT NOT NULL,
    event_id         TEXT   NOT NULL,
    content          TEXT,                  -- the latest edit's content, JSON
    edited_at        BIGINT,
    edit_order       TEXT,
    redacted_at      BIGINT,
    redacted_by      TEXT,                  -- participant id
    redaction_reason TEXT,
    redaction_order  TEXT,
    PRIMARY KEY (tenant, event_id)
);

-- Who put which emoji on a message. What was taken away again stays as a row, so that an older event that arrives
-- later does not bring it back.
CREATE TABLE reactions (
    tenant         BIGINT NOT NULL,
    event_id       TEXT   NOT NULL,
    emoji          TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    change_order   TEXT   NOT NULL,         -- of the latest add or remove
    active         BIGINT NOT NULL,
    PRIMARY KEY (tenant, event_id, emoji, participant_id)
);

-- Who is named in the present content of a message.
CREATE TABLE mentions (
    tenant          BIGINT NOT NULL,
    participant_id  TEXT   NOT NULL,
    room_id         TEXT   NOT NULL,
    stream_position BIGINT NOT NULL,        -- of the message
    event_id        TEXT   NOT NULL,
    PRIMARY KEY (tenant, participant_id, room_id, stream_position)
);
CREATE INDEX mentions_by_event ON mentions (tenant, event_id);

-- Which message answers which, by the content that it was sent with. A parent need not be here.
CREATE TABLE replies (
    tenant          BIGINT NOT NULL,
    event_id        TEXT   NOT NULL,
    room_id         TEXT   NOT NULL,
    parent_id       TEXT   NOT NULL,
    stream_position BIGINT NOT NULL,        -- of the reply
    ts              BIGINT NOT NULL,
    PRIMARY KEY (tenant, event_id)
);
CREATE INDEX replies_by_parent ON replies (tenant, room_id, parent_id, stream_position);

-- What the client gave with a send, and who really called; both stay on this server.
CREATE TABLE sends (
    tenant         BIGINT NOT NULL,
    event_id       TEXT   NOT NULL,
    room_id        TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,         -- the sender
    event_uuid     TEXT,
    sent_by        TEXT,                    -- participant id
    PRIMARY KEY (tenant, event_id)
);
CREATE UNIQUE INDEX sends_by_uuid ON sends (tenant, participant_id, room_id, event_uuid);

-- Read markers: only move forward.
CREATE TABLE markers (
    tenant          BIGINT NOT NULL,
    participant_id  TEXT   NOT NULL,
    room_id         TEXT   NOT NULL,
    event_id        TEXT   NOT NULL,
    stream_position BIGINT NOT NULL,
    PRIMARY KEY (tenant, participant_id, room_id)
);
