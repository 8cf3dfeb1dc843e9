-- What else happened in an hour: films, and the most and fewest users, when, from joins and leaves.
ALTER TABLE kryten_hourly ADD COLUMN media BIGINT NOT NULL DEFAULT 0;
ALTER TABLE kryten_hourly ADD COLUMN population_high BIGINT;
ALTER TABLE kryten_hourly ADD COLUMN population_high_at BIGINT;
ALTER TABLE kryten_hourly ADD COLUMN population_low BIGINT;
ALTER TABLE kryten_hourly ADD COLUMN population_low_at BIGINT;
