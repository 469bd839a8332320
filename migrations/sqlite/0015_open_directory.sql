-- Whether a tenant's peers may look for its people by name.
ALTER TABLE federation_policies ADD COLUMN open_directory BIGINT NOT NULL DEFAULT 0;
