-- Evidence of forks: an event that was signed for a place of a log beside the one that stands there. Few a log: who signs
-- one second event can sign any number.
CREATE TABLE forks (
    tenant     BIGINT NOT NULL,
    room_id    TEXT   NOT NULL,
    origin     TEXT   NOT NULL,
    epoch      BIGINT NOT NULL,
    seq        BIGINT NOT NULL,
    event_id   TEXT   NOT NULL,
    hash       TEXT   NOT NULL,
    event      TEXT   NOT NULL,             -- JSON, without content and salt
    peer       TEXT   NOT NULL,             -- who delivered it
    created_at BIGINT NOT NULL,             -- ms
    PRIMARY KEY (tenant, room_id, origin, epoch, seq, hash)
);
