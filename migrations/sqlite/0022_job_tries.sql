-- A request that a server refuses for now rests by itself, and holds up nothing else that goes there.
ALTER TABLE federation_jobs ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE federation_jobs ADD COLUMN next_try_at BIGINT NOT NULL DEFAULT 0; -- ms
