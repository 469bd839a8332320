-- After a restore from a backup: which servers have not yet said what this one had written in their rooms since the
-- backup. Until all of a room's have, nothing is appended to its log here.
CREATE TABLE restored_rooms (
    tenant      BIGINT NOT NULL,
    room_id     TEXT   NOT NULL,
    server_name TEXT   NOT NULL,
    PRIMARY KEY (tenant, room_id, server_name)
);
