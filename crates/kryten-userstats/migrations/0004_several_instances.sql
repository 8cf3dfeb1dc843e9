-- Several instances share the channels. The number of commits under an epoch tells one that was done but not
-- acknowledged, and one that the database lost, from all others.
ALTER TABLE kryten_position ADD COLUMN commits BIGINT NOT NULL DEFAULT 0;
CREATE TABLE kryten_instances (
    instance TEXT NOT NULL PRIMARY KEY,
    process TEXT NOT NULL,
    channels TEXT NOT NULL,
    beat BIGINT NOT NULL
);
CREATE TABLE kryten_leases (
    token TEXT NOT NULL PRIMARY KEY,
    instance TEXT NOT NULL
);
