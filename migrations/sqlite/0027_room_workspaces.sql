-- The workspace that a room was moved to; null: the personal one of its creator. Of rooms hosted here alone.
ALTER TABLE rooms ADD COLUMN workspace_id TEXT;
