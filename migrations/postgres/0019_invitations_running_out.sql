-- The host looks every minute for invitations that have run out.
CREATE INDEX members_running_out ON members (tenant, expires_at) WHERE expires_at IS NOT NULL;
