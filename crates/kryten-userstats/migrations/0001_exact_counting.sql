-- Ours, beside the original's tables: the position of the counts in the event stream and what counting remembers.
-- Times are whole numbers: microseconds since the Unix epoch, hours since it in kryten_hourly, nanoseconds where the
-- server gives them.
CREATE TABLE kryten_position (
    token TEXT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    stream_created TEXT,
    sequence BIGINT NOT NULL DEFAULT 0,
    message_id TEXT,
    message_time BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE kryten_channel_state (
    domain TEXT NOT NULL,
    channel TEXT NOT NULL,
    emotes TEXT,
    memory TEXT NOT NULL,
    PRIMARY KEY (domain, channel)
);
CREATE TABLE kryten_recent_lines (
    domain TEXT NOT NULL,
    channel TEXT NOT NULL,
    place BIGINT NOT NULL,
    line_id TEXT NOT NULL,
    PRIMARY KEY (domain, channel, place)
);
CREATE TABLE kryten_visits (
    domain TEXT NOT NULL,
    channel TEXT NOT NULL,
    username TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,
    afk_since BIGINT,
    afk_seconds BIGINT NOT NULL,
    PRIMARY KEY (domain, channel, username, opened_at)
);
CREATE INDEX kryten_visits_open ON kryten_visits (domain, channel, username) WHERE closed_at IS NULL;
CREATE TABLE kryten_hourly (
    domain TEXT NOT NULL,
    channel TEXT NOT NULL,
    hour BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    pms BIGINT NOT NULL,
    kudos_plusplus BIGINT NOT NULL,
    kudos_phrases BIGINT NOT NULL,
    emotes BIGINT NOT NULL,
    votes BIGINT NOT NULL,
    PRIMARY KEY (domain, channel, hour)
);
CREATE TABLE kryten_gaps (
    domain TEXT NOT NULL,
    channel TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    chat_complete BOOLEAN NOT NULL,
    lost BIGINT,
    PRIMARY KEY (domain, channel, began_at, ended_at, reason)
);
