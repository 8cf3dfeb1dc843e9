-- Whose an alias is, and which aliases somebody has whose name is given in any case, without reading all of them. The
-- indexes change nothing for the original, which may go on with the file.
CREATE INDEX IF NOT EXISTS kryten_aliases ON user_aliases (alias, id);
CREATE INDEX IF NOT EXISTS kryten_aliases_lower ON user_aliases (LOWER(username));
