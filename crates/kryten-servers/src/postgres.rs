//! A PostgreSQL server for tests: one for a test program, a database for each test.
//!
//! It is a child process that does not outlive us, and keeps nothing: what a test stores need not survive a power cut.

mod account;
mod find;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use rand::RngExt;
use tokio::sync::OnceCell;

pub use find::{FindPostgres, find_postgres};

use crate::child::Child;
use crate::settings::free_port;
use account::Account;

const START_TIMEOUT: Duration = Duration::from_secs(60);
const PREFIX: &str = "kryten-postgres-";
const USER: &str = "kryten";

/// Why there is no PostgreSQL server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// None of the places had the programs.
    #[error(
        "no PostgreSQL server was found for the tests ({}); install one (Debian: `apt-get install postgresql`), or name \
         the folder of its programs in KRYTEN_POSTGRES_BIN",
        tried.join("; ")
    )]
    NotFound {
        /// What was tried and what came of it, in order.
        tried: Vec<String>,
    },
    /// A file or folder could not be made.
    #[error("cannot prepare {path} for PostgreSQL: {source}", path = path.display())]
    Prepare {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// One of its programs failed.
    #[error("{program} failed: {output}")]
    Program {
        /// The program.
        program: &'static str,
        /// The last line that it wrote.
        output: String,
    },
    /// The server did not come up.
    #[error("PostgreSQL did not start: {last_line}")]
    Start {
        /// The last line of its log.
        last_line: String,
    },
}

/// A running PostgreSQL server; it is killed when this is dropped, and when our process dies.
#[derive(Debug)]
pub struct PostgresServer {
    // In the order in which they are dropped: the process, then the lock on its folder, then the folder.
    child: Option<Child>,
    lock: File,
    folder: tempfile::TempDir,
    programs: PathBuf,
    account: Account,
    password: String,
    port: u16,
    databases: AtomicU32,
}

impl PostgresServer {
    /// The server of this test program, started when it is first asked for.
    ///
    /// # Panics
    /// When no PostgreSQL can be found or started; the text says why.
    pub async fn shared() -> &'static Self {
        static SERVER: OnceCell<PostgresServer> = OnceCell::const_new();
        SERVER.get_or_init(Self::ephemeral).await
    }

    /// A server for one test, which may stop and start it.
    ///
    /// # Panics
    /// As [`PostgresServer::shared`].
    pub async fn ephemeral() -> Self {
        match Self::start(&FindPostgres::default()).await {
            Ok(server) => server,
            Err(error) => panic!("{error}"),
        }
    }

    /// Makes and starts a server.
    ///
    /// # Errors
    /// [`PostgresError`] when its programs cannot be found or run.
    pub async fn start(options: &FindPostgres) -> Result<Self, PostgresError> {
        let programs = find_postgres(options).await?;
        let made = tokio::task::spawn_blocking(move || Self::make(&programs)).await;
        let mut server = made.unwrap_or_else(|error| {
            Err(PostgresError::Start {
                last_line: error.to_string(),
            })
        })?;
        server.launch().await?;
        Ok(server)
    }

    /// An empty database of its own; its address.
    ///
    /// # Panics
    /// When the server cannot make it.
    pub async fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        let mut command = self.client("createdb");
        command.arg(&name);
        let run = tokio::task::spawn_blocking(move || run("createdb", command)).await;
        match run {
            Ok(Ok(())) => self.url(&name),
            Ok(Err(error)) => panic!("{error}"),
            Err(error) => panic!("{error}"),
        }
    }

    /// The address of a database, with the password in it.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{USER}:{}@127.0.0.1:{}/{database}",
            self.password, self.port
        )
    }

    /// The process, as long as it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::pid)
    }

    /// Stops the server at once, as a crash does: nothing is told to those who are connected. What was committed
    /// stays.
    pub async fn crash(&mut self) {
        if let Some(child) = self.child.take() {
            // One that has ended needs no signal.
            let _ = child.signal(Signal::SIGQUIT);
            child.ended().await;
        }
    }

    /// Starts the server again, on the same port.
    ///
    /// # Errors
    /// [`PostgresError`] when it does not come up.
    pub async fn restart(&mut self) -> Result<(), PostgresError> {
        self.crash().await;
        self.launch().await
    }

    fn make(programs: &Path) -> Result<Self, PostgresError> {
        sweep();
        let prepare = |path: &Path| {
            let path = path.to_owned();
            move |source| PostgresError::Prepare { path, source }
        };
        let temporary = std::env::temp_dir();
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(&temporary)
            .map_err(prepare(&temporary))?;
        let place = folder.path();
        let make = || -> io::Result<(File, Account, PathBuf, String)> {
            // The account has to pass through, not to read.
            fs::set_permissions(place, fs::Permissions::from_mode(0o711))?;
            let lock = File::create(place.join("lock"))?;
            lock.lock()?;
            let account = Account::find()?;
            account.make_folder(&place.join("data"))?;
            let programs = account.within_reach(programs, place)?;
            let password = hex::encode(rand::rng().random::<[u8; 12]>());
            let file = place.join("password");
            fs::write(&file, &password)?;
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
            account.give(&file)?;
            Ok((lock, account, programs, password))
        };
        let (lock, account, programs, password) = make().map_err(prepare(place))?;
        let mut initdb = account.command(&programs.join("initdb"));
        initdb
            .args([
                "--username",
                USER,
                "--auth=scram-sha-256",
                "--encoding=UTF8",
            ])
            .args(["--locale=C", "--no-sync", "--no-instructions", "-D"])
            .arg(place.join("data"))
            .arg(format!("--pwfile={}", place.join("password").display()));
        run("initdb", initdb)?;
        Ok(Self {
            child: None,
            lock,
            programs,
            account,
            password,
            port: free_port(),
            databases: AtomicU32::new(0),
            folder,
        })
    }

    async fn launch(&mut self) -> Result<(), PostgresError> {
        let data = self.folder.path().join("data");
        let log = self.folder.path().join("log");
        let prepare = |source| PostgresError::Prepare {
            path: log.clone(),
            source,
        };
        let file = File::create(&log).map_err(prepare)?;
        let mut command = self.account.command(&self.programs.join("postgres"));
        command.arg("-D").arg(&data);
        for setting in [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "max_connections=300".to_owned(),
            // The disk is the machine's, and its loss is not tested.
            "fsync=off".to_owned(),
            "full_page_writes=off".to_owned(),
        ] {
            command.arg("-c").arg(setting);
        }
        let lock = self.lock.try_clone().map_err(prepare)?;
        let child = Child::run(command, file, lock).map_err(prepare)?;
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            // Its last line says whether connections are taken.
            let status = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            let pid = child.pid().map(|pid| pid.to_string());
            let mut lines = status.lines();
            let is_its = lines
                .next()
                .is_some_and(|line| Some(line.trim()) == pid.as_deref());
            if is_its && lines.last().is_some_and(|line| line.trim() == "ready") {
                break;
            }
            if pid.is_none() || Instant::now() > deadline {
                let text = fs::read_to_string(&log).unwrap_or_default();
                return Err(PostgresError::Start {
                    last_line: last_line(&text),
                });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.child = Some(child);
        Ok(())
    }

    fn client(&self, program: &str) -> Command {
        let mut command = self.account.command(&self.programs.join(program));
        command
            .args(["--host=127.0.0.1", "--username", USER, "--no-password"])
            .arg(format!("--port={}", self.port))
            .env("PGPASSWORD", &self.password);
        command
    }
}

fn run(program: &'static str, mut command: Command) -> Result<(), PostgresError> {
    let failed = |output: String| PostgresError::Program { program, output };
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(failed(last_line(&String::from_utf8_lossy(&output.stderr)))),
    }
}

fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("it wrote nothing").trim().to_owned()
}

/// A test program ends without dropping its shared server; the next one removes the folder.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let lock = || File::open(entry.path().join("lock"));
        if ours && lock().is_ok_and(|lock| lock.try_lock().is_ok()) {
            // Another one may be removing it, too.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
