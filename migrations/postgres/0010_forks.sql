-- Two events that an origin signed for one place of its log: from the lowest such place on the log is frozen, and its
-- events there are hidden. Their verdict is then `frozen`, beside valid, void and wait.
ALTER TABLE logs ADD COLUMN forked_at BIGINT;  -- the place, in the log's epoch
