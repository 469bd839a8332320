-- Messages that members keep at hand in a room, as its state says.
CREATE TABLE pins (
    tenant          BIGINT NOT NULL,
    room_id         TEXT   NOT NULL,
    event_id        TEXT   NOT NULL,
    stream_position BIGINT NOT NULL,        -- of the state event that pinned it
    PRIMARY KEY (tenant, room_id, event_id)
);
