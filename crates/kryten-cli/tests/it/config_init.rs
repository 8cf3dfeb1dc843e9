//! `kryten config init`: what it writes can be used, and what is there is never lost.

use std::path::Path;

use crate::process::kryten;
use crate::program::Ran;

fn init(folder: &Path, arguments: &[&str]) -> Ran {
    let ran = kryten()
        .current_dir(folder)
        .args(["config", "init"])
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output();
    ran.unwrap().into()
}

fn checked(folder: &Path, file: &str) -> String {
    let output = kryten()
        .current_dir(folder)
        .args(["config", "check", file])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_written_can_be_used_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (arguments, file, told) in [
        (
            &["robot", "--channel", "lounge"][..],
            "robot.toml",
            "robot.toml can be used by the robot\n",
        ),
        (
            &[
                "robot",
                "--channel",
                "lounge",
                "--channel",
                "den",
                "--user",
                "Bot",
                "--domain",
                "sync.example",
                "--out",
                "two.toml",
            ],
            "two.toml",
            "two.toml can be used by the robot\n",
        ),
        (
            &[
                "userstats",
                "--channel",
                "lounge",
                "--timezone",
                "Europe/Berlin",
            ],
            "userstats.toml",
            "userstats.toml can be used by the statistics\n",
        ),
        (
            &["client", "--nats", "nats://a:4222,nats://b:4222"],
            "client.toml",
            "client.toml can be used by a client\n",
        ),
    ] {
        let ran = init(folder, arguments);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arguments:?}");
        assert!(
            ran.out
                .starts_with(&format!("{file} is written\nnext: kryten ")),
            "{ran:?}"
        );
        assert_eq!(checked(folder, file), told);
    }
    let two = kryten_robot::config::load(&folder.join("two.toml")).unwrap();
    let channels: Vec<_> = two
        .channels
        .iter()
        .map(|one| {
            (
                one.domain.as_str(),
                one.channel.as_str(),
                one.user.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        channels,
        [
            ("sync.example", "lounge", Some("Bot")),
            ("sync.example", "den", Some("Bot"))
        ]
    );
    assert!(two.commands_enabled);
    let text = std::fs::read_to_string(folder.join("robot.toml")).unwrap();
    assert!(text.lines().filter(|line| line.starts_with("# ")).count() > 10);
}

#[test]
fn a_file_that_is_there_stays_and_nothing_useless_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("robot.toml"), "mine").unwrap();
    let refused = init(folder, &["--channel", "lounge"]);
    assert!(
        refused.code == 1 && refused.err.contains("--force"),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read_to_string(folder.join("robot.toml")).unwrap(),
        "mine"
    );
    let bad = init(folder, &["--channel", "no such!", "--force"]);
    assert!(
        bad.code == 1 && bad.err.contains("is no CyTube channel name"),
        "{bad:?}"
    );
    let bad = init(
        folder,
        &["userstats", "--channel", "c", "--timezone", "Mars"],
    );
    assert!(
        bad.code == 1 && bad.err.contains("nothing was written"),
        "{bad:?}"
    );
    assert_eq!(
        std::fs::read_to_string(folder.join("robot.toml")).unwrap(),
        "mine"
    );
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 1);
    assert_eq!(init(folder, &["--channel", "lounge", "--force"]).code, 0);
    checked(folder, "robot.toml");
    let unasked = init(folder, &["--out", "other.toml"]);
    assert!(
        unasked.code == 2 && unasked.err.contains("Give --channel"),
        "{unasked:?}"
    );
}

#[test]
fn a_name_that_services_would_read_as_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["robot.json", "robot.yaml", "robot"] {
        let ran = init(
            folder.path(),
            &["robot", "--channel", "lounge", "--out", name],
        );
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{name}");
        assert_eq!(
            ran.err,
            format!(
                "error: {name} is to be TOML, and services tell that by its name; let --out end in .toml\n"
            )
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
