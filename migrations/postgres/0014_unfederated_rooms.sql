-- Rooms hosted here that an admin has taken out of the federation: nobody of another server can be invited or come in.
CREATE TABLE unfederated_rooms (
    tenant  BIGINT NOT NULL,
    room_id TEXT   NOT NULL,
    PRIMARY KEY (tenant, room_id)
);
