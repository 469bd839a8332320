-- Lists of a large server are read from indexes that hold all they ask for, in their order.

-- The members of a room, those of one membership in the order of their levels; and of which servers they are.
CREATE INDEX members_in_order ON members (tenant, room_id, membership, power_level DESC, participant_id, server_name);

-- People in the order of their names, with what they are looked for by.
DROP INDEX participants_in_order;
CREATE INDEX participants_in_order ON participants (tenant, is_local, name_key, id, search_key, kind, suspended);

-- The rooms of other servers.
CREATE INDEX rooms_by_host ON rooms (tenant, host, id);
