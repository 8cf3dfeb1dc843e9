//! The Kryten client library: NATS connection, key-value helpers, the event stream, commands.
