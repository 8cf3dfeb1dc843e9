-- Which of the robot's sealed events were counted, as JSON; none where there is no key for seals.
ALTER TABLE kryten_position ADD COLUMN seals TEXT;
