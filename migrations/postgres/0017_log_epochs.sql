-- Logs that were begun anew: the keys of their epochs after the first, and what other servers have asked for.
CREATE TABLE log_epoch_keys (
    tenant     BIGINT NOT NULL,
    room_id    TEXT   NOT NULL,
    origin     TEXT   NOT NULL,
    epoch      BIGINT NOT NULL,
    from_seq   BIGINT NOT NULL,             -- events of the epoch from here on are signed with it
    key_id     TEXT   NOT NULL,
    public_key TEXT   NOT NULL,
    state_seq  BIGINT NOT NULL,             -- the host's event that admitted the epoch
    PRIMARY KEY (tenant, room_id, origin, epoch, key_id)
);

-- Servers that ask to begin their log of a room anew, until an admin of the room's host has agreed.
CREATE TABLE log_restarts (
    tenant     BIGINT NOT NULL,
    room_id    TEXT   NOT NULL,
    origin     TEXT   NOT NULL,
    document   TEXT   NOT NULL,             -- JSON, the signed request
    created_at BIGINT NOT NULL,             -- ms
    PRIMARY KEY (tenant, room_id, origin)
);
