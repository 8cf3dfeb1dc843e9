-- What an instance tells of itself as JSON, so that any of them can answer for all.
ALTER TABLE kryten_instances ADD COLUMN report TEXT NOT NULL DEFAULT '{}';
