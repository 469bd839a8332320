-- Events that stand in their logs without a content that may still come: it is asked for until it is here, or known to be
-- gone.
CREATE TABLE missing_contents (
    tenant   BIGINT NOT NULL,
    event_id TEXT   NOT NULL,
    room_id  TEXT   NOT NULL,
    origin   TEXT   NOT NULL,
    epoch    BIGINT NOT NULL,
    seq      BIGINT NOT NULL,
    PRIMARY KEY (tenant, event_id)
);
CREATE UNIQUE INDEX missing_contents_by_place ON missing_contents (tenant, room_id, origin, epoch, seq);
INSERT INTO missing_contents (tenant, event_id, room_id, origin, epoch, seq)
    SELECT tenant, event_id, room_id, origin, epoch, seq FROM events
    WHERE content IS NULL AND verdict IN ('valid', 'wait') AND (shown = 0 OR kind > 0);

-- A server that had no such content when it was asked: when it may be asked again.
CREATE TABLE content_asks (
    tenant     BIGINT NOT NULL,
    event_id   TEXT   NOT NULL,
    server     TEXT   NOT NULL,
    asked      BIGINT NOT NULL,             -- how often
    not_before BIGINT NOT NULL,
    PRIMARY KEY (tenant, event_id, server)
);
