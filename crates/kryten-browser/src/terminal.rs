//! Pictures of the terminal: commands run on a pseudo terminal beside the demo, and drawn by the browser.

use std::path::Path;
use std::process::{Command, Stdio};

use anstyle_svg::Term;
use anyhow::{Context, ensure};

use crate::demo::Demo;
use crate::tab::Tab;

/// As wide as people's terminals are at least.
const COLUMNS: usize = 84;
const ROWS: usize = 60;

/// The pictures, and the commands on each.
const PICTURES: [(&str, &[&str]); 4] = [
    (
        "terminal",
        &[
            "kryten stats channel top --limit 5",
            "kryten stats channel population --hours 1",
            "kryten list queue",
            "kryten tail --event chatMsg --count 5",
        ],
    ),
    (
        "terminal-stats",
        &["kryten stats channel summary", "kryten stats channel hours"],
    ),
    (
        "terminal-kv",
        &[
            "kryten kv create notes --history 5",
            "kryten kv put notes user:bob '{\"points\":3,\"seen\":\"today\"}'",
            "kryten kv put notes user:bob '{\"points\":4,\"seen\":\"today\"}'",
            "kryten kv history notes user:bob",
            "kryten kv tree kryten_demo_playlist",
            "kryten kv ls --long",
        ],
    ),
    ("terminal-help", &["kryten --help"]),
];

/// Makes all of them in a folder.
pub(crate) async fn make(folder: &Path, tab: &Tab, demo: &Demo) -> anyhow::Result<()> {
    for (name, commands) in PICTURES {
        let mut seen = String::new();
        for command in commands {
            seen += &format!("\u{1b}[1m$ {command}\u{1b}[0m\n{}\n", run(demo, command)?);
        }
        let svg = Term::new().render_svg(seen.trim_end());
        let page = tempfile::Builder::new().suffix(".html").tempfile()?;
        let html = format!("<!doctype html><meta charset=\"utf-8\"><body style=\"margin:0\">{svg}");
        std::fs::write(page.path(), html)?;
        tab.open(&format!("file://{}", page.path().display()))
            .await?;
        let file = folder.join(format!("{name}.png"));
        tab.picture_of("svg", &file).await?;
    }
    Ok(())
}

/// What a command shows on a terminal, colours included.
fn run(demo: &Demo, command: &str) -> anyhow::Result<String> {
    // `script` is in every Debian and gives the command a terminal.
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command"])
        .arg(format!("stty cols {COLUMNS} rows {ROWS} -onlcr; {command}"))
        .arg("/dev/null")
        .env("PATH", demo.path()?)
        .env("KRYTEN_DATA_DIR", demo.folder())
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .context("`script` of the package bsdutils cannot be started")?;
    let seen = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    ensure!(output.status.success(), "{command} failed: {seen}");
    Ok(seen)
}
