-- Files that this server keeps for its own people. The bytes are in the folder `media`, one copy for each content; a row is
-- written only when they are on disk.
CREATE TABLE media (
    tenant         BIGINT NOT NULL,
    media_id       TEXT   NOT NULL,         -- made from uploader and sha256
    uploader       TEXT   NOT NULL,         -- FQID; another server's person where somebody here passed a file on
    sha256         TEXT   NOT NULL,         -- hex digits
    size           BIGINT NOT NULL,
    mime_type      TEXT   NOT NULL,
    filename       TEXT   NOT NULL,
    tenant_scope   BIGINT NOT NULL,         -- 1: for all of the tenant
    created_at     BIGINT NOT NULL,         -- ms
    kept_until     BIGINT NOT NULL,         -- ms; until then it stays although nothing refers to it
    was_referenced BIGINT NOT NULL,         -- 1 once something referred to it after kept_until was set
    PRIMARY KEY (tenant, media_id)
);
CREATE INDEX media_by_content ON media (tenant, sha256);

-- Which messages name which files in their present content, and what their origin says of these.
CREATE TABLE media_references (
    tenant          BIGINT NOT NULL,
    media_id        TEXT   NOT NULL,
    event_id        TEXT   NOT NULL,        -- of the message
    room_id         TEXT   NOT NULL,
    stream_position BIGINT NOT NULL,        -- of the message
    since_position  BIGINT NOT NULL,        -- of the event that brought the content: the message, or an edit
    origin          TEXT   NOT NULL,        -- whose message: the server that has the bytes
    uploader        TEXT   NOT NULL,
    sha256          TEXT   NOT NULL,
    size            BIGINT NOT NULL,
    mime_type       TEXT   NOT NULL,
    filename        TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,        -- ms, of the message
    PRIMARY KEY (tenant, media_id, event_id)
);
CREATE INDEX media_references_by_event ON media_references (tenant, event_id);
CREATE INDEX media_references_by_content ON media_references (tenant, sha256);

-- Copies of other servers' files. They may go at any time, and are fetched again.
CREATE TABLE media_copies (
    tenant    BIGINT NOT NULL,
    sha256    TEXT   NOT NULL,
    size      BIGINT NOT NULL,
    mime_type TEXT   NOT NULL,              -- found out from the bytes
    used_at   BIGINT NOT NULL,              -- ms
    PRIMARY KEY (tenant, sha256)
);
CREATE INDEX media_copies_by_use ON media_copies (used_at);

CREATE INDEX participants_by_avatar ON participants (tenant, avatar_url) WHERE is_local = 1 AND avatar_url IS NOT NULL;
