-- Projection of each room's state events: what clients are shown. `admin rebuild` makes it anew from the logs.
CREATE TABLE rooms (
    tenant              BIGINT NOT NULL,
    id                  TEXT   NOT NULL,
    host                TEXT   NOT NULL,
    room_type           TEXT   NOT NULL,
    state               TEXT   NOT NULL,
    name                TEXT,
    topic               TEXT,
    alias               TEXT,
    scope_kind          TEXT,
    visibility          TEXT,
    read_role_slugs     TEXT   NOT NULL,    -- JSON list
    avatar_url          TEXT,
    history_visibility  TEXT   NOT NULL,
    edit_window_seconds BIGINT NOT NULL,
    auto_close          BIGINT NOT NULL,
    federated           BIGINT NOT NULL,    -- 1 once a person of another server was invited
    creator_id          TEXT   NOT NULL,
    created_at          BIGINT NOT NULL,
    power_levels        TEXT   NOT NULL,    -- JSON object, all keys
    member_count        BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX rooms_by_name ON rooms (tenant, room_type, state, name);
CREATE UNIQUE INDEX rooms_by_alias ON rooms (tenant, alias) WHERE alias IS NOT NULL;

CREATE TABLE members (
    tenant         BIGINT NOT NULL,
    room_id        TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,
    fqid           TEXT   NOT NULL,
    server_name    TEXT   NOT NULL,
    membership     TEXT   NOT NULL,         -- join, leave, ban, invite, knock
    power_level    BIGINT NOT NULL,
    joined_at      BIGINT,
    changed_at     BIGINT NOT NULL,
    invited_by     TEXT,
    reason         TEXT,
    expires_at     BIGINT,                  -- of an invitation
    PRIMARY KEY (tenant, room_id, participant_id)
);
CREATE INDEX members_by_participant ON members (tenant, participant_id, membership);
CREATE INDEX members_by_server ON members (tenant, server_name, membership, room_id);

-- The two people of a DM, smaller id first: one room a pair.
CREATE TABLE dms (
    tenant   BIGINT NOT NULL,
    first_id TEXT   NOT NULL,
    other_id TEXT   NOT NULL,
    room_id  TEXT   NOT NULL,
    PRIMARY KEY (tenant, first_id, other_id)
);

-- Which positions of a room's stream a participant is shown in sync and on sockets: after_position < p, and
-- p <= until_position where that is set.
CREATE TABLE spans (
    tenant         BIGINT NOT NULL,
    participant_id TEXT   NOT NULL,
    room_id        TEXT   NOT NULL,
    after_position BIGINT NOT NULL,
    until_position BIGINT,
    PRIMARY KEY (tenant, participant_id, room_id, after_position)
);

-- What the participant alone decides about a room; never leaves this server, survives leaving.
CREATE TABLE room_settings (
    tenant            BIGINT NOT NULL,
    participant_id    TEXT   NOT NULL,
    room_id           TEXT   NOT NULL,
    notification_mode TEXT   NOT NULL,
    muted_until       BIGINT,
    PRIMARY KEY (tenant, participant_id, room_id)
);

-- What must happen once: a room made under an Idempotency-Key (scope `create:<participant>`), a state change that a
-- peer asked for under a request id (scope `peer:<server>`).
CREATE TABLE once_keys (
    tenant     BIGINT NOT NULL,
    scope      TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    room_id    TEXT   NOT NULL,
    event_id   TEXT   NOT NULL,             -- the first event that it caused
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, scope, key)
);
