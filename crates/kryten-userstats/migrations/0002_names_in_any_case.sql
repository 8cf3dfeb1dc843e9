-- Names are asked for in any case. The index changes nothing for the original, which may go on with the file.
CREATE INDEX IF NOT EXISTS kryten_users_lower ON users (LOWER(username));
