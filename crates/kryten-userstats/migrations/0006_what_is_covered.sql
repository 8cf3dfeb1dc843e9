-- From when to when everything was counted: lines by CyTube's clock, other events by the robot's. What is counted later,
-- from recordings or logs, is only what lies outside of it.
CREATE TABLE kryten_coverage (
    domain TEXT NOT NULL,
    channel TEXT NOT NULL,
    kind TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (domain, channel, kind, began_at)
);
