-- A tenant is a team of its own on this server: own name, keys, people, rooms. `id` is internal, `uuid` is what
-- clients see. `server_name` is permanent once written.
CREATE TABLE tenants (
    id           BIGINT NOT NULL PRIMARY KEY,
    uuid         TEXT   NOT NULL UNIQUE,
    slug         TEXT   NOT NULL UNIQUE,
    name         TEXT   NOT NULL,
    server_name  TEXT   NOT NULL UNIQUE,
    state        TEXT   NOT NULL,           -- active, suspended
    limits       TEXT   NOT NULL,           -- JSON object
    features     TEXT   NOT NULL,           -- JSON object
    created_at   BIGINT NOT NULL
);

-- The last stream_position given out in a tenant. A writer locks the row first, so that positions become visible in
-- the order in which they were given out.
CREATE TABLE streams (
    tenant   BIGINT NOT NULL PRIMARY KEY REFERENCES tenants (id),
    position BIGINT NOT NULL
);

-- Public halves of the keys that a tenant signs with; the private halves are files in the data folder.
CREATE TABLE tenant_keys (
    tenant             BIGINT NOT NULL REFERENCES tenants (id),
    key_id             TEXT   NOT NULL,
    public_key         TEXT   NOT NULL,
    valid_from         BIGINT NOT NULL,
    expires_at         BIGINT,
    signed_by_previous TEXT,
    PRIMARY KEY (tenant, key_id)
);
