-- Whom a tenant federates with. No row: the defaults.
CREATE TABLE federation_policies (
    tenant        BIGINT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    default_mode  TEXT   NOT NULL,          -- open, invite_only, closed
    allowed_peers TEXT   NOT NULL,          -- JSON array of server names
    denied_peers  TEXT   NOT NULL,          -- JSON array of server names
    max_foreign   BIGINT NOT NULL,          -- members of other servers in a room
    max_backfill  BIGINT NOT NULL,          -- events a request, 0: none
    updated_at    BIGINT NOT NULL
);

-- Other servers that the policy let in at least once. Times in ms.
CREATE TABLE peers (
    tenant           BIGINT NOT NULL,
    server_name      TEXT   NOT NULL,
    pinned           TEXT,                  -- JSON: keys believed since first contact; null: no contact yet
    base_url         TEXT,                  -- where its descriptor says that it lives
    descriptor_until BIGINT NOT NULL,       -- valid_until of the last descriptor; 0: none
    fetch_failures   BIGINT NOT NULL,       -- descriptor fetches that failed in a row
    next_fetch_at    BIGINT NOT NULL,
    paused           BIGINT NOT NULL,       -- 1: an admin stopped sending to it
    send_failures    BIGINT NOT NULL,       -- deliveries that failed in a row
    failing_since    BIGINT,                -- the first of them
    next_send_at     BIGINT NOT NULL,
    last_seen_at     BIGINT,                -- last valid request from it
    last_sent_at     BIGINT,                -- last delivery that it took
    last_error       TEXT,
    last_error_at    BIGINT,
    skew_ms          BIGINT,                -- its clock minus ours, at last_seen_at
    created_at       BIGINT NOT NULL,
    PRIMARY KEY (tenant, server_name)
);
CREATE INDEX peers_without_contact ON peers (tenant, created_at) WHERE pinned IS NULL;

-- How far our log of a room has been delivered to another server: positions, never copies. Where sent lies behind end,
-- there is something to deliver.
CREATE TABLE outbox (
    tenant        BIGINT NOT NULL,
    destination   TEXT   NOT NULL,
    room_id       TEXT   NOT NULL,
    sent_epoch    BIGINT NOT NULL,
    sent_seq      BIGINT NOT NULL,
    end_epoch     BIGINT NOT NULL,
    end_seq       BIGINT NOT NULL,
    stalls        BIGINT NOT NULL,          -- deliveries in a row of which the other side could place nothing
    next_try_at   BIGINT NOT NULL,          -- ms; after a stall
    last_error    TEXT,
    closing       BIGINT NOT NULL,          -- 1: the other side has nobody here any more; end stays, then the row goes
    PRIMARY KEY (tenant, destination, room_id)
);
CREATE INDEX outbox_by_room ON outbox (tenant, room_id);
CREATE INDEX outbox_pending ON outbox (tenant, destination, next_try_at, room_id)
    WHERE sent_epoch <> end_epoch OR sent_seq <> end_seq;

-- Requests to another server that must arrive, such as invitations and their declining.
CREATE TABLE federation_jobs (
    tenant      BIGINT NOT NULL,
    id          TEXT   NOT NULL,
    destination TEXT   NOT NULL,
    kind        TEXT   NOT NULL,            -- invite, request
    path        TEXT   NOT NULL,            -- below /_scaiwave/federation/v1
    body        TEXT   NOT NULL,            -- JSON
    created_at  BIGINT NOT NULL,            -- ms
    expires_at  BIGINT NOT NULL,            -- ms; given up then
    PRIMARY KEY (tenant, id)
);
CREATE INDEX federation_jobs_in_order ON federation_jobs (tenant, destination, created_at, id);

-- What other servers sent and was refused, for admins; the oldest rows go.
CREATE TABLE federation_rejected (
    tenant     BIGINT NOT NULL,
    id         TEXT   NOT NULL,             -- uuid v7: rises with time
    peer       TEXT   NOT NULL,             -- who delivered it
    check_no   BIGINT NOT NULL,             -- 1 to 8, as in the federation specification
    code       TEXT   NOT NULL,
    message    TEXT   NOT NULL,
    room_id    TEXT,
    event_id   TEXT,
    origin     TEXT,
    epoch      BIGINT,
    seq        BIGINT,
    created_at BIGINT NOT NULL,             -- ms
    PRIMARY KEY (tenant, id)
);
