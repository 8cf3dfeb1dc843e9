//! Runs `kryten` as a shell would.

use std::process::{Command, Output, Stdio};

use kryten_servers::NatsServer;

/// `kryten`, told where the server is.
pub(crate) fn kryten(server: &NatsServer) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kryten"));
    let url = format!(
        "nats://{}:{}@127.0.0.1:{}",
        server.user(),
        server.password(),
        server.port()
    );
    command
        .args(["--nats", &url])
        .env_remove("KRYTEN_DATA_DIR")
        .stdin(Stdio::null());
    command
}

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) fn run(server: &NatsServer, arguments: &[&str]) -> Ran {
    kryten(server).args(arguments).output().unwrap().into()
}

/// Runs what must succeed; what it printed.
pub(crate) fn printed(server: &NatsServer, arguments: &[&str]) -> String {
    let ran = run(server, arguments);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    ran.out
}
