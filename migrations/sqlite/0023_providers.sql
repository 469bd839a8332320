-- People whom an identity provider knows: its name for each of them (issuer and subject) stands for one participant for ever.
-- No name or address ever leads from one to the other.
CREATE TABLE identities (
    tenant          BIGINT NOT NULL,
    issuer          TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    participant_id  TEXT   NOT NULL,
    claims_at       BIGINT NOT NULL,        -- ms; when the token was made whose claims were taken over last: an older one changes nothing
    roles_in_token  BIGINT NOT NULL,        -- 1: tokens themselves name roles, so that one which names none takes them away
    groups_in_token BIGINT NOT NULL,        -- 1: the same of groups
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (tenant, issuer, subject)
);
CREATE INDEX identities_by_participant ON identities (tenant, participant_id);

-- Roles that the provider gave. Those that an admin gave stand in participant_roles; a person has both.
CREATE TABLE mirrored_roles (
    tenant         BIGINT NOT NULL,
    participant_id TEXT   NOT NULL,
    role           TEXT   NOT NULL,         -- a slug; the server need not know it
    from_groups    BIGINT NOT NULL,         -- 1: comes with a group; 0: the person's own
    PRIMARY KEY (tenant, participant_id, role, from_groups)
);
CREATE INDEX mirrored_roles_by_role ON mirrored_roles (tenant, role);

-- Which session a provider's tokens belong to. A row outlives its session: that is how tokens which are still good at the
-- provider are known to have ended here. Nothing here can be presented: all of it is hashed.
CREATE TABLE provider_tokens (
    tenant     BIGINT NOT NULL,
    token_key  TEXT   NOT NULL,             -- sha256:… of a token, a refresh token, or the provider's name for the sign-in
    session_id TEXT   NOT NULL,
    keep_until BIGINT NOT NULL,             -- ms
    PRIMARY KEY (tenant, token_key)
);
CREATE INDEX provider_tokens_by_session ON provider_tokens (tenant, session_id);
CREATE INDEX provider_tokens_in_time ON provider_tokens (tenant, keep_until);
-- A refresh token is presented before its tenant is known.
CREATE INDEX provider_tokens_by_key ON provider_tokens (token_key);

-- Groups of people, mirrored from the provider as far as members of them have signed in.
CREATE TABLE user_groups (
    tenant     BIGINT NOT NULL,
    id         TEXT   NOT NULL,
    issuer     TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    name_key   TEXT   NOT NULL,             -- name in lower case, for order and search
    role_slugs TEXT   NOT NULL,             -- JSON list: roles that come with it
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX user_groups_in_order ON user_groups (tenant, name_key, id);
CREATE TABLE user_group_members (
    tenant         BIGINT NOT NULL,
    group_id       TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,
    PRIMARY KEY (tenant, group_id, participant_id)
);
CREATE INDEX user_group_members_by_participant ON user_group_members (tenant, participant_id);

-- What was given is what the person's own choice falls back to; the choice is known as one, even where both are alike.
ALTER TABLE accounts ADD COLUMN given_avatar TEXT;
ALTER TABLE accounts ADD COLUMN own_name BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN own_avatar BIGINT NOT NULL DEFAULT 0;
UPDATE accounts SET own_name = 1 WHERE EXISTS (
    SELECT 1 FROM participants p WHERE p.tenant = accounts.tenant AND p.id = accounts.participant_id
    AND p.display_name <> accounts.given_name);
UPDATE accounts SET own_avatar = 1 WHERE EXISTS (
    SELECT 1 FROM participants p WHERE p.tenant = accounts.tenant AND p.id = accounts.participant_id
    AND p.avatar_url IS NOT NULL);

-- The provider's id for a tenant, where it has one of its own.
ALTER TABLE tenants ADD COLUMN scaikey_tenant_id TEXT;
CREATE UNIQUE INDEX tenants_by_scaikey_id ON tenants (scaikey_tenant_id);
