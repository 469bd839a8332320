-- After a restore from a backup: which servers have not yet said which rooms of this one they had come to share since.
CREATE TABLE restored_peers (
    tenant      BIGINT NOT NULL,
    server_name TEXT   NOT NULL,
    PRIMARY KEY (tenant, server_name)
);
