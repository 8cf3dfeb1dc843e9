//! Help, usage errors, scripts for shells, manual pages, and a reader that goes away.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::process::kryten;
use crate::program::Ran;

fn run(arguments: &[&str]) -> Ran {
    kryten()
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
        .into()
}

fn printed(arguments: &[&str]) -> String {
    let ran = run(arguments);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
    ran.out
}

#[test]
fn the_page_of_help_has_the_verbs_in_groups() {
    let help = printed(&["--help"]);
    let at = |what: &str| {
        help.find(what)
            .unwrap_or_else(|| panic!("{what} in {help}"))
    };
    let in_order = [
        "Run it:",
        "  up ",
        "In the channel:",
        "  say ",
        "  moderator ",
        "Look at it:",
        "  stats ",
        "  kv ",
        "Set it up:",
        "  config ",
        "  about ",
        "Options:",
        "--channel <CHANNEL>",
    ];
    for two in in_order.windows(2) {
        assert!(at(two[0]) < at(two[1]), "{two:?} in {help}");
    }
}

#[test]
fn every_verb_that_takes_arguments_has_help_with_an_example() {
    for verb in [
        &["say"][..],
        &["pm"],
        &["list"],
        &["playlist"],
        &["playlist", "add"],
        &["playlist", "addnext"],
        &["seek"],
        &["kick"],
        &["ban"],
        &["mute"],
        &["moderator"],
        &["moderator", "patterns"],
        &["stats"],
        &["stats", "user"],
        &["stats", "leaderboard"],
        &["stats", "channel"],
        &["stats", "channel", "hours"],
        &["stats", "alias"],
        &["stats", "phrase"],
        &["userstats"],
        &["userstats", "all"],
        &["completions"],
        &["man"],
        &["up"],
        &["kv"],
    ] {
        let help = printed(&[verb, &["--help"]].concat());
        assert!(
            help.contains("Example") && help.contains("\n  kryten "),
            "{verb:?}: {help}"
        );
    }
}

#[test]
fn a_group_alone_prints_its_help() {
    for group in [
        &["playlist"][..],
        &["list"],
        &["moderator"],
        &["moderator", "patterns"],
    ] {
        let help = printed(group);
        assert!(
            help.contains(&format!("Usage: kryten {} ", group.join(" "))),
            "{help}"
        );
    }
}

#[test]
fn wrong_usage_is_exit_code_2_before_anything_is_sent() {
    for arguments in [
        &["say"][..],
        &["say", "a", "b"],
        &["say", ""],
        &["say", "--channel=lounge"],
        &["say", "-x"],
        &["pm", "bob"],
        &["seek", "x"],
        &["seek", "nan"],
        &["playlist", "del", "7001.0"],
        &["playlist", "settemp", "5", "yes"],
        &["playlist", "move", "1"],
        &["list", "films"],
        &["say", "hi", "--channel", "lounge"],
        &["nonsense"],
        &["stats", "leaderboard", "money"],
        &["moderator", "list", "--filter", "kick"],
        &["kick", "bob", "--why"],
    ] {
        let ran = run(&[&["--nats", "nats://127.0.0.1:1"], arguments].concat());
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (2, ""),
            "{arguments:?}: {}",
            ran.err
        );
        assert!(ran.err.starts_with("error: "), "{}", ran.err);
    }
}

#[test]
fn options_are_taken_as_the_python_command_line_takes_them() {
    // The last of two counts, beginnings are enough, and servers add up.
    let nats = ["--nats", "nats://127.0.0.1:1", "--nats=nats://127.0.0.1:2"];
    let ran = run(&[
        &nats[..],
        &[
            "--chan",
            "a",
            "--channel",
            "b",
            "--dom",
            "x.example",
            "say",
            "hi",
        ],
    ]
    .concat());
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("127.0.0.1:1") && ran.err.contains("127.0.0.1:2"),
        "{}",
        ran.err
    );
    let missing = run(&["--config", "/nowhere/kryten.json", "say", "hi"]);
    assert_eq!(missing.code, 1);
    assert!(
        missing.err.contains("/nowhere/kryten.json"),
        "{}",
        missing.err
    );
}

#[test]
fn shells_get_scripts_and_man_gets_pages() {
    for (shell, word) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef kryten"),
        ("fish", "complete -c kryten"),
    ] {
        let script = printed(&["completions", shell]);
        assert!(
            script.contains(word) && script.contains("addnext"),
            "{shell}"
        );
    }
    let page = printed(&["man"]);
    assert!(
        page.contains(".TH kryten 1") && page.contains("voteskip"),
        "{page}"
    );
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    printed(&["man", "--dir", pages.to_str().unwrap()]);
    for page in [
        "kryten.1",
        "kryten-say.1",
        "kryten-playlist-add.1",
        "kryten-stats-channel-hours.1",
    ] {
        assert!(pages.join(page).is_file(), "{page}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kryten"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(said, "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
