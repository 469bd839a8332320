-- What edits and redactions made of a message. A message without a row here is as it was sent.
CREATE TABLE message_changes (
    tenant           BIGINT NOT NULL,
    event_id         TEXT   NOT NULL,
    content          TEXT,                  -- the latest edit's content, canonical JSON
    edited_at        BIGINT,
    edit_order       TEXT,                  -- ts, origin, epoch, seq of that edit: later ones win on every server alike
    redacted_at      BIGINT,
    redacted_by      TEXT,                  -- participant id
    redaction_reason TEXT,
    PRIMARY KEY (tenant, event_id)
);

CREATE TABLE reactions (
    tenant         BIGINT NOT NULL,
    event_id       TEXT   NOT NULL,
    emoji          TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    change_order   TEXT   NOT NULL,         -- ts, origin, epoch, seq of the latest add or remove
    active         BIGINT NOT NULL,
    PRIMARY KEY (tenant, event_id, emoji, participant_id)
);

-- What the client gave with a send, and who really called; both stay on this server.
CREATE TABLE sends (
    tenant         BIGINT NOT NULL,
    event_id       TEXT   NOT NULL,
    room_id        TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,
    event_uuid     TEXT,
    sent_by        TEXT,
    PRIMARY KEY (tenant, event_id)
);
CREATE UNIQUE INDEX sends_by_uuid ON sends (tenant, participant_id, room_id, event_uuid) WHERE event_uuid IS NOT NULL;

CREATE TABLE mentions (
    tenant          BIGINT NOT NULL,
    participant_id  TEXT   NOT NULL,
    room_id         TEXT   NOT NULL,
    stream_position BIGINT NOT NULL,
    event_id        TEXT   NOT NULL,
    PRIMARY KEY (tenant, participant_id, room_id, stream_position)
);

-- Read markers: only move forward.
CREATE TABLE markers (
    tenant          BIGINT NOT NULL,
    participant_id  TEXT   NOT NULL,
    room_id         TEXT   NOT NULL,
    event_id        TEXT   NOT NULL,
    stream_position BIGINT NOT NULL,
    PRIMARY KEY (tenant, participant_id, room_id)
);
