//! A simulated channel, a real nats-server and the Kryten services behind one builder, for tests.
