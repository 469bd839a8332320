-- Each question about a few events of a large room has an index that holds exactly these, in the order in which they are
-- asked for: an index that gives only the order would be walked from end to end.

DROP INDEX events_by_target;
DROP INDEX events_that_decide;
DROP INDEX events_that_wait;

CREATE INDEX events_by_target ON events (tenant, target_id, stream_position) WHERE target_id IS NOT NULL;
CREATE INDEX events_that_decide ON events (tenant, room_id, origin, epoch, seq) WHERE kind > 0;
CREATE INDEX events_that_wait ON events (tenant, room_id, origin, epoch, seq) WHERE verdict = 'wait';
CREATE INDEX events_that_redact ON events (tenant, room_id, origin, seq) WHERE type = 'swp.room.redaction';
