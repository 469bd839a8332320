-- Pieces of hosts' logs that are not here yet, since whoever joins takes the room's state first.
CREATE TABLE log_gaps (
    tenant     BIGINT NOT NULL,
    room_id    TEXT   NOT NULL,
    origin     TEXT   NOT NULL,
    until_seq  BIGINT NOT NULL,             -- the event after the gap, of the first epoch
    until_prev TEXT   NOT NULL,             -- what it names as the event before it
    until_ts   BIGINT NOT NULL,             -- ms
    after_seq  BIGINT NOT NULL,             -- the event before the gap, as far as that is filled
    after_hash TEXT   NOT NULL,
    after_ts   BIGINT NOT NULL,             -- ms
    PRIMARY KEY (tenant, room_id, origin, until_seq)
);
