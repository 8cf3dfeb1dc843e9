//! Exact statistics of CyTube channels: counts the event stream into SQL and answers queries.
