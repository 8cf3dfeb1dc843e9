//! Finds or fetches a real nats-server and runs it as a child process.
