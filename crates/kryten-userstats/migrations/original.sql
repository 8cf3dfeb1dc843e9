-- The tables of the original, exactly. Existing databases have them; missing ones are made. Never edited.
CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL UNIQUE,
    first_seen_at TEXT NOT NULL,
    last_seen_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS user_aliases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    alias TEXT NOT NULL,
    UNIQUE (username, alias)
);
CREATE TABLE IF NOT EXISTS message_counts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    channel TEXT NOT NULL,
    domain TEXT NOT NULL,
    message_count INTEGER DEFAULT 0,
    UNIQUE (username, channel, domain)
);
CREATE TABLE IF NOT EXISTS pm_counts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    pm_count INTEGER DEFAULT 0,
    UNIQUE (username)
);
CREATE TABLE IF NOT EXISTS population_snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    domain TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    connected_count INTEGER NOT NULL,
    chat_count INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS media_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    domain TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    media_title TEXT NOT NULL,
    media_type TEXT,
    media_id TEXT
);
CREATE TABLE IF NOT EXISTS user_activity (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    channel TEXT NOT NULL,
    domain TEXT NOT NULL,
    total_time_seconds INTEGER DEFAULT 0,
    not_afk_time_seconds INTEGER DEFAULT 0,
    UNIQUE (username, channel, domain)
);
CREATE TABLE IF NOT EXISTS emote_usage (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    channel TEXT NOT NULL,
    domain TEXT NOT NULL,
    emote TEXT NOT NULL,
    usage_count INTEGER DEFAULT 0,
    UNIQUE (username, channel, domain, emote)
);
CREATE TABLE IF NOT EXISTS kudos_plusplus (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    channel TEXT NOT NULL,
    domain TEXT NOT NULL,
    kudos_count INTEGER DEFAULT 0,
    UNIQUE (username, channel, domain)
);
CREATE TABLE IF NOT EXISTS kudos_phrases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    channel TEXT NOT NULL,
    domain TEXT NOT NULL,
    phrase TEXT NOT NULL,
    kudos_count INTEGER DEFAULT 0,
    UNIQUE (username, channel, domain, phrase)
);
CREATE TABLE IF NOT EXISTS kudos_trigger_phrases (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    phrase TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS population_watermarks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    domain TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    total_users INTEGER NOT NULL,
    chat_users INTEGER NOT NULL,
    is_high_mark INTEGER NOT NULL,
    UNIQUE (channel, domain, timestamp, is_high_mark)
);
CREATE TABLE IF NOT EXISTS movie_votes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    domain TEXT NOT NULL,
    media_title TEXT NOT NULL,
    media_type TEXT,
    media_id TEXT,
    username TEXT NOT NULL,
    vote INTEGER NOT NULL,
    timestamp TEXT NOT NULL,
    UNIQUE (channel, domain, media_title, username)
);
CREATE INDEX IF NOT EXISTS idx_users_username ON users (username);
CREATE INDEX IF NOT EXISTS idx_message_counts_lookup ON message_counts (username, channel, domain);
CREATE INDEX IF NOT EXISTS idx_population_timestamp ON population_snapshots (timestamp);
CREATE INDEX IF NOT EXISTS idx_media_changes_channel ON media_changes (channel, domain, timestamp);
CREATE INDEX IF NOT EXISTS idx_user_activity_lookup ON user_activity (username, channel, domain);
CREATE INDEX IF NOT EXISTS idx_emote_usage_lookup ON emote_usage (username, channel, domain, emote);
CREATE INDEX IF NOT EXISTS idx_watermarks_lookup ON population_watermarks (channel, domain, timestamp DESC);
CREATE INDEX IF NOT EXISTS idx_movie_votes_lookup ON movie_votes (channel, domain, media_title);
