-- A presence state that a person has set by hand; without a row it is as the devices say. Everything else about
-- presence lives in memory only.
CREATE TABLE presence_choices (
    tenant         BIGINT NOT NULL,
    participant_id TEXT   NOT NULL,
    choice         TEXT   NOT NULL,         -- online, idle, busy, appear_offline
    PRIMARY KEY (tenant, participant_id)
);

-- Who has a DM with a person, whichever of the two ids is the smaller.
CREATE INDEX dms_by_other ON dms (tenant, other_id);
