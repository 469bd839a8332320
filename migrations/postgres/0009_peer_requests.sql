-- A state change that a peer asked for under a request id: carried out once, for ever; a repeated request gets the first
-- answer. `once_keys` keeps the Idempotency-Keys of clients, for a day.
CREATE TABLE peer_requests (
    tenant      BIGINT NOT NULL,
    server      TEXT   NOT NULL,
    request_id  TEXT   NOT NULL,
    room_id     TEXT   NOT NULL,
    first_event TEXT,                       -- the first event that it caused; null: it was so already
    events      BIGINT NOT NULL,            -- how many, one after another in the own log
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, server, request_id)
);
INSERT INTO peer_requests (tenant, server, request_id, room_id, first_event, events, created_at)
    SELECT tenant, substr(scope, 6), key, room_id, event_id, 1, created_at FROM once_keys WHERE scope LIKE 'peer:%';
DELETE FROM once_keys WHERE scope LIKE 'peer:%';
