//! A reader's terminal: a shell in a fresh folder, with the programs under test in its path.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use kryten_servers::{FindOptions, find_nats_server};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::blocks::{Block, Kind};
use crate::rig::free_port;

/// A document that takes longer has something that does not end; the first build of an example is a part of it.
const PATIENCE: Duration = Duration::from_secs(900);
/// The ports that documents name.
const PORTS: [&str; 6] = ["4222", "8080", "8088", "8090", "8443", "28282"];

/// What goes on is ended when the shell ends, however that comes; each is the head of a group of processes.
const PRELUDE: &str = r#"set -euo pipefail
started=()
finish() {
    code=$?
    trap - EXIT TERM
    for pid in "${started[@]}"; do kill -TERM -- "-$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
    exit "$code"
}
trap finish EXIT
trap 'exit 143' TERM
stays() { # place, text, file of commands
    setsid bash -euo pipefail "$3" > "$3.log" 2>&1 < /dev/null &
    started+=($!)
    until grep -qF -- "$2" "$3.log"; do
        if ! kill -0 "$!" 2>/dev/null; then echo "$1 has ended without \"$2\":"; cat "$3.log"; exit 1; fi
        sleep 0.05
    done
}
"#;

pub(super) struct Terminal {
    folder: tempfile::TempDir,
    path: String,
    ports: Vec<(&'static str, u16)>,
}

impl Terminal {
    pub(super) async fn open(root: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ports: Vec<_> = PORTS.map(|port| (port, free_port())).into();
        let port = |name: &str| ports.iter().find(|(known, _)| *known == name).unwrap().1;
        let (nats, web) = (port("4222"), port("8088"));
        let bin = folder.path().join("bin");
        std::fs::create_dir_all(folder.path().join("home")).unwrap();
        std::fs::create_dir(&bin).unwrap();
        let program = env!("CARGO_BIN_EXE_kryten");
        // The ports of `up` that no option names are its defaults.
        let kryten = format!(
            r#"case " $* " in
*" up "*)
    case " $* " in *" --nats-port "*) ;; *) set -- "$@" --nats-port {nats} ;; esac
    case " $* " in *" --web-port "*) ;; *) set -- "$@" --web-port {web} ;; esac ;;
esac
exec {program} "$@""#
        );
        write_program(&bin.join("kryten"), &kryten);
        let target = Path::new(program).parent().unwrap();
        // `cargo run` of what is shipped is the program under test; an example is built as the documents say.
        let cargo = format!(
            r#"if [ "$1 $2" = "run --release" ] && [ "$3" = "--" ]; then shift 3; exec kryten "$@"; fi
if [ "$1 $2 $4" = "run --example --" ]; then
    example="$3"; shift 4
    {cargo} build --quiet --locked --manifest-path {root}/Cargo.toml -p kryten-testkit --example "$example"
    exec {target}/examples/"$example" "$@"
fi
echo "cargo $*: the test knows no such call; mark the block as sh,norun" >&2; exit 1"#,
            cargo = env!("CARGO"),
            root = root.display(),
            target = target.display()
        );
        write_program(&bin.join("cargo"), &cargo);
        let server = find_nats_server(&FindOptions::default()).await.unwrap();
        let nats_server = format!(
            "exec {} -a 127.0.0.1 -p {nats} \"$@\"",
            server.path.display()
        );
        write_program(&bin.join("nats-server"), &nats_server);
        let path = std::env::var("PATH").unwrap_or_default();
        let terminal = Self {
            path: format!("{}:{path}", bin.display()),
            folder,
            ports,
        };
        terminal.copy(&root.join("config"));
        terminal
    }

    /// The samples, where a reader has them.
    fn copy(&self, samples: &Path) {
        let to = self.folder.path().join("config");
        std::fs::create_dir(&to).unwrap();
        for sample in std::fs::read_dir(samples).unwrap().flatten() {
            let text = std::fs::read_to_string(sample.path()).unwrap();
            std::fs::write(to.join(sample.file_name()), self.with_free_ports(&text)).unwrap();
        }
    }

    fn with_free_ports(&self, text: &str) -> String {
        let mut words = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, from) = rest.split_at(at);
            let end = from.find(|c: char| !c.is_ascii_digit());
            let (number, after) = from.split_at(end.unwrap_or(from.len()));
            let free = self.ports.iter().find(|(port, _)| *port == number);
            words.push(before.to_owned());
            words.push(free.map_or_else(|| number.to_owned(), |(_, free)| free.to_string()));
            rest = after;
        }
        words.push(rest.to_owned());
        words.concat()
    }

    fn script(&self, blocks: &[Block]) -> String {
        let mut script = PRELUDE.to_owned();
        for (number, block) in blocks.iter().enumerate() {
            let commands = self.with_free_ports(&block.commands);
            let place = &block.place;
            match &block.kind {
                Kind::Runs => script += &format!("echo '== {place}'\n{commands}\n"),
                Kind::Stays(text) => {
                    let file = self.file(&format!("block-{number}"));
                    std::fs::write(&file, commands).unwrap();
                    let file = file.display();
                    script += &format!("echo '== {place}'\nstays '{place}' '{text}' {file}\n");
                }
                Kind::NotRun(_) => {}
            }
        }
        script
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs all blocks.
    pub(super) async fn run(&self, blocks: &[Block]) {
        let script = self.file("script");
        std::fs::write(&script, self.script(blocks)).unwrap();
        let home = self.file("home");
        let printed = self.file("printed");
        let output = std::fs::File::create(&printed).unwrap();
        let cache = match std::env::var_os("KRYTEN_CACHE") {
            Some(cache) => PathBuf::from(cache),
            None => self.cache_of_caller(),
        };
        let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let user_home = PathBuf::from(std::env::var_os("HOME").unwrap());
        let mut shell = tokio::process::Command::new("bash")
            .arg(&script)
            .current_dir(self.folder.path())
            .env("PATH", &self.path)
            .env("HOME", &home)
            .env("KRYTEN_CACHE", cache)
            .env("CARGO_HOME", cargo_home.unwrap_or(user_home.join(".cargo")))
            .env(
                "RUSTUP_HOME",
                std::env::var_os("RUSTUP_HOME").unwrap_or(user_home.join(".rustup").into()),
            )
            .env_remove("XDG_DATA_HOME")
            .env_remove("KRYTEN_DATA_DIR")
            .env_remove("RUST_LOG")
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let ended = tokio::time::timeout(PATIENCE, shell.wait()).await;
        let code = match ended {
            Ok(status) => status.unwrap().code(),
            Err(_) => {
                let pid = i32::try_from(shell.id().unwrap()).unwrap();
                // Its trap ends what it has started.
                kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
                let _ = shell.wait().await;
                None
            }
        };
        let printed = std::fs::read_to_string(&printed).unwrap();
        assert_eq!(code, Some(0), "the last block has failed:\n{printed}");
    }

    /// Where nats-server is for tests, since the reader's home is empty.
    fn cache_of_caller(&self) -> PathBuf {
        let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache");
        base.unwrap_or_else(home).join("kryten")
    }
}

fn write_program(path: &Path, script: &str) {
    std::fs::write(path, format!("#!/usr/bin/env bash\nset -eu\n{script}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
