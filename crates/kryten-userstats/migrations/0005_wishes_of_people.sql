-- What people wish of their data: an append-only log of inputs with the time and the places in the stream at which each
-- took effect. `who` is a digest of the name under a key of this database; the name itself is kept only of those who
-- opted out and were not forgotten. What was counted of who opted out is set aside until they opt in.
CREATE TABLE kryten_privacy_key (
    id BIGINT NOT NULL PRIMARY KEY,
    secret TEXT NOT NULL
);
CREATE TABLE kryten_privacy (
    who TEXT NOT NULL,
    wish TEXT NOT NULL,
    wished_at BIGINT NOT NULL,
    positions TEXT NOT NULL,
    username TEXT,
    PRIMARY KEY (who, wished_at, wish)
);
CREATE TABLE kryten_set_aside (
    who TEXT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL,
    counted TEXT NOT NULL
);
ALTER TABLE kryten_recent_lines ADD COLUMN who TEXT;
