-- Rooms whose events were deleted for good when they closed. Of such a room its own row is left, without names or people: it
-- says that there was a room with this id, and when it closed.
ALTER TABLE rooms ADD COLUMN erased_at BIGINT;  -- ms

-- Who was in such a room, or had been asked in, or asked to be: each is told once that it has left. No event says so, since
-- those are gone; rows go after 30 days.
CREATE TABLE departures (
    tenant          BIGINT NOT NULL,
    participant_id  TEXT   NOT NULL,
    stream_position BIGINT NOT NULL,
    event_id        TEXT   NOT NULL,        -- what it is called in sync and on sockets
    room_id         TEXT   NOT NULL,
    left_at         BIGINT NOT NULL,        -- ms
    PRIMARY KEY (tenant, participant_id, stream_position)
);
CREATE UNIQUE INDEX departures_in_order ON departures (tenant, stream_position);
CREATE INDEX departures_by_room ON departures (tenant, room_id);
CREATE INDEX departures_in_time ON departures (tenant, left_at);
