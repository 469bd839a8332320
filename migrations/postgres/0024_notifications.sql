-- What people have set about themselves, as a JSON object; what is absent is as by default. Never leaves this server.
CREATE TABLE preferences (
    tenant         BIGINT NOT NULL,
    participant_id TEXT   NOT NULL,
    chosen         TEXT   NOT NULL,
    PRIMARY KEY (tenant, participant_id)
);

-- Keywords that people asked for, in the form in which they are compared, and for which part of the stream:
-- since_position < p, and p <= until_position once one was taken back.
CREATE TABLE keyword_alerts (
    tenant         BIGINT NOT NULL,
    participant_id TEXT   NOT NULL,
    keyword        TEXT   NOT NULL,
    since_position BIGINT NOT NULL,
    until_position BIGINT,
    PRIMARY KEY (tenant, participant_id, keyword, since_position)
);
CREATE INDEX keyword_alerts_by_keyword ON keyword_alerts (tenant, keyword);

-- Which messages hold a keyword that somebody asked for when their text came: one row for each word, however many people
-- ask for it. No event tells what people asked for, so that `admin rebuild` leaves these rows as they are.
CREATE TABLE keyword_matches (
    tenant          BIGINT NOT NULL,
    room_id         TEXT   NOT NULL,
    keyword         TEXT   NOT NULL,
    stream_position BIGINT NOT NULL,        -- of the message
    event_id        TEXT   NOT NULL,
    matched_at      BIGINT NOT NULL,        -- position of the event that brought the text: the message, or an edit
    PRIMARY KEY (tenant, room_id, keyword, stream_position)
);
CREATE INDEX keyword_matches_by_event ON keyword_matches (tenant, event_id);

-- Messages whose present text ends as a question or carries a tag such as #urgent.
CREATE TABLE priority_marks (
    tenant          BIGINT NOT NULL,
    room_id         TEXT   NOT NULL,
    stream_position BIGINT NOT NULL,        -- of the message
    event_id        TEXT   NOT NULL,
    is_question     BIGINT NOT NULL,        -- 1 only in a DM or in a reply, where it can be directed at somebody
    is_urgent       BIGINT NOT NULL,
    PRIMARY KEY (tenant, room_id, stream_position)
);
CREATE INDEX priority_marks_by_event ON priority_marks (tenant, event_id);

-- Inbox items that people put away.
CREATE TABLE dismissals (
    tenant         BIGINT NOT NULL,
    event_id       TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,
    dismissed_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, event_id, participant_id)
);
CREATE INDEX dismissals_by_participant ON dismissals (tenant, participant_id, dismissed_at);

-- Messages that people want to be told of again.
CREATE TABLE snoozes (
    tenant         BIGINT NOT NULL,
    task_id        TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,
    room_id        TEXT   NOT NULL,
    event_id       TEXT   NOT NULL,
    until_at       BIGINT NOT NULL,         -- ms
    created_at     BIGINT NOT NULL,         -- ms
    is_due         BIGINT NOT NULL,         -- 1 once its time has come: it waits for a device of the person's
    PRIMARY KEY (tenant, task_id)
);
CREATE UNIQUE INDEX snoozes_by_event ON snoozes (tenant, event_id, participant_id);
CREATE INDEX snoozes_by_participant ON snoozes (tenant, participant_id, until_at, task_id);
CREATE INDEX snoozes_by_time ON snoozes (tenant, until_at) WHERE is_due = 0;

CREATE INDEX room_settings_by_room ON room_settings (tenant, room_id);
