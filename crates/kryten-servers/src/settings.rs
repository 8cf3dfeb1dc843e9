//! The configuration file that a nats-server is started with, and the file by which it says that it listens.

use std::fmt::{self, Write as _};
use std::fs;
use std::io::{self, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::RngExt;

use crate::child::Child;
use crate::server::{NatsServerOptions, ServerError};

/// A user and a password that nobody can guess.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Credentials {
    pub(crate) fn random() -> Self {
        let mut random = rand::rng();
        Self {
            user: format!("kryten-{}", hex::encode(random.random::<[u8; 4]>())),
            password: hex::encode(random.random::<[u8; 24]>()),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// Writes the configuration file, readable by us alone, and empties the folder of the ports file.
pub(crate) fn write_config(
    options: &NatsServerOptions,
    credentials: &Credentials,
    port: u16,
) -> Result<PathBuf, ServerError> {
    let path = options.data_dir.join("nats-server.conf");
    let text = config_text(options, credentials, port);
    let prepare = || -> io::Result<()> {
        let ports = ports_folder(&options.data_dir);
        match fs::remove_dir_all(&ports) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir(&ports)?,
        }
        // Made anew, since the mode of a file that exists would stay what it was.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(text.as_bytes())
    };
    match prepare() {
        Ok(()) => Ok(path),
        Err(source) => Err(ServerError::Prepare { path, source }),
    }
}

fn config_text(options: &NatsServerOptions, credentials: &Credentials, port: u16) -> String {
    let folder = |name: &str| quoted(&options.data_dir.join(name).to_string_lossy());
    let mut text = String::new();
    let mut line = |entry: fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        let _ = text.write_fmt(entry);
        text.push('\n');
    };
    line(format_args!("listen: \"127.0.0.1:{port}\""));
    line(format_args!("ports_file_dir: {}", folder("ports")));
    line(format_args!("max_payload: {}", options.max_payload));
    if options.login {
        line(format_args!(
            "authorization {{ user: {}, password: {} }}",
            quoted(&credentials.user),
            quoted(&credentials.password)
        ));
    }
    if options.jetstream {
        line(format_args!(
            "jetstream {{ store_dir: {}, sync_interval: {} }}",
            folder("store"),
            quoted(&options.sync_interval)
        ));
    }
    line(format_args!("{}", options.extra_config));
    text
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

fn ports_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("ports")
}

/// Whether the child says that it listens on the port: nats-server then writes `<program>_<pid>.ports`.
pub(crate) fn is_listening(data_dir: &Path, child: &Child, port: u16) -> bool {
    let Some(pid) = child.pid() else {
        return false;
    };
    let ending = format!("_{pid}.ports");
    let Ok(files) = fs::read_dir(ports_folder(data_dir)) else {
        return false;
    };
    files
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().ends_with(&ending))
        .any(|file| {
            // With TLS the address is tls://….
            fs::read_to_string(file.path())
                .is_ok_and(|text| text.contains(&format!("://127.0.0.1:{port}\"")))
        })
}

/// A port that is free now, below those that systems give to outgoing connections, so that it is most likely free
/// again when the server is restarted on it.
pub(crate) fn free_port() -> u16 {
    let mut random = rand::rng();
    loop {
        let port = random.random_range(10_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted() {
        assert_eq!(quoted(r#"/a "b"\c"#), r#""/a \"b\"\\c""#);
    }

    #[test]
    fn a_password_is_never_shown() {
        let credentials = Credentials::random();
        assert!(!format!("{credentials:?}").contains(&credentials.password));
        assert_ne!(credentials.password, Credentials::random().password);
    }
}
