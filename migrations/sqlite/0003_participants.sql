-- Everybody who can be named in a tenant: its own people and, once heard of, other servers' people. A row stays for
-- ever, so that a local_id is never given out again.
CREATE TABLE participants (
    tenant        BIGINT NOT NULL REFERENCES tenants (id),
    id            TEXT   NOT NULL,          -- made from the FQID, equal on every server
    local_id      TEXT   NOT NULL,
    server_name   TEXT   NOT NULL,
    is_local      BIGINT NOT NULL,          -- 1: of this tenant
    kind          TEXT   NOT NULL,          -- human, model, agent, helper, bridge; of other servers' people too
    display_name  TEXT   NOT NULL,
    avatar_url    TEXT,
    bio           TEXT,
    model_id      TEXT,
    suspended     BIGINT NOT NULL,
    name_key      TEXT   NOT NULL,          -- display_name in lower case, for order
    search_key    TEXT   NOT NULL,          -- local_id, display_name and e-mail in lower case, a line each
    profile_ts    BIGINT NOT NULL,          -- ms; an older profile of another server's person changes nothing
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX participants_by_name ON participants (tenant, server_name, local_id);
CREATE INDEX participants_in_order ON participants (tenant, is_local, name_key, id);

-- What a local person signs in with, and what only the person and admins see. given_* is what the person's own choice
-- falls back to.
CREATE TABLE accounts (
    tenant         BIGINT NOT NULL,
    participant_id TEXT   NOT NULL,
    given_name     TEXT   NOT NULL,
    email          TEXT,
    email_key      TEXT,                    -- email in lower case: one account an address
    password_hash  TEXT,                    -- Argon2id in PHC form; null: cannot sign in with a password
    last_seen_at   BIGINT,
    created_at     BIGINT NOT NULL,
    PRIMARY KEY (tenant, participant_id)
);
CREATE UNIQUE INDEX accounts_by_email ON accounts (tenant, email_key);

-- Tenant roles by slug.
CREATE TABLE participant_roles (
    tenant         BIGINT NOT NULL,
    participant_id TEXT   NOT NULL,
    role           TEXT   NOT NULL,
    PRIMARY KEY (tenant, participant_id, role)
);
CREATE INDEX participant_roles_by_role ON participant_roles (tenant, role);

-- Sign-ins that last: one per device (kind password), and access tokens for scripts (kind token). Ended ones are
-- deleted. Nothing here can be presented as a token: refresh tokens are signed, script tokens hashed.
CREATE TABLE sessions (
    tenant         BIGINT NOT NULL,
    id             TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,
    kind           TEXT   NOT NULL,         -- password, token, mock
    name           TEXT,                    -- of the device or the token
    user_agent     TEXT,
    ip             TEXT,
    token_hash     TEXT,                    -- kind token: sha256:…
    generation     BIGINT NOT NULL,         -- of the refresh token that is good now
    created_at     BIGINT NOT NULL,
    last_seen_at   BIGINT,
    expires_at     BIGINT,                  -- null: never
    PRIMARY KEY (tenant, id)
);
CREATE INDEX sessions_by_participant ON sessions (tenant, participant_id);
-- A script's token is presented before its tenant is known: the one lookup that does not begin with it.
CREATE UNIQUE INDEX sessions_by_token ON sessions (token_hash);

-- When a refresh token was replaced; rows live as long as the replaced one is still good.
CREATE TABLE refresh_replacements (
    tenant      BIGINT NOT NULL,
    session_id  TEXT   NOT NULL,
    generation  BIGINT NOT NULL,
    replaced_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, session_id, generation)
);

-- Workspaces hold rooms and notes; everybody has a personal one.
CREATE TABLE workspaces (
    tenant      BIGINT NOT NULL,
    id          TEXT   NOT NULL,
    slug        TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    created_by  TEXT   NOT NULL,
    is_personal BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX workspaces_by_slug ON workspaces (tenant, slug);
