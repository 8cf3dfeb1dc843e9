//! The one binary, `kryten`: all services and tools.

fn main() {}
