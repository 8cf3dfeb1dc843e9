//! `kryten kv edit`: what the editor leaves is stored, unless somebody else was faster.

use std::path::Path;

use kryten_servers::NatsServer;

use crate::program::{Ran, kryten, printed};

/// Runs `kv edit` with a shell script as the editor; `$1` is the file.
fn edit(server: &NatsServer, folder: &Path, script: &str, more: &[&str]) -> Ran {
    let editor = folder.join("editor.sh");
    std::fs::write(&editor, format!("set -e\n{script}\n")).unwrap();
    kryten(server)
        .args(["kv", "edit", "notes", "bob"])
        .args(more)
        .env_remove("VISUAL")
        .env("EDITOR", format!("sh '{}'", editor.display()))
        .env("TMPDIR", folder)
        .output()
        .unwrap()
        .into()
}

/// The files with texts that were kept.
fn kept(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let files = files.filter(|path| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("kryten-")
    });
    files
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect()
}

#[tokio::test]
async fn what_the_editor_leaves_is_stored() {
    let server = NatsServer::ephemeral().await;
    let folder = tempfile::tempdir().unwrap();
    printed(&server, &["kv", "create", "notes"]);
    let missing = edit(&server, folder.path(), "true", &[]);
    assert_eq!(missing.code, 1);
    assert!(missing.err.contains("give --create"), "{missing:?}");
    let made = edit(
        &server,
        folder.path(),
        "echo '{\"rank\": 1.50}' > \"$1\"",
        &["--create"],
    );
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(
        printed(&server, &["kv", "get", "notes", "bob"]),
        "{\"rank\": 1.50}\n"
    );
    let edited = edit(
        &server,
        folder.path(),
        "sed -i 's/\"rank\": 1.50/\"rank\": 3/' \"$1\"",
        &["--json"],
    );
    assert_eq!(edited.code, 0, "{edited:?}");
    assert!(edited.out.contains("\"revision\": 2"), "{edited:?}");
    assert_eq!(
        printed(&server, &["kv", "get", "notes", "bob"]),
        "{\"rank\":3}\n"
    );
    let same = edit(&server, folder.path(), "true", &[]);
    assert_eq!((same.code, same.err.as_str()), (0, "nothing was changed\n"));
    assert_eq!(
        printed(&server, &["kv", "history", "notes", "bob"]),
        "2\tput\t{\"rank\":3}\n"
    );
    assert_eq!(kept(folder.path()), [""; 0]);
}

#[tokio::test]
async fn whoever_was_slower_keeps_the_text_in_a_file_and_overwrites_nothing() {
    let server = NatsServer::ephemeral().await;
    let folder = tempfile::tempdir().unwrap();
    printed(&server, &["kv", "create", "notes"]);
    printed(&server, &["kv", "put", "notes", "bob", "first"]);
    let url = format!(
        "nats://{}:{}@127.0.0.1:{}",
        server.user(),
        server.password(),
        server.port()
    );
    let script = format!(
        "echo mine > \"$1\"\n{} --nats {url} kv put notes bob theirs",
        env!("CARGO_BIN_EXE_kryten")
    );
    let ran = edit(&server, folder.path(), &script, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.err
            .contains("somebody else has changed \"bob\" meanwhile; nothing was stored"),
        "{ran:?}"
    );
    assert!(
        ran.err.contains(&folder.path().display().to_string()),
        "{ran:?}"
    );
    assert_eq!(printed(&server, &["kv", "get", "notes", "bob"]), "theirs\n");
    assert_eq!(kept(folder.path()), ["mine\n"]);
}

#[tokio::test]
async fn what_is_no_json_any_more_and_a_failing_editor_store_nothing() {
    let server = NatsServer::ephemeral().await;
    let folder = tempfile::tempdir().unwrap();
    printed(&server, &["kv", "create", "notes"]);
    printed(&server, &["kv", "put", "notes", "bob", "{\"rank\":1}"]);
    let broken = edit(&server, folder.path(), "echo '{\"rank\":' > \"$1\"", &[]);
    assert_eq!(broken.code, 1);
    assert!(broken.err.contains("is no JSON any more"), "{broken:?}");
    assert_eq!(kept(folder.path()), ["{\"rank\":\n"]);
    let failed = edit(&server, folder.path(), "exit 3", &[]);
    assert_eq!(failed.code, 1);
    assert!(failed.err.contains("failed"), "{failed:?}");
    assert_eq!(
        printed(&server, &["kv", "get", "notes", "bob"]),
        "{\"rank\":1}\n"
    );
    let forced = edit(
        &server,
        folder.path(),
        "printf no-json > \"$1\"",
        &["--force"],
    );
    assert_eq!(forced.code, 0, "{forced:?}");
    assert_eq!(
        printed(&server, &["kv", "get", "notes", "bob"]),
        "no-json\n"
    );
}
