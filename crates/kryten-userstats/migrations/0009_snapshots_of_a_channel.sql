-- The highest and the lowest of a channel's last day, without reading the snapshots of all channels. The index changes
-- nothing for the original, which may go on with the file.
CREATE INDEX IF NOT EXISTS kryten_snapshots_of_a_channel ON population_snapshots (channel, domain, timestamp);
